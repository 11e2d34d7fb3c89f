"""`wavetree serve`: the page that looks into runs, and the API behind it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wavetree.cli.output import say
from wavetree.errors import InputError, SettingError

NEEDS = ("fastapi", "uvicorn", "httptools", "prometheus_client")


def serve(
    run: Annotated[Path | None, Parameter(help="The run folder to show first.")] = None,
    /,
    *,
    port: Annotated[int, Parameter(help="0 takes a free one.", show_default=True)] = 8000,
    host: Annotated[str, Parameter(help="The address to listen at. Any but this machine's own needs --token.")] = (
        "127.0.0.1"
    ),
    runs: Annotated[Path, Parameter(help="The folder of runs, where new ones go too.")] = Path("runs"),
    token: Annotated[
        str | None,
        Parameter(
            help="A secret that every request must bring. In WAVETREE_TOKEN no other user of the machine sees it.",
            env_var="WAVETREE_TOKEN",
        ),
    ] = None,
    batch: Annotated[int, Parameter(help="Requests that go through the model together, at most.")] = 64,
) -> None:
    """Serves until Ctrl-C, then ends in order: answers that were begun are given, training is saved."""
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"serve needs {' and '.join(missing)}, not installed here: pip install 'wavetree[serve]'.")
    if not 0 <= port <= 65535:
        raise SettingError(f"port cannot be {port}: give a whole number from 0 to 65535.")
    if not 1 <= batch <= 256:
        raise SettingError(f"batch cannot be {batch}: give a whole number from 1 to 256.")
    if token is not None and not re.fullmatch(r"[A-Za-z0-9._~-]{16,200}", token):
        raise SettingError("token cannot be that: give 16 to 200 letters, digits or any of . _ ~ -, hard to guess.")
    from wavetree.runs import RunFolder

    if run is not None:
        RunFolder.open(run)  # before the server is imported, which takes seconds
    from wavetree.serve.app import Settings
    from wavetree.serve.server import serve as until_stopped

    until_stopped(Settings(runs, run, host, token, batch), port, say)
