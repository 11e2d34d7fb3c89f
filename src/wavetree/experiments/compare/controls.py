"""The tree beside honest controls: as many parameters, as many seconds, several seeds, with a leak and without.

Every network has 76,579 parameters as nearly as whole widths allow, and trains for the same time on one core; the
n-grams count, which takes no time, and keep as many numbers as they met contexts. Each network's recipe is the best of
a handful of tries on validation, logged in docs/log.md; test items are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wavetree.config import NgramConfig
from wavetree.experiments.compare.rows import Row
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
OF_TRANSFORMER = ("train.learning_rate=0.006", "train.batch_items=32", "train.weight_decay=0.05")
"""In the time in which the others read the list a dozen times, it does so about once. Small batches suit that."""
FLAT = ("model.kind=flat", "model.embedding=24", *RECIPE)
TREE = ("model.embedding=24", *RECIPE)
CONTROLS = (
    Control("bigram", NgramConfig(order=2)),
    Control("5-gram", NgramConfig(order=5)),
    Control("flat 8", (*FLAT, "model.hidden=343")),
    Control("flat 8, 3 layers", (*FLAT, "model.hidden=147", "model.layers=3")),
    Control("tree 8", (*TREE, "model.levels=3", "model.hidden=128")),
    Control("tree 16", (*TREE, "model.levels=4", "model.hidden=106")),
    Control(
        "transformer",
        ("model.kind=transformer", "model.width=55", "model.heads=5", "model.layers=2", *OF_TRANSFORMER),
    ),
)
OURS = "tree 8"


def controls(bench: Bench, seeds: int, seconds: float) -> Iterator[Row]:
    """Every control in order, each network over `seeds` seeds; counting comes out the same every time."""
    for control in CONTROLS:
        if isinstance(control.how, NgramConfig):
            yield Row(control.name, bench.kind, "counted", (by_counting(bench, control.how),))
            continue
        changes = (*control.how, ONE_CORE, f"train.seconds={seconds}")
        trials = [
            by_product(bench, our_config(bench, changes, seed), f"{control.name}, {bench.kind} split, seed {seed}")
            for seed in range(1, seeds + 1)
        ]
        yield Row(control.name, bench.kind, "ours", tuple(trials))


def verdicts(rows: Sequence[Row]) -> list[str]:
    """For each split, which controls the tree beats and by how much; which not, and which the seeds cannot tell apart.

    Two means that differ by no more than the sum of their standard deviations over the seeds are not told apart.
    """
    found = []
    for split in dict.fromkeys(row.split for row in rows):
        here = {row.name: row for row in rows if row.split == split}
        tree = here.pop(OURS)
        better, worse, alike = [], [], []
        for other in here.values():
            gap = other.val_nll - tree.val_nll
            if abs(gap) <= tree.deviation + other.deviation:
                alike.append(f"{other.name} ({-gap:+.4f})")
            elif gap > 0:
                better.append(f"{other.name} by {gap:.4f}")
            else:
                worse.append(f"{other.name}, which is {-gap:.4f} better")
        if better:
            found.append(f"{split} split: {OURS} beats {', '.join(better)}.")
        if alike:
            found.append(f"{split} split: within the spread of the seeds, {OURS} equals {', '.join(alike)}.")
        if worse:
            found.append(f"{split} split: {OURS} does NOT beat {', nor '.join(worse)}.")
    return found
