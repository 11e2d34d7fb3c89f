"""The queue before the model: passes are shared, courses take turns, who leaves is dropped, and it has an end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import pytest

from wavetree.errors import SymbolError, WavetreeError
from wavetree.serve import model_thread
from wavetree.serve.gauges import Gauges
from wavetree.serve.limits import Limit, most
from wavetree.serve.model_thread import ModelThread
from wavetree.serve.refusals import Refusal


def held(test: Callable[[ModelThread], Coroutine[Any, Any, None]], together: int = 64) -> Gauges:
    """Runs a test with a thread of its own."""
    gauges = Gauges()
    thread = ModelThread(gauges, together)
    try:
        asyncio.run(test(thread))
    finally:
        thread.close()
    return gauges


class Gate:
    """A piece of work that begins, and then waits until it may end."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, _: object) -> Iterator[str]:
        self.begun.set()
        self.may_end.wait(60)
        yield "through"


async def opened(thread: ModelThread) -> tuple[Gate, asyncio.Task[list[str]]]:
    """The thread is busy until the gate opens."""
    gate = Gate()
    task = asyncio.create_task(every(thread, gate))
    await asyncio.to_thread(gate.begun.wait, 60)
    return gate, task


async def every(thread: ModelThread, pieces: Any) -> list[Any]:
    return [piece async for piece in thread.course(pieces)]


def doubled(payloads: Sequence[int]) -> list[int]:
    return [2 * payload for payload in payloads]


def test_what_waits_shares_a_pass() -> None:
    passes: list[list[int]] = []

    def work(payloads: Sequence[int]) -> list[int]:
        passes.append(list(payloads))
        return doubled(payloads)

    async def test(thread: ModelThread) -> None:
        gate, task = await opened(thread)
        asked = [asyncio.create_task(thread.share("a" if i % 2 else "b", work, i, 1)) for i in range(8)]
        await asyncio.sleep(0.05)
        gate.may_end.set()
        assert await asyncio.gather(*asked) == [2 * i for i in range(8)]
        await task

    held(test)
    assert sorted(map(len, passes)) == [4, 4]


def test_a_pass_has_no_more_than_it_may() -> None:
    sizes: list[int] = []

    def work(payloads: Sequence[int]) -> list[int]:
        sizes.append(len(payloads))
        return doubled(payloads)

    async def test(thread: ModelThread) -> None:
        gate, task = await opened(thread)
        asked = [asyncio.create_task(thread.share("a", work, i, 1)) for i in range(7)]
        large = [asyncio.create_task(thread.share("b", work, i, model_thread.SYMBOLS)) for i in range(2)]
        await asyncio.sleep(0.05)
        gate.may_end.set()
        await asyncio.gather(*asked, *large, task)

    held(test, together=3)
    assert sorted(sizes) == [1, 1, 1, 3, 3]


def test_a_full_queue_says_so() -> None:
    async def test(thread: ModelThread) -> None:
        gate, task = await opened(thread)
        asked = [asyncio.create_task(thread.share("a", doubled, i, 1)) for i in range(most("queue"))]
        await asyncio.sleep(0.05)
        with pytest.raises(Refusal) as refused:
            await thread.share("a", doubled, 0, 1)
        assert refused.value.code == "busy"
        gate.may_end.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [answer for answer in answers if not isinstance(answer, Refusal)] == [
            2 * i for i in range(most("queue") - 1)
        ]
        await task

    held(test)


def test_courses_take_turns_and_shares_go_first() -> None:
    order: list[str] = []

    def course(name: str) -> Any:
        def pieces(_: object) -> Iterator[str]:
            for number in range(3):
                order.append(f"{name}{number}")
                yield name

        return pieces

    async def test(thread: ModelThread) -> None:
        gate, task = await opened(thread)
        long = [asyncio.create_task(every(thread, course(name))) for name in "ab"]
        await asyncio.sleep(0.05)
        short = asyncio.create_task(thread.share("a", lambda given: order.append("share") or list(given), 1, 1))
        await asyncio.sleep(0.05)
        gate.may_end.set()
        assert await asyncio.gather(*long) == [["a"] * 3, ["b"] * 3]
        assert await short == 1
        await task

    held(test)
    assert order == ["share", "a0", "b0", "a1", "b1", "a2", "b2"]


def test_a_few_take_turns_and_the_others_wait() -> None:
    order: list[int] = []

    def course(name: int) -> Any:
        def pieces(_: object) -> Iterator[int]:
            for _ in range(2):
                order.append(name)
                yield name

        return pieces

    async def test(thread: ModelThread) -> None:
        gate, task = await opened(thread)
        long = [asyncio.create_task(every(thread, course(number))) for number in range(6)]
        await asyncio.sleep(0.05)
        gate.may_end.set()
        await asyncio.gather(*long, task)

    held(test)
    assert order[:4] != [0, 0, 1, 1]
    assert set(order[:6]) <= {0, 1, 2, 3}  # the gate takes a turn too, for its end
    assert order.index(5) > max(place for place, number in enumerate(order) if number == 0)


def test_a_long_piece_breathes() -> None:
    async def test(thread: ModelThread) -> None:
        begun, answered = threading.Event(), threading.Event()

        def pieces(breath: Callable[[], None]) -> Iterator[str]:
            begun.set()
            while not answered.is_set():
                breath()
            yield "done"

        task = asyncio.create_task(every(thread, pieces))
        await asyncio.to_thread(begun.wait, 60)
        assert await thread.share("a", doubled, 4, 1) == 8
        answered.set()
        assert await task == ["done"]

    held(test)


def test_who_leaves_is_dropped() -> None:
    made: list[int] = []

    async def test(thread: ModelThread) -> None:
        def pieces(_: object) -> Iterator[int]:
            for number in range(1_000_000):
                made.append(number)
                yield number

        course = thread.course(pieces)
        assert await anext(course) == 0
        await course.aclose()
        while thread.waiting:
            await asyncio.sleep(0.01)
        gate, task = await opened(thread)
        gone = asyncio.create_task(thread.share("a", lambda given: made.append(-1) or list(given), 0, 1))
        await asyncio.sleep(0.02)
        gone.cancel()
        await asyncio.sleep(0.02)
        gate.may_end.set()
        await task

    held(test)
    assert len(made) < 1_000_000
    assert -1 not in made


def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_thread, "limit", lambda name: Limit(name, 0, 0.05, "seconds", ""))

    async def test(thread: ModelThread) -> None:
        def pieces(breath: Callable[[], None]) -> Iterator[str]:
            while True:
                breath()
                yield "more"

        with pytest.raises(Refusal) as refused:
            await every(thread, pieces)
        assert refused.value.code == "too_long"
        gate, task = await opened(thread)
        with pytest.raises(Refusal) as refused:
            await thread.share("a", doubled, 0, 1)
        assert refused.value.status == 504
        gate.may_end.set()
        await asyncio.gather(task, return_exceptions=True)

    held(test)


def test_the_time_limit_of_a_stream_reaches_whoever_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first piece is taken by one task and the rest by another, as a streamed answer is."""
    monkeypatch.setattr(model_thread, "limit", lambda name: Limit(name, 0, 0.2, "seconds", ""))
    may_end = threading.Event()

    def pieces(_: object) -> Iterator[str]:
        yield "first"
        may_end.wait(60)

    async def test(thread: ModelThread) -> None:
        course = thread.course(pieces)
        assert await anext(course) == "first"
        reading = asyncio.create_task(anext(course))
        with pytest.raises(Refusal) as refused:
            await reading
        assert refused.value.code == "too_long"
        may_end.set()

    try:
        held(test)
    finally:
        may_end.set()


def test_answers_that_are_too_few_fail_their_pass_and_not_the_thread() -> None:
    async def test(thread: ModelThread) -> None:
        with pytest.raises(ValueError, match="shorter"):
            await thread.share("a", lambda _: [], 0, 1)
        assert await thread.share("a", doubled, 2, 1) == 4

    held(test)


@pytest.mark.parametrize("error", [SymbolError("'x' is not known"), WavetreeError("no"), Refusal("invalid", "no")])
def test_a_refusal_comes_through_and_the_thread_lives_on(error: Exception) -> None:
    def fails(_: object) -> Any:
        raise error
        yield

    async def test(thread: ModelThread) -> None:
        for _ in range(2):
            with pytest.raises(Refusal) as refused:
                await thread.share("a", lambda given: next(fails(given)), 0, 1)
            assert "x" not in refused.value.message.split()
            with pytest.raises(Refusal):
                await every(thread, fails)
        assert await thread.share("a", doubled, 1, 1) == 2

    held(test)


def test_a_fault_of_ours_is_told_as_it_is() -> None:
    async def test(thread: ModelThread) -> None:
        with pytest.raises(ZeroDivisionError):
            await thread.share("a", lambda _: [1 // 0], 0, 1)

    held(test)


def test_it_ends_when_all_is_done_and_takes_no_more() -> None:
    async def test(thread: ModelThread) -> None:
        gate, task = await opened(thread)
        last = asyncio.create_task(thread.share("a", doubled, 21, 1))
        await asyncio.sleep(0.02)
        closing = asyncio.create_task(asyncio.to_thread(thread.close))
        await asyncio.sleep(0.02)
        with pytest.raises(Refusal) as refused:
            await thread.share("a", doubled, 0, 1)
        assert refused.value.code == "stopping"
        gate.may_end.set()
        assert await last == 42
        await asyncio.gather(task, closing)

    held(test)
