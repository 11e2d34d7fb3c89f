"""What context costs: 2, 4 ... 1,024 symbols, for the flat network and for each of the tree's runs.

Untrained networks of the same widths, in evaluation mode, on one core. The flat network pays for every symbol that it
sees; the tree pays once more for every doubling, unless it is asked for one window at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from wavetree.config import FlatConfig, TreeConfig
from wavetree.errors import SettingError
from wavetree.experiments.machine import laps, using_threads
from wavetree.inspect import layer_table
from wavetree.models import AnyModel, build, evaluating, parameter_count

CONTEXTS = tuple(2**level for level in range(1, 11))
EMBEDDING, HIDDEN, VOCAB = 24, 128, 27
ROW = 4096
"""Symbols of a dense run."""
WINDOWS = 64
"""Windows in a batch, for what takes windows."""
STEPS = 40
ROUNDS = 9
"""The least of these times counts: what is above it is other work of the machine."""
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
        if context not in CONTEXTS:
            below = 1 << max(0, context.bit_length() - 1)
            near = "nearest is 2" if context < 2 else f"nearest are {below} and {2 * below}"
            raise SettingError(
                f"a context of {context} symbols is no power of two, and every level of a tree doubles what it sees: "
                f"the {near}."
            )


def context_costs(contexts: Sequence[int], tell: Callable[[str], None]) -> Iterator[ContextRow]:
    """Four rows for each context. `contexts` are powers of two."""
    ids = torch.from_numpy(np.random.default_rng(1).integers(1, VOCAB, (1, ROW)))
    for context in contexts:
        tell(f"{context:,} symbols")
        levels = context.bit_length() - 1
        tree = build(TreeConfig(levels=levels, embedding=EMBEDDING, hidden=HIDDEN), VOCAB, seed=1)
        flat = build(FlatConfig(context=context, embedding=EMBEDDING, hidden=HIDDEN), VOCAB, seed=1)
        dense, window = _products(tree)
        flat_products, _ = _products(flat)
        windows = ids[0].unfold(0, context, 1)[:WINDOWS].contiguous()  # (B, R)
        with using_threads(1), evaluating(tree), evaluating(flat):
            size = (context, levels, parameter_count(tree))
            flat_size = (context, 1, parameter_count(flat))
            yield ContextRow("flat", *flat_size, flat_products, _least(flat, windows))
            yield ContextRow("tree, window", *size, window, _least(tree, windows))
            yield ContextRow("tree, dense", *size, dense, _dense_time(tree, ids))
            yield ContextRow("tree, incremental", *size, dense, _step_time(tree, ids))


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


def _least(model: AnyModel, windows: torch.Tensor) -> float:
    """Microseconds a symbol: each window predicts one."""
    return min(laps(lambda: model.window(windows), ROUNDS)) / len(windows) * 1e6


def _dense_time(model: AnyModel, ids: torch.Tensor) -> float:
    """Microseconds a symbol of one long row."""
    return min(laps(lambda: model.dense(ids), ROUNDS)) / ids.numel() * 1e6


def _step_time(model: AnyModel, ids: torch.Tensor) -> float:
    """Microseconds a step, of as many streams as the windows are."""
    state = model.start()
    symbols = ids[0, :WINDOWS]  # (B,)
    for _ in range(STEPS):
        _, state = model.step(symbols, state)
    return min(laps(lambda: model.step(symbols, state), STEPS)) / WINDOWS * 1e6
