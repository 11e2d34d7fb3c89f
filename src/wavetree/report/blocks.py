"""Block averages: a training loss, step by step, is too noisy to read."""

from __future__ import annotations

from collections.abc import Sequence

BLOCK = 1000
"""Steps in a block, as the lecture has it, where that makes a readable number of points."""
FEWEST, MOST = 50, 200

Points = list[tuple[float, float]]
"""(step, nats a symbol)."""


def block_steps(steps: int) -> int:
    """Steps in a block: 1,000, or as many as make 50 to 100 blocks. A run of fewer than 50 steps keeps each."""
    return BLOCK if FEWEST <= steps / BLOCK <= MOST else max(1, steps // FEWEST)


def block_average(points: Sequence[tuple[float, float]], size: int) -> Points:
    """Means over blocks of `size` steps of points (step, loss), each at the last step of its block that there is.

    A point stands for all steps since the one before it, and weighs as much; it belongs to the block that it ends in.
    """
    averaged: Points = []
    weight = total = 0.0
    before = 0.0
    for place, (step, loss) in enumerate(points):
        weight, total = weight + step - before, total + (step - before) * loss
        before = step
        last = place + 1 == len(points)
        if last or (step - 1) // size != (points[place + 1][0] - 1) // size:
            averaged.append((step, total / weight))
            weight = total = 0.0
    return averaged
