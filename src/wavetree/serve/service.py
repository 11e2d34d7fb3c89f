"""What all routes share: the runs, the model thread, the jobs; and how an answer is written, or given up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Request
from starlette.responses import Response, StreamingResponse

from wavetree.errors import RunError, WavetreeError
from wavetree.serve.answers import Failure
from wavetree.serve.events import sse
from wavetree.serve.gauges import Gauges
from wavetree.serve.jobs import Jobs
from wavetree.serve.limits import most
from wavetree.serve.model_thread import ModelThread
from wavetree.serve.refusals import Refusal, refusal_of
from wavetree.serve.shelf import RUN_ID, Loaded, Shelf

T = TypeVar("T")
FAILURES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Failure, "description": "It cannot be answered."},
    "5XX": {"model": Failure, "description": "Not now, or not in time."},
}
LEFT = 499
"""The status of an answer that nobody reads."""


@dataclass
class Service:
    """All that a server consists of."""

    shelf: Shelf
    thread: ModelThread
    jobs: Jobs
    gauges: Gauges
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Questions are made one at a time: they draw from torch's own random state."""
    streams: int = 0

    async def loaded(self, run: str) -> Loaded:
        """The run in memory. Raises Refusal."""
        held = self.shelf.held(run)
        return held if held is not None else await asyncio.to_thread(self._load, run)

    def _load(self, run: str) -> Loaded:
        made = self.shelf.load(run)
        if made.trained.of_items:
            with suppress(RunError):  # nothing to calibrate by: then there are no scores, and all else
                made.calibration(False)  # here, and not in the model thread, where others would wait for it
        return made


async def _service(request: Request) -> Service:  # a plain function would be called in another thread
    service: Service = request.app.state.service
    return service


Serving = Annotated[Service, Depends(_service)]
RunId = Annotated[str, Path(pattern=RUN_ID, max_length=64, description="The id of a run, as /api/runs lists it.")]


class Json(Response):
    """A document, in ASCII, so that half a surrogate pair is no obstacle."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


async def unless_left(request: Request, service: Service, work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives, which is cancelled when the client leaves."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            service.gauges.left.inc()
            raise Gone
        return working.result()
    finally:
        leaving.cancel()
        if not working.done():
            working.cancel()


class Gone(Exception):
    """The client has left."""


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def gathered(pieces: AsyncIterator[Any]) -> list[Any]:
    """All pieces of a course."""
    return [piece async for piece in pieces]


async def streamed(service: Service, events: AsyncIterator[bytes]) -> StreamingResponse:
    """Server-sent events. What is refused before the first one is an ordinary refusal."""
    if service.streams >= most("streams"):
        raise Refusal("busy", "too many streams are open: close one.")
    if service.stopping.is_set():
        raise Refusal("stopping", "the server is stopping.")
    service.streams += 1
    try:
        first = await anext(events, None)
    except BaseException:
        service.streams -= 1
        raise

    async def body() -> AsyncIterator[bytes]:
        try:
            if first is not None:
                yield first
            async for event in events:
                yield event
        except (Refusal, WavetreeError) as error:
            refusal = error if isinstance(error, Refusal) else refusal_of(error)
            yield sse("error", {"error": refusal.document})
        finally:
            service.streams -= 1
            await events.aclose()  # type: ignore[attr-defined]

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(body(), media_type="text/event-stream", headers=headers)
