"""Ctrl-C: the first one asks, and everything is saved; the second one does not ask."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ASKS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def asked_to_stop(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """In here the first SIGINT or SIGTERM only makes the given function answer True; the next one acts as ever.

    It says so when it first answers True, and not in the handler, which may run in the middle of another line.
    Signals reach the main thread alone: in another thread the answer is always False.
    """
    asked = said = False
    before: dict[signal.Signals, signal._HANDLER] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        restore()

    def answer() -> bool:
        nonlocal said
        if asked and not said:
            said = True
            say("stopping; everything is saved first (once more: stop at once)")
        return asked

    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, ask) for number in ASKS}
    try:
        yield answer
    finally:
        restore()
