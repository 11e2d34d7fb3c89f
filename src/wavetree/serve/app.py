"""The application, put together: routes, what is refused and how, the guard before all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from wavetree.errors import WavetreeError
from wavetree.serve.gauges import Gauges
from wavetree.serve.guard import Guard, hosts_of
from wavetree.serve.jobs import Jobs
from wavetree.serve.model_thread import TOGETHER, ModelThread
from wavetree.serve.refusals import STATUS, Refusal, refusal_of
from wavetree.serve.routes import about, jobs, learn, pages, runs
from wavetree.serve.service import LEFT, Gone, Json, Service
from wavetree.serve.shelf import Shelf

CODES = {status: code for code, status in STATUS.items() if code in ("bad_request", "not_found", "method")}
WORDS = {
    "bad_request": "this is no request that the server understands.",
    "not_found": "there is nothing here: / is the page, and /openapi.json what else there is.",
    "method": "this cannot be done here: /openapi.json says what can.",
}
ABOUT = "Runs of wavetree: sample, score, complete, look inside, train. Errors are small, and quote nothing."


@dataclass(frozen=True)
class Settings:
    """How a server is set up. `together`: requests that share a pass at most."""

    runs: Path
    run: Path | None = None
    address: str = "127.0.0.1"
    token: str | None = None
    together: int = TOGETHER


def make_app(settings: Settings) -> tuple[Guard, FastAPI]:
    """The application behind its guard, and without."""
    gauges = Gauges()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        shelf = Shelf(settings.runs, settings.run)
        service = Service(shelf, ModelThread(gauges, settings.together), Jobs(shelf, gauges), gauges)
        app.state.service = service
        yield
        service.stopping.set()
        await service.jobs.close()
        service.thread.close()

    app = FastAPI(
        title="wavetree",
        version="1",
        description=ABOUT,
        lifespan=lifespan,
        docs_url=None,  # they load scripts from another host
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in (about.router, runs.router, jobs.router, learn.router, pages.router):
        app.include_router(router)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(WavetreeError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(Gone, lambda *_: Response(status_code=LEFT))
    app.add_exception_handler(Exception, _failed)
    return Guard(app, hosts_of(settings.address), settings.token, gauges.seen), app


async def _refused(_: Request, error: Exception) -> Response:
    refusal = error if isinstance(error, Refusal) else refusal_of(error)  # type: ignore[arg-type]
    return answered(refusal)


def answered(refusal: Refusal) -> Response:
    """The answer of a refusal."""
    return Json({"error": refusal.document}, refusal.status, refusal.headers)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return answered(Refusal("bad_request", "the body is no JSON."))
    where = _place(first["loc"], first["type"])
    words = SAYS.get(first["type"], "it is not as /openapi.json and /limits have it")
    bounds = {name: value for name, value in (first.get("ctx") or {}).items() if name in BOUNDS}
    told = ", ".join(f"{BOUNDS[name]} {value}" for name, value in bounds.items())
    return answered(Refusal("invalid", f"{where or 'the body'}: {words}{f' ({told})' if told else ''}.", where or None))


SAYS = {
    "missing": "it is missing",
    "extra_forbidden": "there is a name in it that has no meaning here",
    "finite_number": "it is not a finite number",
    "int_type": "it is not a whole number",
    "float_type": "it is not a number",
    "bool_type": "it is neither true nor false",
    "string_type": "it is not a text",
    "list_type": "it is not a list",
    "literal_error": "it is none of the words that are allowed",
    "value_error": "its settings do not fit together",
}
"""For a validator's kinds of error, of which some quote what was sent."""
BOUNDS = {
    "ge": "at least",
    "le": "at most",
    "gt": "above",
    "lt": "below",
    "min_length": "at least so long:",
    "max_length": "at most so long:",
}


def _place(location: Sequence[Any], kind: str) -> str:
    """Where it is, in names of ours alone: a name that was made up is left out."""
    inside = [str(part) for part in location[1:] if isinstance(part, int) or str(part).isidentifier()]
    return ".".join(inside[:-1] if kind == "extra_forbidden" else inside)[:100]


async def _plain(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = CODES.get(error.status_code, "bad_request")
    answer = answered(Refusal(code, WORDS[code]))
    if code == "method" and error.headers:
        answer.headers.update(error.headers)
    return answer


async def _failed(_: Request, __: Exception) -> Response:
    return answered(Refusal("failed", "something went wrong here; the server's own log says what."))
