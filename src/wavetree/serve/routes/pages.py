"""The files of the page. A path is looked up among the files that there are, and never opened as it came."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from wavetree.serve.refusals import Refusal

WEB = Path(__file__).parents[1] / "web"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
"""What is served, and as what."""
INDEX = "index.html"

router = APIRouter(include_in_schema=False)


def files() -> dict[str, Path]:
    """Every file of the page by its path."""
    found = (path for path in WEB.rglob("*") if path.suffix in TYPES and path.is_file())
    return {path.relative_to(WEB).as_posix(): path for path in found}


@router.get("/{path:path}")
async def page(path: str, request: Request) -> Response:
    """A file, or that it is the one the browser has."""
    found = files().get(path or INDEX)
    if found is None:
        raise Refusal("not_found", "there is nothing here: / is the page, and /openapi.json what else there is.")
    content = found.read_bytes()
    return fresh(request, content, TYPES[found.suffix], hashlib.sha256(content).hexdigest()[:16])


def fresh(request: Request, content: bytes, kind: str, version: str) -> Response:
    """`content`, unless the browser holds this version already."""
    headers = {"etag": f'"{version}"', "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=kind, headers=headers)
