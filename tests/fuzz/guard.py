"""The long form's limits on a case: 5 seconds of work, a minute of waiting, 1 GB more than there was when it began."""

from __future__ import annotations

import resource
import signal
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from hypothesis import settings

from wavetree.errors import WavetreeError

LONG = "long"
"""The profile (tests/conftest.py) in which the limits hold: `make fuzz`."""
SECONDS = 5
WAITING = 12
"""A case may last so many times longer than it may work: the machine is not always its own."""
BYTES = 1 << 30


TIMERS = {signal.ITIMER_PROF: signal.SIGPROF, signal.ITIMER_REAL: signal.SIGALRM}
"""Of the processor, and of the clock on the wall."""


class HangError(BaseException):
    """A case takes too long. No `except Exception` stops it."""


@contextmanager
def limits(seconds: float = SECONDS, more: int = BYTES) -> Iterator[None]:
    """In here what takes too long raises HangError, and what takes too much memory MemoryError (or torch's own)."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, before[1]))
    old = [signal.signal(number, _hang) for number in TIMERS.values()]
    for timer, most in zip(TIMERS, (seconds, WAITING * seconds), strict=True):
        signal.setitimer(timer, most)
    try:
        yield
    finally:
        for timer, number, handler in zip(TIMERS, TIMERS.values(), old, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def guarded() -> Iterator[None]:
    """The limits in the long form; nothing in the short one, which asserts no time."""
    if settings.get_current_profile_name() != LONG:
        yield
        return
    with limits():
        yield


@contextmanager
def a_result_or_a_sentence(codes: Container[int]) -> Iterator[list[WavetreeError]]:
    """What is in here may end in an error of ours with one of these exit codes, and in no other. The list is for it."""
    refused: list[WavetreeError] = []
    with guarded():
        try:
            yield refused
        except WavetreeError as error:
            refused.append(error)
    for error in refused:
        assert error.exit_code in codes
        assert str(error).endswith((".", "?")), error


def _hang(_signal: int, _frame: FrameType | None) -> None:
    raise HangError
