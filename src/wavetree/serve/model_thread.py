"""The one thread in which models compute, and the queue before it.

Two kinds of work. A `share` is a few strings of one request: what waits for the same run goes through the model in one
pass. A `course` is longer and made in pieces (a generator): between two of them waiting shares go first, a few courses
take turns, and whoever has left, or has waited too long, is dropped.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from wavetree.errors import WavetreeError
from wavetree.serve.gauges import Gauges
from wavetree.serve.limits import limit, most
from wavetree.serve.refusals import Refusal, refusal_of

TOGETHER = 64
"""Requests that share a pass,"""
SYMBOLS = 1 << 14
"""and symbols of them, about."""
TURNS = 4
"""Courses that take turns; the others wait until one of these is through, or under load none would be in time."""

Pass = Callable[[Sequence[Any]], Sequence[Any]]
"""From the payloads of several requests to their answers, in order. An answer may be a Refusal."""
Pieces = Callable[["Breath"], Iterator[Any]]


class Left(Exception):
    """Nobody waits for this any more."""


@dataclass(eq=False)
class _Waiting:
    loop: asyncio.AbstractEventLoop
    until: float
    gone: bool = False

    def overdue(self) -> bool:
        return time.monotonic() > self.until

    def _tell(self, function: Callable[..., None], *args: object) -> None:
        try:
            self.loop.call_soon_threadsafe(function, *args)
        except RuntimeError:  # the loop is closed: nobody listens
            self.gone = True


@dataclass(eq=False)
class _Share(_Waiting):
    key: Hashable = None
    work: Pass = list
    payload: Any = None
    symbols: int = 0
    answer: asyncio.Future[Any] = field(kw_only=True)

    def settle(self, result: object) -> None:
        self._tell(_settle, self.answer, result)


@dataclass(eq=False)
class _Course(_Waiting):
    pieces: Iterator[Any] = field(kw_only=True)
    out: asyncio.Queue[object] = field(kw_only=True)

    def put(self, piece: object) -> None:
        self._tell(self.out.put_nowait, piece)


class Breath:
    """What a long piece of a course calls now and then: others are served, and its own end is noticed."""

    def __init__(self, thread: ModelThread) -> None:
        self._thread, self.course = thread, None  # type: ModelThread, _Course | None

    def __call__(self) -> None:
        """Raises Left where nobody waits any more, Refusal where it took too long."""
        self._thread.serve_shares()
        assert self.course is not None
        if self.course.gone:
            raise Left
        if self.course.overdue():
            raise too_long()


END = object()
"""The last thing in the queue of a course that came to its end."""


class ModelThread:
    """Takes work from the event loop, and gives its results back there."""

    def __init__(self, gauges: Gauges, together: int = TOGETHER) -> None:
        self._gauges, self._together = gauges, together
        self._shares: deque[_Share] = deque()
        self._courses: deque[_Course] = deque()
        self._current = 0
        self._changed = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()
        gauges.waiting.set_function(lambda: self.waiting)

    @property
    def waiting(self) -> int:
        """Requests that are in the queue, or being computed in turns."""
        return len(self._shares) + len(self._courses) + self._current

    async def share(self, key: Hashable, work: Pass, payload: object, symbols: int) -> Any:
        """The answer to `payload`, computed together with others of the same `key`. Raises Refusal."""
        loop = asyncio.get_running_loop()
        one = _Share(
            loop, _deadline(), key=key, work=work, payload=payload, symbols=symbols, answer=loop.create_future()
        )
        self._enter(self._shares, one)
        try:
            async with asyncio.timeout_at(loop.time() + limit("seconds").most):
                return await one.answer
        except TimeoutError:
            raise too_long() from None
        finally:
            one.gone = True

    async def course(self, pieces: Pieces) -> Any:
        """An async iterator over what `pieces` yields. Raises Refusal; ends the work when it is closed."""
        breath = Breath(self)
        loop = asyncio.get_running_loop()
        one = _Course(loop, _deadline(), pieces=pieces(breath), out=asyncio.Queue())
        breath.course = one
        self._enter(self._courses, one)
        end = loop.time() + limit("seconds").most
        try:
            while True:
                async with asyncio.timeout_at(end):  # not around the yield: another task may take the next piece
                    piece = await one.out.get()
                if isinstance(piece, BaseException):
                    raise piece
                if piece is END:
                    break
                yield piece
        except TimeoutError:
            raise too_long() from None
        finally:
            one.gone = True

    def close(self) -> None:
        """Ends when everything that was taken is done."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join()

    def _enter(self, queue: deque[Any], one: _Waiting) -> None:
        with self._changed:
            if self._ending:
                raise Refusal("stopping", "the server is stopping.")
            if self.waiting >= most("queue"):
                raise Refusal("busy", "too many requests wait for the model: try again in a moment.")
            queue.append(one)
            self._changed.notify()

    def _run(self) -> None:
        torch.set_num_threads(1)  # requests are small: a second thread would only wait for the first
        while True:
            with self._changed:
                while not (self._shares or self._courses or self._ending):
                    self._changed.wait()
                if self._ending and not (self._shares or self._courses):
                    return
            self.serve_shares()
            if self._courses:
                self._go_on(self._courses.popleft())

    def serve_shares(self) -> None:
        """Every share that waits, as many to a pass as may be."""
        while self._shares:
            with self._changed:
                first = self._shares.popleft()
                taken, symbols = [first], first.symbols
                others: list[_Share] = []
                while self._shares and len(taken) < self._together and symbols < SYMBOLS:
                    one = self._shares.popleft()
                    (taken if one.key == first.key else others).append(one)
                    symbols += one.symbols if one.key == first.key else 0
                self._shares.extendleft(reversed(others))
            self._pass([one for one in taken if not one.gone and not one.overdue()])

    def _pass(self, shares: list[_Share]) -> None:
        if not shares:
            return
        self._gauges.passes.observe(len(shares))
        try:
            pairs = list(zip(shares, shares[0].work([one.payload for one in shares]), strict=True))
        except Exception as error:  # noqa: BLE001  the thread must outlive any request
            pairs = [(one, _refusal(error)) for one in shares]
        for one, answer in pairs:
            one.settle(answer)

    def _go_on(self, course: _Course) -> None:
        """The next piece of a course, which then stands in line again behind those that it takes turns with."""
        if course.gone:
            course.pieces.close()  # type: ignore[attr-defined]
            return
        self._current = 1
        try:
            piece = too_long() if course.overdue() else next(course.pieces, END)
        except Left:
            return
        except Exception as error:  # noqa: BLE001  as above
            piece = _refusal(error)
        finally:
            self._current = 0
        course.put(piece)
        if piece is not END and not isinstance(piece, BaseException):
            with self._changed:
                self._courses.insert(min(TURNS - 1, len(self._courses)), course)


def too_long() -> Refusal:
    """After the time limit."""
    return Refusal("too_long", "the answer took too long: ask for less.")


def _deadline() -> float:
    return time.monotonic() + limit("seconds").most


def _settle(answer: asyncio.Future[Any], result: object) -> None:
    if answer.done():  # given up
        return
    if isinstance(result, BaseException):
        answer.set_exception(result)
    else:
        answer.set_result(result)


def _refusal(error: Exception) -> BaseException:
    if isinstance(error, Refusal):
        return error
    return refusal_of(error) if isinstance(error, WavetreeError) else error
