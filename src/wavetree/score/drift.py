"""Whether a batch differs from what the model learnt: its scores, lengths and symbols beside those of held-out items.

Everything is counted as it comes, at constant memory. The distance of Kolmogorov and Smirnov between the scores of a
batch and n held-out ones is exact all the same: between two neighbouring held-out scores the one step function is flat
and the other one rises, so that they are farthest apart at its ends, and n + 1 counts are enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wavetree.score.calibration import Calibration, Threshold
from wavetree.score.intervals import LEVEL, exceedances, kolmogorov
from wavetree.score.surprisal import Scored, Wide

Z = 2.5758293035489004
"""Of a normal distribution, `LEVEL` lies within so many deviations of the mean."""


@dataclass(frozen=True)
class Difference:
    """How much larger a mean is than that of the held-out items, and the interval of that."""

    mean: float
    low: float
    high: float

    @property
    def told(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Drift:
    """A batch beside the held-out items. `expected_flags`: how many of as many good ones would be flagged, an interval.

    `distance` between the distributions of scores (0 to 1) and its `chance`: how often two lists of the same kind are
    as far apart. `unknown_items` hold a symbol that the model never met; their scores are infinite, and count for the
    distance and not for the mean. `reasons`: in what the batch differs, each at a confidence of 99%.
    """

    items: int
    held_out: int
    flagged: int
    expected_flags: tuple[int, int]
    distance: float
    chance: float
    score: Difference
    symbols: Difference
    unknown_items: int
    unknown_symbols: int
    reasons: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """One sentence."""
        if not self.items:
            return "there are no items to compare."
        if not self.reasons:
            return f"no difference from the held-out items is seen in {self.items:,} items."
        return f"differs from the held-out items: {'; '.join(self.reasons)}."


class DriftMeter:
    """Adds up batches."""

    def __init__(self, calibration: Calibration, threshold: Threshold) -> None:
        self._calibration, self._threshold = calibration, threshold
        n = len(calibration.scores)
        self._above = np.zeros(n + 1, dtype=np.int64)  # items by how many held-out scores are below theirs
        self._reached = np.zeros(n + 1, dtype=np.int64)  # and by how many are below or equal
        self._items = self._flagged = self._unknown_items = self._unknown_symbols = 0
        self._score, self._length = _Mean(), _Mean()

    def add(self, scored: Scored) -> None:
        """One batch more."""
        nats = scored.nats
        standard = self._calibration.expected.score(nats, scored.symbols)
        n = len(self._above)
        self._above += np.bincount(np.searchsorted(self._calibration.scores, standard, "left"), minlength=n)
        self._reached += np.bincount(np.searchsorted(self._calibration.scores, standard, "right"), minlength=n)
        self._items += len(scored)
        self._flagged += int((standard > self._threshold.score).sum())
        unknown = np.isinf(nats)
        self._unknown_items += int(unknown.sum())
        self._unknown_symbols += int(np.isinf(scored.surprisal).sum()) if unknown.any() else 0
        self._score.add(standard[~unknown])
        self._length.add(scored.symbols.astype(np.float64))

    def report(self) -> Drift:
        """All of it so far."""
        held, m = self._calibration, self._items
        n = len(held.scores)
        distance = 0.0
        if m:
            at, before = np.cumsum(self._above)[:-1] / m, np.cumsum(self._reached)[:-1] / m
            own = np.searchsorted(held.scores, held.scores, "right") / n
            own_before = np.searchsorted(held.scores, held.scores, "left") / n
            distance = float(max(np.abs(at - own).max(), np.abs(before - own_before).max()))
        chance = kolmogorov(distance, n, m) if m else 1.0
        score = self._score.beside(float(held.scores.mean()), float(held.scores.std()), n)
        length = self._length.beside(held.mean_symbols, held.deviation_symbols, n)
        flags = exceedances(self._threshold.rank, n, m) if m else (0, 0)
        reasons = []
        if chance < 1 - LEVEL:
            how = "more surprising" if score.low > 0 else "less surprising" if score.high < 0 else "spread otherwise"
            reasons.append(f"the scores are {how} (distance {distance:.3f})")
        if self._flagged > flags[1]:
            reasons.append(f"{self._flagged:,} are flagged, and of {m:,} good ones at most {flags[1]:,} would be")
        if length.told:
            reasons.append(f"the items are {abs(length.mean):.2f} symbols {'longer' if length.mean > 0 else 'shorter'}")
        if self._unknown_items > (exceedances(1, n, m)[1] if m else 0):
            hold = "item holds" if self._unknown_items == 1 else "items hold"
            reasons.append(f"{self._unknown_items:,} {hold} symbols that the model never met")
        return Drift(
            m,
            n,
            self._flagged,
            flags,
            distance,
            chance,
            score,
            length,
            self._unknown_items,
            self._unknown_symbols,
            tuple(reasons),
        )


class _Mean:
    """Mean and variance of what comes, by the moments of each batch (Chan et al. 1983)."""

    def __init__(self) -> None:
        self._count, self._mean, self._squares = 0, 0.0, 0.0

    def add(self, values: Wide) -> None:
        if not len(values):
            return
        count, mean = len(values), float(values.mean())
        total, off = self._count + count, mean - self._mean
        self._squares += float(((values - mean) ** 2).sum()) + off**2 * self._count * count / total
        self._mean += off * count / total
        self._count = total

    def beside(self, mean: float, deviation: float, n: int) -> Difference:
        if not self._count:
            return Difference(0.0, -math.inf, math.inf)
        off = self._mean - mean
        width = Z * math.sqrt(self._squares / self._count**2 + deviation**2 / n)
        return Difference(off, off - width, off + width)
