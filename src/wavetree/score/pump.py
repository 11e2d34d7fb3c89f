"""Batches through workers: read ahead, worked on side by side, handed on in order, never more than a few at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def pumped(source: Iterable[In], work: Callable[[In], Out], workers: int) -> Iterator[Out]:
    """`work` of everything in `source`, in order. What comes in waits until what went before has been taken.

    An error of the source or of the work is raised in its place in the order.
    """
    waiting: queue.Queue[Future[Out] | None] = queue.Queue(maxsize=max(1, workers))
    left = threading.Event()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="score")

    def put(future: Future[Out] | None) -> None:
        while not left.is_set():
            try:
                waiting.put(future, timeout=0.1)
            except queue.Full:
                continue
            return

    def read() -> None:
        try:
            for batch in source:
                if left.is_set():
                    return
                put(pool.submit(work, batch))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            failed: Future[Out] = Future()
            failed.set_exception(error)
            put(failed)
        finally:
            put(None)

    # A daemon: it may be waiting for a pipe that never ends when the one who asked has left.
    threading.Thread(target=read, daemon=True, name="score-reader").start()
    try:
        while (future := waiting.get()) is not None:
            yield future.result()
    finally:
        left.set()
        pool.shutdown(wait=False, cancel_futures=True)
