"""What a list of good scores says about fresh ones: beside exact sums, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wavetree.score.intervals import beta_below, beta_quantile, exceedance, exceedances, kolmogorov


@pytest.mark.parametrize(("a", "b"), [(1, 1), (1, 200), (3, 17), (20, 1), (150, 2851), (2000, 18_001)])
@pytest.mark.parametrize("x", [0.0, 1e-6, 0.004, 0.05, 0.3, 0.5, 0.9, 1.0])
def test_beta_beside_the_binomial_sum(a: int, b: int, x: float) -> None:
    """Beta(a, b) is below x as often as at least a of a + b - 1 tosses are heads."""
    n = a + b - 1
    tosses = range(a, n + 1)
    expected = (
        math.fsum(
            math.exp(
                math.lgamma(n + 1)
                - math.lgamma(j + 1)
                - math.lgamma(n - j + 1)
                + j * math.log(x)
                + (n - j) * math.log1p(-x)
            )
            for j in tosses
        )
        if 0 < x < 1
        else x
    )
    assert beta_below(x, a, b) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(("a", "b"), [(1, 200), (3, 17), (150, 2851)])
@pytest.mark.parametrize("share", [0.005, 0.5, 0.995])
def test_quantiles_undo(a: int, b: int, share: float) -> None:
    assert beta_below(beta_quantile(share, a, b), a, b) == pytest.approx(share, abs=1e-10)


def test_the_rule_of_the_largest() -> None:
    """Above the largest of n: the share is below 1 - (1 - level) ** (1 / n)."""
    assert exceedance(1, 200, 0.99) == (0.0, pytest.approx(1 - 0.01 ** (1 / 200)))


def test_intervals_narrow_as_lists_grow() -> None:
    widths = [high - low for low, high in (exceedance(n // 100, n) for n in (100, 1000, 10_000))]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(("k", "n", "m"), [(1, 50, 40), (3, 200, 1000), (20, 2000, 300)])
def test_counts_by_simulation(k: int, n: int, m: int) -> None:
    draw = np.random.default_rng(5)
    above = draw.binomial(m, draw.beta(k, n + 1 - k, 20_000))
    low, high = exceedances(k, n, m, 0.9)
    inside = ((above >= low) & (above <= high)).mean()
    assert inside >= 0.9
    assert (above <= high - 1).mean() < 0.95 + 0.01  # no wider than it must be
    assert low == 0 or (above >= low + 1).mean() < 0.95 + 0.01


def test_many_fresh_ones_are_as_one_share() -> None:
    low, high = exceedances(20, 2000, 30_000_000)
    share = exceedance(20, 2000)
    assert (low / 3e7, high / 3e7) == pytest.approx(share, rel=0.02)


def test_kolmogorov_by_simulation() -> None:
    draw = np.random.default_rng(6)
    n, m, found = 80, 120, []
    for _ in range(2000):
        first, second = np.sort(draw.random(n)), np.sort(draw.random(m))
        at = np.concatenate([first, second])
        found.append(np.abs(np.searchsorted(first, at, "right") / n - np.searchsorted(second, at, "right") / m).max())
    for share in (0.1, 0.05, 0.01):
        assert kolmogorov(float(np.quantile(found, 1 - share)), n, m) == pytest.approx(share, rel=0.25, abs=0.004)
    assert kolmogorov(0.0, n, m) == 1.0
    assert kolmogorov(1.0, n, m) < 1e-12
