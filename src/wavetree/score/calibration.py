"""From nats to what they mean: how surprising an item is for its length, and how many good items are as surprising.

    nats ~ a + b symbols        variance ~ c + d symbols, never below a quarter of its mean
    score = (nats - a - b symbols) / sqrt(variance)

The line is fitted to items that were learnt from, and the score is judged by items that were not: so a fresh good item
and the held-out ones are alike, and the share of good ones that a threshold flags is known with its uncertainty. Why
this score and no other: docs/log.md, 2026-11-22, where total nats, nats a symbol and others are beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from wavetree.errors import SettingError
from wavetree.score.intervals import LEVEL, exceedance

Wide = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

LEAST_SHARE = 0.25
"""Of the mean variance: no length has less."""
ENOUGH = 8
"""With fewer items to fit, all lengths count alike."""
PLACES = 5
"""Decimal places of a kept score."""


@dataclass(frozen=True)
class Expected:
    """What an item of a length is expected to have, in nats, and how far off it usually is."""

    nats: float
    nats_a_symbol: float
    variance: float
    variance_a_symbol: float
    least_variance: float

    @classmethod
    def fit(cls, nats: Wide, symbols: Ids) -> Expected:
        """By least squares, first the nats and then the squares of what is left."""
        nats, symbols = nats[np.isfinite(nats)], symbols[np.isfinite(nats)]
        if len(nats) < ENOUGH or np.ptp(symbols) == 0:
            rate = float(nats.sum() / symbols.sum()) if len(nats) else 1.0
            spread = float(np.mean((nats - rate * symbols) ** 2 / symbols)) if len(nats) else 1.0
            return cls(0.0, rate, 0.0, max(spread, 1e-6), 1e-6)
        columns = np.stack([np.ones(len(symbols)), symbols], axis=1)  # (K, 2)
        line = np.linalg.lstsq(columns, nats, rcond=None)[0]
        squares = (nats - columns @ line) ** 2
        width = np.linalg.lstsq(columns, squares, rcond=None)[0]
        least = max(LEAST_SHARE * float(squares.mean()), 1e-6)
        return cls(*(round(float(x), 9) for x in (*line, *width, least)))

    def score(self, nats: Wide, symbols: Ids) -> Wide:
        """The scores (K,) of items with so many nats and symbols: about 0 for usual ones, larger for rarer ones."""
        off = nats - self.nats - self.nats_a_symbol * symbols
        variance = np.maximum(self.variance + self.variance_a_symbol * symbols, self.least_variance)
        found: Wide = off / np.sqrt(variance)
        return found


@dataclass(frozen=True)
class Threshold:
    """Flagged is what scores above `score`, the `rank`-th largest of `of` held-out scores.

    Of good items that happens to a share from `low` to `high`, `expected` in the mean. `too_short`: the held-out list
    cannot tell a share as small as `asked`, and what it can tell was taken instead.
    """

    asked: float
    score: float
    rank: int
    of: int
    low: float
    high: float
    too_short: bool

    @property
    def expected(self) -> float:
        """The mean share of good items that are flagged."""
        return self.rank / (self.of + 1)

    @property
    def sentence(self) -> str:
        """All of that for a person."""
        told = f"{_share(self.low)} to {_share(self.high)} of good items ({LEVEL:.0%} confidence)"
        if not self.too_short:
            return f"flagged at {_share(self.asked)}: {told}, by {self.of:,} held-out items."
        return (
            f"{self.of:,} held-out items are too few to tell {_share(self.asked)} of good ones: flagged is what is "
            f"more surprising than all of them, {told}. About {round(1 / self.asked):,} are needed."
        )


@dataclass(frozen=True)
class Calibration:
    """The `expected` line, the held-out `scores` in ascending order (n,), and how long those items are."""

    expected: Expected
    scores: Wide
    mean_symbols: float
    deviation_symbols: float

    @classmethod
    def of(cls, expected: Expected, nats: Wide, symbols: Ids) -> Calibration:
        """By held-out items with so many nats and symbols, (n,) each."""
        scores = np.sort(expected.score(nats, symbols).round(PLACES))
        return cls(expected, scores, round(float(symbols.mean()), 6), round(float(symbols.std()), 6))

    @cached_property
    def percent(self) -> list[str]:
        """The percentile of each rank 0 ... n, written out."""
        return [f"{100 * rank / len(self.scores):.2f}" for rank in range(len(self.scores) + 1)]

    def ranks(self, scores: Wide) -> Ids:
        """How many held-out items each score is above or equal to, (K,)."""
        found: Ids = np.searchsorted(self.scores, scores, side="right")
        return found

    def threshold(self, fpr: float) -> Threshold:
        """Where to flag, so that a share `fpr` of good items is flagged in the mean. Raises SettingError."""
        if not 0 < fpr < 1:
            raise SettingError(f"fpr cannot be {fpr:g}: give a share above 0 and below 1, such as 0.01.")
        n = len(self.scores)
        rank = int(fpr * (n + 1) * (1 + 1e-12))
        used = min(max(1, rank), n)
        low, high = exceedance(used, n)
        return Threshold(fpr, float(self.scores[n - used]), used, n, low, high, rank < 1)

    def to_json(self) -> dict[str, object]:
        """What a run keeps of it."""
        about = {"mean_symbols": self.mean_symbols, "deviation_symbols": self.deviation_symbols}
        return {"expected": asdict(self.expected), **about, "scores": self.scores.tolist()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Calibration:
        """What `to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        scores = np.array(document["scores"], dtype=np.float64)
        if scores.ndim != 1 or not len(scores) or not np.isfinite(scores).all() or (np.diff(scores) < 0).any():
            raise ValueError("the scores are not in order")
        lengths = float(document["mean_symbols"]), float(document["deviation_symbols"])
        return cls(Expected(**{name: float(x) for name, x in document["expected"].items()}), scores, *lengths)


def _share(share: float) -> str:
    """`1%`, `0.033%`."""
    return f"{100 * share:.2g}%"
