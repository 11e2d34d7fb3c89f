"""How well scores tell bad items from good ones: AUROC, and what is caught at a false positive rate; with intervals.

    g, b      scores of good and of bad items; higher is more suspicious
    AUROC     P(b > g) + P(b = g) / 2 over all pairs, by ranks (Mann and Whitney 1947)
    TPR       the share of bad items above the least threshold that at most a share `fpr` of the good items exceeds

A resample is a number of times for each item: how often it is drawn (Efron's bootstrap), good and bad ones apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Times = npt.NDArray[np.float64]

RESAMPLES = 1000
FALSE_POSITIVES = 0.01


@dataclass(frozen=True)
class Resamples:
    """How often each good item (B, G) and each bad one (B, N) is drawn, in each of B resamples."""

    good: Times
    bad: Times

    @classmethod
    def drawn(cls, good: int, bad: int, count: int = RESAMPLES, seed: int = 1) -> Resamples:
        """`count` resamples of so many good and bad items."""
        draw = np.random.default_rng(seed)
        return cls(*(draw.multinomial(n, np.full(n, 1 / n), size=count).astype(np.float64) for n in (good, bad)))

    @classmethod
    def as_they_are(cls, good: int, bad: int) -> Resamples:
        """One: every item once."""
        return cls(np.ones((1, good)), np.ones((1, bad)))


def aurocs(good: Scores, bad: Scores, resamples: Resamples) -> Scores:
    """The AUROC of every resample, (B,)."""
    order = np.argsort(good, kind="stable")
    ranked = good[order]
    below = _up_to(resamples.good[:, order])  # (B, G + 1): good items up to each place
    less, upto = (np.searchsorted(ranked, bad, side=side) for side in ("left", "right"))
    wins = (resamples.bad * (below[:, less] + below[:, upto])).sum(axis=1) / 2
    return np.asarray(wins / (resamples.good.sum(axis=1) * resamples.bad.sum(axis=1)), dtype=np.float64)


def caught(good: Scores, bad: Scores, resamples: Resamples, fpr: float = FALSE_POSITIVES) -> Scores:
    """The true positive rate at a false positive rate of at most `fpr`, of every resample, (B,)."""
    order, rising = np.argsort(good, kind="stable"), np.argsort(bad, kind="stable")
    ranked = good[order]
    below = _up_to(resamples.good[:, order])
    total = below[:, -1:]
    last = np.searchsorted(ranked, ranked, side="right")  # equal scores exceed a threshold together or not at all
    allowed = total - below[:, last] <= fpr * total + 1e-9  # (B, G): would this score do as the threshold?
    thresholds = ranked[np.argmax(allowed, axis=1)]  # (B,)
    upto = _up_to(resamples.bad[:, rising])
    places = np.searchsorted(bad[rising], thresholds, side="right")
    return np.asarray(1 - upto[np.arange(len(upto)), places] / upto[:, -1], dtype=np.float64)


def auroc(good: Scores, bad: Scores) -> float:
    """The AUROC of these items."""
    return float(aurocs(good, bad, Resamples.as_they_are(len(good), len(bad)))[0])


def true_positives(good: Scores, bad: Scores, fpr: float = FALSE_POSITIVES) -> float:
    """The true positive rate of these items at a false positive rate of at most `fpr`."""
    return float(caught(good, bad, Resamples.as_they_are(len(good), len(bad)), fpr)[0])


def interval(resampled: Scores) -> list[float]:
    """The middle 95%."""
    return [float(edge) for edge in np.percentile(resampled, [2.5, 97.5])]


def _up_to(times: Times) -> Times:
    return np.concatenate([np.zeros((len(times), 1)), np.cumsum(times, axis=1)], axis=1)
