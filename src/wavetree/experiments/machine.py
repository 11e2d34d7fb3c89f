"""Taking times, and what the machine can do at best."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch

SIZE = 1536
PRODUCT = 2 * SIZE**3
"""Operations of the large product of two square matrices that stands for the machine at its best."""

TURN = 3
"""Calls that are timed before it is the next one's turn."""


def matmul_peak(threads: int, precision: torch.dtype = torch.float32) -> float:
    """The matrix product at its best here, in FLOP/s: the fastest of several large square ones."""
    return PRODUCT / min(laps(large_product(threads, precision), 8))


def large_product(threads: int, precision: torch.dtype) -> Callable[[], None]:
    """What computes the PRODUCT once, with so many threads."""
    a = torch.randn(SIZE, SIZE).to(precision)

    def work() -> None:
        with using_threads(threads):
            a @ a

    return work


def by_turns(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median time of each, in seconds, of TURN calls a round after one that is not counted.

    They take turns, so that what the machine does meanwhile falls on all of them.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name] += laps(work, TURN)
    return {name: statistics.median(each) for name, each in times.items()}


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
