"""Taking times, and what the machine can do at best."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch


def matmul_peak(threads: int, precision: torch.dtype = torch.float32) -> float:
    """The matrix product at its best here, in FLOP/s: the fastest of several large square ones."""
    size = 1536
    with using_threads(threads):
        a = torch.randn(size, size).to(precision)
        return 2 * size**3 / min(laps(lambda: a @ a, 8))


def laps(work: Callable[[], object], count: int) -> list[float]:
    """Seconds that each of `count` calls takes, after one that is not counted."""
    work()
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return times


def median_time(work: Callable[[], object], count: int) -> float:
    """The median of `laps`, in seconds."""
    return statistics.median(laps(work, count))


@contextmanager
def using_threads(threads: int) -> Iterator[None]:
    """In here torch works with this many threads; after it, with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
