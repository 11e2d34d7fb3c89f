"""What context costs: 2, 4 ... 1,024 symbols, for the flat network and for each of the tree's runs.

Untrained networks in evaluation mode, all vectors of one width, so that every level costs the same. On one core, in
processor time, so that other work of the machine does not count. The flat network pays for every symbol that it sees;
the tree pays once more for every doubling, unless it is asked for one window at a time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from wavetree.config import FlatConfig, TreeConfig
from wavetree.errors import SettingError
from wavetree.experiments.machine import using_threads
from wavetree.inspect import layer_table
from wavetree.models import AnyModel, build, parameter_count

CONTEXTS = tuple(2**level for level in range(1, 11))
WIDTH, VOCAB = 64, 27
SHORT_ROW, ROW = 1024, 5120
"""Symbols of two dense runs. Their difference is what a symbol costs; what they share is the beginning of a row, where
each level takes 2^l answers to pad from the state."""
WINDOWS = 64
"""Windows in a batch of the window runs; streams that are stepped together."""
ROUNDS = 9
"""Every run has its turn in each round, so that a drifting machine is met by all; the least time of each counts."""
KEPT = 31 << 20
"""Bytes that are taken and given back at first. The usual allocator of Linux keeps what is freed, up to the largest
block that ever was (at most 32 MiB); else it asks the system for large tensors anew each time, page by page."""
FITTED_FROM = 8
"""Slopes are fitted from this context on; below it the fixed costs of a call show."""


@dataclass(frozen=True)
class ContextRow:
    """One way to run one context: what a symbol costs. `levels` of the flat network is its 1 wide layer."""

    name: str
    context: int
    levels: int
    params: int
    multiply_adds: int
    microseconds: float

    def to_json(self) -> dict[str, object]:
        """The row of `--json`; nothing is trained, so that there are no losses."""
        return asdict(self) | {"train_nll": None, "val_nll": None, "seconds": None, "published": None}


def check_contexts(contexts: Sequence[int]) -> None:
    """Raises SettingError for a context that no tree has."""
    most = CONTEXTS[-1]
    for context in contexts:
        if context > most:
            raise SettingError(f"a context of {context:,} symbols is more than the {most:,} that are compared here.")
        if context < CONTEXTS[0]:
            raise SettingError(f"--context cannot be {context}: a tree sees at least 2 symbols.")
        if context not in CONTEXTS:
            below = 1 << (context.bit_length() - 1)
            raise SettingError(
                f"a context of {context} symbols is no power of two, and every level of a tree doubles what it sees: "
                f"the nearest are {below} and {2 * below}."
            )


def context_costs(contexts: Sequence[int], tell: Callable[[str], None]) -> list[ContextRow]:
    """Four rows for each context. `contexts` are powers of two."""
    works = {row: work for context in contexts for row, work in _works(context)}
    least = {(row, symbols): math.inf for row, work in works.items() for symbols in work}
    torch.empty(KEPT, dtype=torch.uint8)
    with using_threads(1), torch.no_grad():
        for number in range(1, ROUNDS + 1):
            tell(f"round {number} of {ROUNDS}")
            for row, symbols in sorted(least, key=lambda key: key[0].name):
                run = works[row][symbols]
                run()  # what the one before left in the caches is gone
                begun = time.thread_time()
                run()
                least[row, symbols] = min(least[row, symbols], time.thread_time() - begun)
    return [replace(row, microseconds=_a_symbol({n: least[row, n] for n in work})) for row, work in works.items()]


def _a_symbol(seconds: dict[int, float]) -> float:
    """Microseconds a symbol, from the seconds that so many symbols took; of two runs, what the longer took more."""
    (few, short), (many, long) = [(0, 0.0), *sorted(seconds.items())][-2:]
    return (long - short) / (many - few) * 1e6


Work = Callable[[], object]


def _works(context: int) -> Iterator[tuple[ContextRow, dict[int, Work]]]:
    """For each way to run a context: its row, without the time, and the work to be timed, by its symbols."""
    ids = torch.from_numpy(np.random.default_rng(1).integers(1, VOCAB, (1, ROW)))
    windows = ids[0].unfold(0, context, 1)[:WINDOWS].contiguous()  # (B, R)
    levels = context.bit_length() - 1
    tree = build(TreeConfig(levels=levels, embedding=WIDTH, hidden=WIDTH), VOCAB, seed=1).eval()
    flat = build(FlatConfig(context=context, embedding=WIDTH, hidden=WIDTH), VOCAB, seed=1).eval()
    state = tree.start()

    def row(name: str, model: AnyModel, depth: int, products: int) -> ContextRow:
        return ContextRow(name, context, depth, parameter_count(model), products, math.nan)

    one, every = _products(tree)
    rows: dict[int, Work] = {SHORT_ROW: lambda: tree.dense(ids[:, :SHORT_ROW]), ROW: lambda: tree.dense(ids)}
    yield row("flat", flat, 1, _products(flat)[0]), {WINDOWS: lambda: flat.window(windows)}
    yield row("tree, window", tree, levels, every), {WINDOWS: lambda: tree.window(windows)}
    yield row("tree, dense", tree, levels, one), rows
    yield row("tree, incremental", tree, levels, one), {WINDOWS: lambda: tree.step(ids[0, :WINDOWS], state)}


def slopes(rows: Sequence[ContextRow]) -> dict[str, float]:
    """Exponents of power laws, fitted on logarithms from 8 symbols on: 1 is linear, 0 constant, 2 quadratic."""
    found = {}
    for label, name, across, what in (
        ("flat: parameters against context", "flat", "context", "params"),
        ("flat: time against context", "flat", "context", "microseconds"),
        ("tree, window: time against context", "tree, window", "context", "microseconds"),
        ("tree, dense: time against context", "tree, dense", "context", "microseconds"),
        ("tree, dense: time against levels", "tree, dense", "levels", "microseconds"),
        ("tree, incremental: time against levels", "tree, incremental", "levels", "microseconds"),
        ("tree: parameters against levels", "tree, dense", "levels", "params"),
    ):
        points = [(getattr(r, across), getattr(r, what)) for r in rows if r.name == name and r.context >= FITTED_FROM]
        if len(points) > 1:
            found[label] = slope(points)
    return found


def readings(rows: Sequence[ContextRow]) -> list[str]:
    """The exponents in words: what twice as much of one asks of the other."""
    found = slopes(rows)
    if not found:
        return []
    words = [f"How costs grow, fitted from {FITTED_FROM} symbols on as powers: 1 is in proportion, 0 not at all."]
    for label, power in found.items():
        name, _, asked = label.partition(": ")
        what, _, across = asked.partition(" against ")
        words.append(f"{name}: twice the {across}, {2**power:.2f} times the {what} (power {power:.2f}).")
    return words


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The least squares slope of log y against log x."""
    x, y = ([math.log(value) for value in axis] for axis in zip(*points, strict=True))
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    across = sum((a - middle_x) ** 2 for a in x)
    return sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True)) / across


def _products(model: AnyModel) -> tuple[int, int]:
    """Multiply-adds of one output: in the dense run, and in the window run."""
    table = layer_table(model)
    return sum(row.multiply_adds for row in table), sum(row.window_multiply_adds for row in table)
