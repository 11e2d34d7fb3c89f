"""What supervisors, gauges and programs ask about the server itself."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from wavetree.serve import answers, limits
from wavetree.serve.gauges import KIND
from wavetree.serve.refusals import Refusal
from wavetree.serve.service import FAILURES, Json, Serving

router = APIRouter(tags=["service"], responses=FAILURES)


@router.get("/health", response_model=answers.Status)
async def health() -> Json:
    """Whether the server lives."""
    return Json({"status": "ok"})


@router.get("/ready", response_model=answers.Status)
async def ready(service: Serving) -> Json:
    """Whether it takes requests: not while it stops."""
    if service.stopping.is_set():
        raise Refusal("stopping", "the server is stopping.")
    return Json({"status": "ready"})


@router.get("/limits", response_model=answers.Limits)
async def shown_limits() -> Json:
    """The table of limits."""
    return Json({"limits": limits.shown()})


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(service: Serving) -> Response:
    """For Prometheus."""
    return Response(service.gauges.text(), media_type=KIND)
