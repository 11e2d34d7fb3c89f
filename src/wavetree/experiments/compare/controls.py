"""The tree beside honest controls: as many parameters, as many seconds, several seeds, with a leak and without.

Every network has 76,579 parameters as nearly as whole widths allow, and trains for the same time on the clock; the
n-grams count, which takes no time, and keep as many numbers as they met contexts. Each network's recipe is the best of
a handful of tries on validation, logged in docs/log.md; test items are never looked at.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wavetree.config import NgramConfig
from wavetree.experiments.compare.rows import Row
from wavetree.experiments.compare.training import Bench, by_counting, by_product, our_config

SECONDS = 5.0
"""How long each network trains, unless asked otherwise."""


@dataclass(frozen=True)
class Control:
    """A model, and what of the preset `lecture` is changed for it; or an n-gram."""

    name: str
    how: tuple[str, ...] | NgramConfig


def _recipe(rate: float, items: int, decay: float) -> tuple[str, ...]:
    return (f"train.learning_rate={rate}", f"train.batch_items={items}", f"train.weight_decay={decay}")


CONTROLS = (
    Control("bigram", NgramConfig(order=2)),
    Control("5-gram", NgramConfig(order=5)),
    Control("flat 8", ("model.kind=flat", "model.embedding=24", "model.hidden=343", *_recipe(0.012, 256, 0.15))),
    Control(
        "flat 8, 3 layers",
        ("model.kind=flat", "model.embedding=24", "model.hidden=147", "model.layers=3", *_recipe(0.012, 256, 0.15)),
    ),
    Control("tree 8", ("model.levels=3", "model.hidden=128", *_recipe(0.012, 256, 0.15))),
    Control("tree 16", ("model.levels=4", "model.hidden=106", *_recipe(0.012, 256, 0.15))),
    Control(
        "transformer",
        ("model.kind=transformer", "model.width=55", "model.heads=5", "model.layers=2", *_recipe(0.006, 128, 0.1)),
    ),
)
OURS = "tree 8"


def controls(bench: Bench, seeds: int, seconds: float) -> Iterator[Row]:
    """Every control in order, each network over `seeds` seeds; counting comes out the same every time."""
    for control in CONTROLS:
        if isinstance(control.how, NgramConfig):
            yield Row(control.name, bench.kind, "counted", (by_counting(bench, control.how),))
            continue
        changes = (*control.how, f"train.seconds={seconds}")
        trials = [
            by_product(bench, our_config(bench, changes, seed), f"{control.name}, {bench.kind} split, seed {seed}")
            for seed in range(1, seeds + 1)
        ]
        yield Row(control.name, bench.kind, "ours", tuple(trials))


def verdicts(rows: Sequence[Row]) -> list[str]:
    """For each split and each control, whether the tree is below it: by how much, beside how far the seeds spread."""
    found = []
    for split in dict.fromkeys(row.split for row in rows):
        here = {row.name: row for row in rows if row.split == split}
        tree = here[OURS]
        for other in here.values():
            if other is tree:
                continue
            gap = other.val_nll - tree.val_nll
            noise = _noise(tree) + _noise(other)
            if abs(gap) <= noise:
                words = f"cannot be told from {other.name}: {_signed(gap)}, and the seeds spread over {noise:.4f}"
            elif gap > 0:
                words = f"beats {other.name} by {gap:.4f}"
            else:
                words = f"does NOT beat {other.name}: it is {-gap:.4f} worse"
            found.append(f"{split} split: {OURS} {words}.")
    return found


def _noise(row: Row) -> float:
    """The standard deviation over the seeds; 0 where there is one."""
    return statistics.stdev(row.by_seed) if len(row.by_seed) > 1 else 0.0


def _signed(gap: float) -> str:
    return f"{abs(gap):.4f} {'better' if gap > 0 else 'worse'}"
