"""The drift report: beside brute force in any batches, quiet on good items, and loud on each kind of difference."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wavetree.score import Calibration, Drift, DriftMeter, Expected, Scored

PLAIN = Expected(0.0, 0.0, 1.0, 0.0, 1.0)
"""The score is the nats themselves."""
Wide = npt.NDArray[np.float64]


def held_out(nats: Wide, symbols: npt.ArrayLike | None = None) -> Calibration:
    return Calibration.of(PLAIN, nats, np.full(len(nats), 5) if symbols is None else np.asarray(symbols))


def items(nats: Sequence[float] | Wide, lengths: Sequence[int] | None = None) -> Scored:
    """Items with so many nats, all of them on the first symbol."""
    sizes = np.full(len(nats), 5) if lengths is None else np.asarray(lengths, dtype=np.int64)
    ends = np.cumsum(sizes)
    surprisal = np.zeros(int(ends[-1]) if len(ends) else 0)
    surprisal[ends - sizes] = nats
    return Scored(["a" * (int(size) - 1) for size in sizes], surprisal, ends)


def report(calibration: Calibration, *batches: Scored, fpr: float = 0.1) -> Drift:
    meter = DriftMeter(calibration, calibration.threshold(fpr))
    for batch in batches:
        meter.add(batch)
    return meter.report()


# Few different values, so that ties are common; and infinity, which is what an unknown symbol is worth.
NATS = st.lists(st.one_of(st.integers(0, 6).map(float), st.just(float("inf"))), min_size=1, max_size=30)


@example(held=[float(x) for x in range(8)], nats=[0.0, 1.0, 5.0, 6.0], cut=2)
@given(held=st.lists(st.integers(0, 6).map(float), min_size=8, max_size=30), nats=NATS, cut=st.integers(0, 30))
def test_figures_are_those_of_brute_force(held: list[float], nats: list[float], cut: int) -> None:
    """However the items come in batches: the distance of the step functions, mean, flags and unknown ones."""
    lengths = [2 + place % 4 for place in range(len(nats))]
    calibration = held_out(np.array(held))
    found = report(calibration, items(nats[:cut], lengths[:cut]), items(nats[cut:], lengths[cut:]))
    steps = (np.mean(np.array(held) <= x) - np.mean(np.array(nats) <= x) for x in [*held, *nats, -1.0])
    assert found.distance == pytest.approx(max(map(abs, steps)))
    finite = [x for x in nats if np.isfinite(x)]
    if finite:
        assert found.score.mean == pytest.approx(np.mean(finite) - np.mean(held), abs=1e-5)
        width = 2.5758293 * np.sqrt(np.var(finite) / len(finite) + np.var(held) / len(held))
        assert found.score.high - found.score.mean == pytest.approx(width, abs=1e-5)
    assert found.symbols.mean == pytest.approx(np.mean(lengths) - 5)
    assert found.flagged == sum(x > calibration.threshold(0.1).score for x in nats)
    assert found.unknown_items == found.unknown_symbols == len(nats) - len(finite)
    assert (found.items, found.held_out) == (len(nats), len(held))


def test_good_batches_are_called_good() -> None:
    """Four looks at 99% each: of 300 batches like the held-out items, at most 5% are called different."""
    draw = np.random.default_rng(11)
    called = dict.fromkeys(("any", "scores", "flagged", "longer"), 0)
    for _ in range(300):
        calibration = held_out(draw.normal(10, 2, 500), draw.integers(3, 9, 500))
        found = report(calibration, items(draw.normal(10, 2, 300), draw.integers(3, 9, 300).tolist()))
        called["any"] += bool(found.reasons)
        for reason in found.reasons:
            called["scores"] += "scores" in reason
            called["flagged"] += "flagged" in reason
            called["longer"] += "symbols longer" in reason or "symbols shorter" in reason
    assert called["any"] <= 0.05 * 300
    assert max(called["scores"], called["flagged"], called["longer"]) <= 0.03 * 300


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda nats, lengths: (nats + 1, lengths), "more surprising"),
        (lambda nats, lengths: (nats - 1, lengths), "less surprising"),
        (lambda nats, lengths: (10 + 2 * (nats - 10), lengths), "spread otherwise"),
        (
            lambda nats, lengths: (np.where(np.arange(len(nats)) < 80, 30.0, nats), lengths),
            "are flagged, and of 600 good ones at most",
        ),
        (lambda nats, lengths: (nats, lengths + 1), "symbols longer"),
        (lambda nats, lengths: (nats, lengths - 1), "symbols shorter"),
        (lambda nats, lengths: (np.where(np.arange(len(nats)) < 20, np.inf, nats), lengths), "20 items hold symbols"),
    ],
)
def test_each_difference_is_named(change: object, said: str) -> None:
    assert callable(change)
    draw = np.random.default_rng(12)
    calibration = held_out(draw.normal(10, 2, 3000), draw.integers(3, 9, 3000))
    nats, lengths = change(draw.normal(10, 2, 600), draw.integers(3, 9, 600))
    found = report(calibration, items(nats, lengths.tolist()), fpr=0.01)
    assert any(re.search(said, reason) for reason in found.reasons), found.reasons
    assert found.verdict.startswith("differs from the held-out items: ")


def test_a_hundredth_is_the_limit() -> None:
    """Two ladders of 200 steps, one a little higher: told where it happens less often than once in a hundred."""
    ladder = np.arange(200.0)
    less, more = (report(held_out(ladder), items(ladder + higher)) for higher in (31, 34))
    assert 0.005 < more.chance < 0.01 < less.chance < 0.02
    assert [any("distance" in reason for reason in one.reasons) for one in (less, more)] == [False, True]


def test_nothing_is_no_difference() -> None:
    found = report(held_out(np.arange(20.0)), items([]))
    assert (found.items, found.reasons, found.verdict) == (0, (), "there are no items to compare.")
