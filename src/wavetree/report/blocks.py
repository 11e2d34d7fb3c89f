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
    What is left at the end, if it is less than half a block, is as noisy as a raw loss: it counts to the block before.
    """
    sums: list[tuple[float, float, float]] = []  # of each block: its last step, how many steps, their losses
    number, before = -1.0, 0.0
    for step, loss in points:
        weight = step - before
        if (step - 1) // size != number:
            number = (step - 1) // size
            sums.append((step, 0.0, 0.0))
        sums[-1] = (step, sums[-1][1] + weight, sums[-1][2] + weight * loss)
        before = step
    if len(sums) > 1 and sums[-1][1] < size / 2:
        (last, *some), (_, *others) = sums.pop(), sums.pop()
        sums.append((last, some[0] + others[0], some[1] + others[1]))
    return [(step, total / weight) for step, weight, total in sums]
