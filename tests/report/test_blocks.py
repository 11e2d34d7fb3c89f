"""Block averages: every step counted once, and as many blocks as can be read."""

from __future__ import annotations

import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.report.blocks import block_average, block_steps


@pytest.mark.parametrize(
    ("steps", "size"), [(1, 1), (49, 1), (50, 1), (99, 1), (100, 2), (225, 4), (50_000, 1000), (200_000, 1000)]
)
def test_known_sizes(steps: int, size: int) -> None:
    assert block_steps(steps) == size


@given(st.integers(50, 10**7))
def test_between_50_and_200_blocks(steps: int) -> None:
    size = block_steps(steps)
    assert 50 <= -(-steps // size) <= 200


def test_by_hand() -> None:
    points = [(1, 4.0), (2, 2.0), (3, 1.0), (4, 5.0), (5, 7.0)]
    assert block_average(points, 2) == [(2, 3.0), (4, 3.0), (5, 7.0)]
    assert block_average(points, 4) == [(5, 3.8)]  # a quarter of a block is no block
    assert block_average(points, 1) == points
    assert block_average([], 3) == []


def test_a_point_weighs_as_many_steps_as_it_stands_for() -> None:
    """One point stands for steps 1 to 3, the next for step 4 alone."""
    assert block_average([(3, 1.0), (4, 5.0), (8, 2.0)], 4) == [(4, 2.0), (8, 2.0)]


@given(st.lists(st.floats(0, 9), min_size=1, max_size=60), st.integers(1, 12))
def test_blocks_of_steps_are_plain_means(losses: list[float], size: int) -> None:
    averaged = block_average([(step, loss) for step, loss in enumerate(losses, 1)], size)
    cuts = list(range(0, len(losses), size))
    if len(cuts) > 1 and len(losses) - cuts[-1] < size / 2:
        cuts.pop()
    expected = [statistics.fmean(losses[begin:end]) for begin, end in pairwise([*cuts, len(losses)])]
    assert [loss for _, loss in averaged] == pytest.approx(expected)
    assert averaged[-1][0] == len(losses)
