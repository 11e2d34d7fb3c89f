"""Jobs: training and comparing, while answers go on."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Path
from starlette.responses import Response, StreamingResponse

from wavetree.serve import answers
from wavetree.serve.bodies import CompareBody, Nothing, TrainBody
from wavetree.serve.service import FAILURES, Json, RunId, Serving, streamed

router = APIRouter(tags=["jobs"], responses=FAILURES)
JobId = Annotated[str, Path(pattern=r"^(train|compare)-[0-9a-f]{8}$", max_length=20, description="The id of a job.")]
ACCEPTED = 202


@router.get("/api/jobs", response_model=answers.Jobs)
async def jobs(service: Serving) -> Json:
    """All jobs since the server began, the newest first."""
    return Json({"jobs": [job.document for job in service.jobs.all()]})


@router.post("/api/jobs/train", response_model=answers.Job, status_code=ACCEPTED)
async def train(body: TrainBody, service: Serving) -> Json:
    """Begins to learn a list. The run is there at once, and is an ordinary run folder."""
    return Json((await service.jobs.train(body)).document, ACCEPTED)


@router.post("/api/jobs/compare", response_model=answers.Job, status_code=ACCEPTED)
async def compare(body: CompareBody, service: Serving) -> Json:
    """Begins to climb the lecture's ladder on a list."""
    return Json((await service.jobs.compare(body)).document, ACCEPTED)


@router.post("/api/runs/{run}/resume", response_model=answers.Job, status_code=ACCEPTED)
async def go_on(run: RunId, body: Nothing, service: Serving) -> Json:
    """Trains a run on from its latest checkpoint."""
    path = service.shelf.path(run)
    about = await asyncio.to_thread(service.shelf.about, run, path)
    return Json((await service.jobs.go_on(run, path, about["complete"])).document, ACCEPTED)


@router.get("/api/jobs/{job}", response_model=answers.Job)
async def job_details(job: JobId, service: Serving) -> Json:
    """Where a job stands."""
    return Json(service.jobs.find(job).document)


@router.post("/api/jobs/{job}/pause", response_model=answers.Job, status_code=ACCEPTED)
async def pause(job: JobId, body: Nothing, service: Serving) -> Json:
    """Saves, and waits."""
    found = service.jobs.find(job)
    service.jobs.pause(found)
    return Json(found.document, ACCEPTED)


@router.post("/api/jobs/{job}/resume", response_model=answers.Job, status_code=ACCEPTED)
async def resume(job: JobId, body: Nothing, service: Serving) -> Json:
    """Goes on with a paused job, exactly."""
    found = service.jobs.find(job)
    service.jobs.resume(found)
    return Json(found.document, ACCEPTED)


@router.post("/api/jobs/{job}/stop", response_model=answers.Job, status_code=ACCEPTED)
async def stop(job: JobId, body: Nothing, service: Serving) -> Json:
    """Saves, and ends."""
    found = service.jobs.find(job)
    service.jobs.stop(found)
    return Json(found.document, ACCEPTED)


@router.get(
    "/api/jobs/{job}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def events(
    job: JobId,
    service: Serving,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> Response:
    """Everything that happened to a job, and then what happens, until its end."""
    log = service.jobs.find(job).log
    heard = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdigit() else 0
    return await streamed(service, log.after(heard))
