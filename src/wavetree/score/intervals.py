"""What a list of good scores says about scores that nobody has seen yet, if only they are alike.

Let n good scores and a fresh one come from the same continuous distribution. The share of fresh scores above the k-th
largest of the n has the distribution Beta(k, n + 1 - k), whatever the scores are (David and Nagaraja 2003, section 2.5;
the limits are those of Clopper and Pearson 1934 for the exceedance of an order statistic). Of m fresh ones, the number
above it is beta-binomial.
"""

from __future__ import annotations

import math

import numpy as np

LEVEL = 0.99
"""Every interval of this room is one of this confidence, so that one of a hundred is wrong."""
_TINY = 1e-300
_MOST = 1_000_000
"""Of more fresh scores than these the binomial part does not count beside the other."""


def beta_below(x: float, a: float, b: float) -> float:
    """The probability that Beta(a, b) is below x: the regularised incomplete beta function, by its continued fraction.

    (Press et al. 2007, section 6.4, with the recurrence of Lentz.)
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_below(1 - x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x) - math.log(a)
    )
    c, d = 1.0, 1 / _apart(1 - (a + b) * x / (a + 1))
    total = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _apart(1 + term * d)
            c = _apart(1 + term / c)
            total *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * total


def _apart(x: float) -> float:
    return x if abs(x) > _TINY else _TINY


def beta_quantile(share: float, a: float, b: float) -> float:
    """The x below which Beta(a, b) lies with probability `share`, by halving."""
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        if beta_below(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def exceedance(k: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval of the share of fresh good scores above the k-th largest of n, 1 <= k <= n."""
    tail = (1 - level) / 2
    low = beta_quantile(tail, k, n + 1 - k)
    return (low if k > 1 else 0.0), beta_quantile(1 - tail if k > 1 else level, k, n + 1 - k)


def exceedances(k: int, n: int, m: int, level: float = LEVEL) -> tuple[int, int]:
    """The interval of how many of m fresh good scores are above the k-th largest of n: both ends may occur."""
    count = min(m, _MOST)
    x = np.arange(count)
    ratio = (count - x) / (x + 1) * (x + k) / (count - x - 1 + n + 1 - k)  # of the probabilities of x + 1 and of x
    logs = np.concatenate([[0.0], np.cumsum(np.log(ratio))])
    shares = np.exp(logs - logs.max())
    below = np.cumsum(shares) / shares.sum()  # P(X <= x)
    tail = (1 - level) / 2
    low, high = int(np.searchsorted(below, tail, side="right")), int(np.searchsorted(below, 1 - tail))
    high = min(high, count)
    return (low, high) if m == count else (math.floor(low * m / count), math.ceil(high * m / count))


def kolmogorov(distance: float, n: int, m: int) -> float:
    """How often two samples of n and m from one distribution are as far apart (Kolmogorov; Stephens 1970)."""
    root = math.sqrt(n * m / (n + m))
    x = (root + 0.12 + 0.11 / root) * distance
    if x < 0.2:  # the series does not settle there, and it is one to twelve places
        return 1.0
    return min(1.0, max(0.0, 2 * math.fsum((1 if j % 2 else -1) * math.exp(-2 * j * j * x * x) for j in range(1, 101))))
