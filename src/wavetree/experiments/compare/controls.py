"""The tree beside honest controls: as many parameters, as many seconds, several seeds, with a leak and without.

Every network has 76,579 parameters as nearly as whole widths allow, and trains for the same time on one core. The
n-grams count, which takes no such time, and keep a probability for every symbol after every context that they met: most
keep more numbers than the networks, and the bigram far fewer. Each network's recipe is the best of five tries, and the
6-gram's order and discount the best of 24, on the validation items of the leak-free split: docs/log.md has them all.
The 5-gram stays at the usual discount, as the reference. Test items are judged once, after everything is chosen, and
the verdicts are on them.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wavetree.config import NgramConfig
from wavetree.experiments.compare.rows import CLEAR, Outcome, Row, error_of_mean, outcome
from wavetree.experiments.compare.training import Bench, by_counting, by_product, our_config

SECONDS = 10.0
"""How long each network trains, unless asked otherwise."""
ONE_CORE = "train.threads=1"
"""Two threads wait for each other where other work takes a core, and the models that then train are unequally hurt."""


@dataclass(frozen=True)
class Control:
    """A model, and what of the preset `lecture` is changed for it; or an n-gram."""

    name: str
    how: tuple[str, ...] | NgramConfig


RECIPE = ("train.learning_rate=0.012", "train.batch_items=256", "train.weight_decay=0.15")
LARGE_BATCHES = ("train.learning_rate=0.02", "train.batch_items=512", "train.weight_decay=0.15")
FLAT = ("model.kind=flat", "model.embedding=24")
TREE = ("model.embedding=24",)
OF_TRANSFORMER = ("train.learning_rate=0.008", "train.batch_items=64", "train.weight_decay=0.05")
"""In the time in which the others read the list a dozen times, it does so twice. Small batches suit that."""
CONTROLS = (
    Control("bigram", NgramConfig(order=2)),
    Control("5-gram", NgramConfig(order=5, discount=0.75)),
    Control("6-gram", NgramConfig(order=6, discount=0.9)),
    Control("flat 8", (*FLAT, "model.hidden=343", *LARGE_BATCHES)),
    Control("flat 8, 3 layers", (*FLAT, "model.hidden=147", "model.layers=3", *RECIPE)),
    Control("tree 8", (*TREE, "model.levels=3", "model.hidden=128", *LARGE_BATCHES)),
    Control("tree 16", (*TREE, "model.levels=4", "model.hidden=106", *RECIPE, "train.weight_decay=0.1")),
    Control(
        "transformer",
        (
            "model.kind=transformer",
            "model.context=8",
            "model.width=55",
            "model.heads=1",
            "model.layers=2",
            *OF_TRANSFORMER,
        ),
    ),
)
OURS = "tree 8"
ERRORS = f"+- is one standard error, over the items and the seeds; a gap within {CLEAR:g} of them tells nothing apart."
ONE_SEED = "one seed tells no model from another: there is no verdict. Take --seeds 3."
UNEVEN = 0.1
"""A time that is off by more than this share is told."""


def controls(bench: Bench, seeds: int, seconds: float) -> Iterator[Row]:
    """Every control in order, each network over `seeds` seeds; counting comes out the same every time."""
    for control in CONTROLS:
        if isinstance(control.how, NgramConfig):
            yield Row(control.name, bench.kind, "counted", (by_counting(bench, control.how),))
            continue
        changes = (*control.how, ONE_CORE, "train.epochs=none", f"train.seconds={seconds}")
        trials = [
            by_product(bench, our_config(bench, changes, seed), f"{control.name}, {bench.kind} split, seed {seed}")
            for seed in range(1, seeds + 1)
        ]
        yield Row(control.name, bench.kind, "ours", tuple(trials))


@dataclass(frozen=True)
class Verdict:
    """One control against the tree, on the test items of a split: by `gap` nats a symbol the tree is the better one.

    `error` is the standard error of the gap: over the items, each judged by both models, and over the seeds of both.
    """

    name: str
    split: str
    gap: float
    error: float

    @property
    def says(self) -> Outcome:
        """Of the tree. A gap within two standard errors is no gap."""
        return outcome(self.gap, self.error)


def verdicts(rows: Sequence[Row]) -> list[Verdict]:
    """Every control against the tree, split by split; none where one seed is all there is."""
    found = []
    for split in dict.fromkeys(row.split for row in rows):
        here = {row.name: row for row in rows if row.split == split}
        tree = here.pop(OURS)
        if len(tree.trials) > 1:
            found += [
                Verdict(row.name, split, row.test_nll - tree.test_nll, _error(tree, row)) for row in here.values()
            ]
    return found


def _error(tree: Row, other: Row) -> float:
    items = error_of_mean(_nats(other) - _nats(tree), tree.trials[0].test.symbols)
    seeds = sum(statistics.variance(row.test_by_seed) / len(row.trials) for row in (tree, other) if len(row.trials) > 1)
    return math.sqrt(items**2 + seeds)


def _nats(row: Row) -> npt.NDArray[np.float64]:
    """Of each test item, the mean over the seeds."""
    mean: npt.NDArray[np.float64] = np.mean([trial.test.nats for trial in row.trials], axis=0)
    return mean


def told(found: Sequence[Verdict], rows: Sequence[Row]) -> list[str]:
    """The verdicts in sentences."""
    sentences = []
    for split in dict.fromkeys(row.split for row in rows):
        here = [verdict for verdict in found if verdict.split == split]
        begins = f"{split} split, test items: {OURS}"
        for says, verb in (("better", "is better than"), ("worse", "is WORSE than")):
            some = [f"{v.name} by {abs(v.gap):.4f} +- {v.error:.4f}" for v in here if v.says == says]
            if some:
                sentences.append(f"{begins} {verb} {', '.join(some)}.")
        some = [
            f"{v.name} ({'better' if v.gap > 0 else 'worse'} by {abs(v.gap):.4f} +- {v.error:.4f})"
            for v in here
            if v.says == "unclear"
        ]
        if some:
            sentences.append(f"{begins} cannot be told apart from {', '.join(some)}.")
    return [*sentences, ERRORS] if sentences else [ONE_SEED]


def uneven(rows: Sequence[Row], seconds: float) -> list[str]:
    """Which networks trained for another time than they were given, which a trial before turns into steps."""
    sentences = []
    for split in dict.fromkeys(row.split for row in rows):
        off = [
            f"{row.name} {min(times):.1f} to {max(times):.1f} s"
            for row in rows
            if row.split == split and row.steps
            for times in [[trial.seconds for trial in row.trials]]
            if any(abs(time / seconds - 1) > UNEVEN for time in times)
        ]
        if off:
            sentences.append(f"{split} split: not at equal seconds. {', '.join(off)}, where {seconds:g} were given.")
    return sentences
