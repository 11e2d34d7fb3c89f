"""Runs: which there are, and what can be asked of one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse
from torch import Tensor

from wavetree.api import given_by
from wavetree.errors import SettingError, WavetreeError
from wavetree.generate import Choice
from wavetree.serve import answers, work
from wavetree.serve.bodies import CompleteBody, InspectBody, NextBody, SampleBody, ScoreBody
from wavetree.serve.events import sse
from wavetree.serve.refusals import Refusal
from wavetree.serve.routes.pages import fresh
from wavetree.serve.service import FAILURES, Json, RunId, Service, Serving, gathered, streamed, unless_left
from wavetree.serve.shelf import Loaded

router = APIRouter(prefix="/api/runs", tags=["runs"], responses=FAILURES)
LARGE = work.PIECE
"""Symbols. A request with more is scored by itself, in pieces."""


@router.get("", response_model=answers.Runs)
async def runs(service: Serving) -> Json:
    """All runs, the one to show first and then the newest."""
    found = await asyncio.to_thread(_listed, service)
    return Json({"default": found[0]["id"] if found else None, "runs": found})


def _listed(service: Service) -> list[dict[str, Any]]:
    found = []
    for run, path in service.shelf.paths().items():
        try:
            found.append(service.shelf.about(run, path) | {"job": _job(service, run)})
        except (WavetreeError, OSError):  # a run that is being made, or a damaged one, is no reason to list none
            continue
    return found


def _job(service: Service, run: str) -> str | None:
    job = service.jobs.of_run(run)
    return job.id if job else None


@router.get("/{run}", response_model=answers.RunDetails)
async def run_details(run: RunId, service: Serving) -> Json:
    """A run: its settings, its alphabet, how its training went."""
    path = service.shelf.path(run)
    return Json(await asyncio.to_thread(service.shelf.details, run, path) | {"job": _job(service, run)})


@router.get("/{run}/model", response_class=Response, responses={200: {"content": {"application/json": {}}}})
async def model(run: RunId, request: Request, service: Serving) -> Response:
    """All that a browser needs to run the model; only when it is new, to who sends the `ETag` of the one it has."""
    loaded = await service.loaded(run)
    content = await asyncio.to_thread(lambda: loaded.document)
    return fresh(request, content, "application/json", loaded.version)


@router.post("/{run}/sample", response_model=answers.Samples)
async def sample(run: RunId, body: SampleBody, request: Request, service: Serving) -> Json:
    """New items, each marked."""
    loaded = await service.loaded(run)
    pieces = service.thread.course(_sampling(loaded, body))
    blocks = await unless_left(request, service, gathered(pieces))
    items = [item for block in blocks for item in block]
    return Json({"run": run, "seed": body.seed, "items": items, "marks": work.marks(items)})


@router.post(
    "/{run}/sample/stream", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}}
)
async def sample_stream(run: RunId, body: SampleBody, service: Serving) -> Response:
    """The same as events, as they come: `item`, and at the end `done`."""
    loaded = await service.loaded(run)
    return await streamed(service, _items(service.thread.course(_sampling(loaded, body))))


async def _items(blocks: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[bytes]:
    items: list[dict[str, Any]] = []
    async for block in blocks:
        for item in block:
            yield sse("item", item | {"index": len(items)})
            items.append(item)
    yield sse("done", {"count": len(items), "marks": work.marks(items)})


def _sampling(loaded: Loaded, body: SampleBody) -> Any:
    choice = Choice(body.temperature, body.top_k, body.top_p, body.max_length)
    with_condition(loaded, body.condition)
    return work.sample_in_pieces(loaded, choice, body.count, body.seed, body.prefix, body.novel, body.condition)


@router.post("/{run}/complete", response_model=answers.Completions)
async def complete(run: RunId, body: CompleteBody, request: Request, service: Serving) -> Json:
    """The likeliest items that begin so, exactly."""
    loaded = await service.loaded(run)
    with_condition(loaded, body.condition)
    pieces = work.complete_in_pieces(loaded, body.prefix, body.count, body.max_length, body.condition)
    found = await unless_left(request, service, gathered(service.thread.course(pieces)))
    return Json({"run": run, "prefix": body.prefix, "items": found})


@router.post("/{run}/score", response_model=answers.Scores)
async def score(run: RunId, body: ScoreBody, request: Request, service: Serving) -> Json:
    """How surprising each string is, symbol by symbol."""
    loaded = await service.loaded(run)
    loaded.of_items()
    given = with_condition(loaded, body.condition)
    told = bool(body.condition.strip())
    if told:
        await asyncio.to_thread(loaded.calibration, True)
    threshold = loaded.threshold(told, body.fpr)
    asked = work.Scoring(body.items, threshold.score, told)
    symbols = sum(map(len, body.items)) + len(body.items)
    if symbols > LARGE:
        pieces = await unless_left(
            request, service, gathered(service.thread.course(work.score_in_pieces(loaded, given, asked)))
        )
        rows = [row for piece in pieces for row in piece]
    else:
        key = ("score", loaded.key, body.condition)
        rows = await unless_left(
            request, service, service.thread.share(key, work.score_together(loaded, given), asked, symbols)
        )
    about = {name: getattr(threshold, name) for name in ("score", "low", "high", "expected")}
    return Json({"run": run, "threshold": about | {"says": threshold.sentence}, "scores": rows})


@router.post("/{run}/next", response_model=answers.Next)
async def next_symbol(run: RunId, body: NextBody, request: Request, service: Serving) -> Json:
    """What may follow each text."""
    loaded = await service.loaded(run)
    given = with_condition(loaded, body.condition)
    choice = Choice(body.temperature, body.top_k, body.top_p)
    field = loaded.trained.model.receptive_field
    asked = work.Asking(body.texts, work.windows(loaded.alphabet, body.texts, field), choice, body.top)
    key = ("next", loaded.key, body.condition)
    rows = await unless_left(
        request,
        service,
        service.thread.share(key, work.next_together(loaded, given), asked, field * len(body.texts)),
    )
    return Json({"run": run, "receptive_field": field, "next": rows})


@router.post("/{run}/inspect", response_model=answers.Inspected)
async def inspect(run: RunId, body: InspectBody, request: Request, service: Serving) -> Json:
    """Layers and predictions of a text; a fusion, opened; what moves with a symbol."""
    loaded = await service.loaded(run)
    trace = (body.trace.level, body.trace.position) if body.trace else None
    change = (body.flip.position, body.flip.symbol) if body.flip else None
    pieces = work.inspect_in_pieces(loaded, body.text, body.top, trace, change)
    found: dict[str, Any] = {}
    for piece in await unless_left(request, service, gathered(service.thread.course(pieces))):
        found |= piece
    return Json({"run": run, "receptive_field": loaded.trained.model.receptive_field, **found})


def with_condition(loaded: Loaded, condition: str) -> Tensor | None:
    """The numbers of a condition. Raises Refusal."""
    try:
        return given_by(loaded.trained, condition) if condition.strip() else loaded.untold
    except SettingError:
        raise Refusal("invalid", "this run knows no such condition: see the fields of the run.", "condition") from None
