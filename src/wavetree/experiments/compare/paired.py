"""Trained runs judged by the same held-out items, or the same rows of a stream, one by one: gaps with their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from wavetree.data.corpus import Stream
from wavetree.data.packing import PackedItems
from wavetree.data.rows import NO_TARGET, rows_in_order
from wavetree.errors import InputError
from wavetree.evaluate.losses import LEAST_ROW, ROW_FIELDS, ROW_POSITIONS, losses
from wavetree.experiments.compare.rows import Outcome, Scores, error_of_mean, outcome
from wavetree.experiments.compare.training import item_scores
from wavetree.models import evaluating
from wavetree.runs import RunFolder, Trained, sides_of

MEASURED = 1 << 18
"""Symbols of a stream that are judged at most, spread evenly."""

JudgedSide = Literal["test", "validation"]


@dataclass(frozen=True)
class Gap:
    """By `gap` nats a symbol the second run is better than the first, over `count` items, or rows of a stream.

    `error` is the standard error over these. Another seed of the same settings would differ as well, and one run of
    each says nothing about that.
    """

    gap: float
    error: float
    side: JudgedSide
    count: int
    unit: str

    @property
    def verdict(self) -> Outcome:
        """Of the second run."""
        return outcome(self.gap, self.error)

    @property
    def says(self) -> str:
        """The gap in words."""
        word = "better" if self.gap >= 0 else "worse"
        tail = ", which tells nothing apart" if self.verdict == "unclear" else ""
        return (
            f"on {self.count:,} {self.side} {self.unit} it is {word} by {abs(self.gap):.4f} +- {self.error:.4f} nats a "
            f"symbol{tail}"
        )


@dataclass(frozen=True)
class Judged:
    """What each of several runs makes of the same `count` things that none of them learnt from."""

    scores: tuple[Scores, ...]
    side: JudgedSide
    unit: str

    @property
    def count(self) -> int:
        """How many items, or rows."""
        return len(self.scores[0].symbols)

    def gap(self, first: int, second: int) -> Gap:
        """By how much the second is better than the first."""
        one, other = self.scores[first], self.scores[second]
        error = error_of_mean(one.nats - other.nats, one.symbols)
        return Gap(one.mean - other.mean, error, self.side, self.count, self.unit)


def paired(first: Trained, second: Trained) -> Gap:
    """By how much the second run is better on what both hold out. Raises InputError where that is nothing."""
    return judged([first, second]).gap(0, 1)


def judged(runs: Sequence[Trained]) -> Judged:
    """The runs on what all of them hold out: test items that none has learnt; of streams, the test side they share.

    Where there is no test side, validation. Raises InputError where they have nothing in common to be judged by.
    """
    if all(run.of_items for run in runs):
        return _by_items(runs)
    origins = {(run.folder.origin().get("sha256"), run.folder.config().data.split) for run in runs}
    if len(origins) > 1 or any(run.of_items for run in runs):
        raise InputError(
            f"{_names(runs)} did not learn the same stream, cut alike: there is nothing to judge them both by."
        )
    sides = sides_of(runs[0].folder)
    side: JudgedSide = "test" if sides.test.symbols else "validation"
    context = max(run.model.receptive_field for run in runs) - 1
    held = getattr(sides, side)
    assert isinstance(held, Stream)
    return Judged(tuple(_row_scores(run, held, context) for run in runs), side, "rows")


Key = tuple[str, tuple[str, ...]]
"""An item and its labels."""


def _by_items(runs: Sequence[Trained]) -> Judged:
    found = [dict(zip(_keys(run.folder, "test"), range(len(run.folder.items("test"))), strict=True)) for run in runs]
    learnt = {key for run in runs for key in _keys(run.folder, "train")}
    common = [key for key in found[0] if key not in learnt and all(key in other for other in found)]
    if len(common) < 2:
        raise InputError(f"{_names(runs)} hold out no test items in common: there is nothing to judge them both by.")
    scores = []
    for run, places in zip(runs, found, strict=True):
        test = sides_of(run.folder).test
        assert isinstance(test, PackedItems)
        all_of_them = item_scores(run.model, test)
        chosen = np.array([places[key] for key in common])
        scores.append(Scores(all_of_them.nats[chosen], all_of_them.symbols[chosen]))
    return Judged(tuple(scores), "test", "items")


def _keys(folder: RunFolder, side: str) -> list[Key]:
    items, labels = folder.items(side), folder.labels(side)
    return list(zip(items, labels or ((),) * len(items), strict=True))


def _row_scores(run: Trained, side: Stream, context: int) -> Scores:
    """What a run is surprised by each row of a side; the same rows whatever it sees itself."""
    nats: list[npt.NDArray[np.float64]] = []
    symbols: list[npt.NDArray[np.int64]] = []
    length = max(LEAST_ROW, ROW_FIELDS * context)
    with evaluating(run.model):
        rows = rows_in_order(side, context, length, max(1, ROW_POSITIONS // (context + length)), MEASURED)
        for piece, found in losses(run.model, rows, streamed=True):  # (B T,)
            nats.append(found.double().numpy().reshape(piece.targets.shape).sum(1))
            symbols.append((piece.targets != NO_TARGET).sum(1))
    return Scores(np.concatenate(nats), np.concatenate(symbols))


def _names(runs: Sequence[Trained]) -> str:
    return " and ".join(str(run.folder.path) for run in runs)
