"""`wavetree runs`: which runs there are, whether they are whole, and room made."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wavetree.cli.output import NO_VALUE, content_json, number, say, show, table
from wavetree.errors import DamagedError


def list_runs(
    folder: Annotated[Path, Parameter(help="Where to look: the runs in it, and in the folders in it.")] = Path("runs"),
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Lists runs with their size, their best loss, how far they are, and whether every file is what was saved."""
    from wavetree.runs.health import health_of, runs_in

    found = [health_of(run) for run in runs_in(folder)]
    if as_json:
        content_json({"runs": [{**asdict(one), "state": one.state} for one in found]})
        return 0
    if not found:
        say(f"no runs in {folder}")
        return 0
    rows = [
        (
            one.run,
            size(one.bytes),
            NO_VALUE if one.best is None or one.best == float("inf") else number(one.best, 4),
            f"{number(one.step)} of {number(one.steps)}" if one.steps else NO_VALUE,
            one.state,
        )
        for one in found
    ]
    show(table(["<run", ">size", ">best nats", ">step", "<state"], rows, fold=True))
    return 0


def check_run(
    run: Annotated[Path, Parameter(help="The run folder that `wavetree train` made.")],
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Compares every file that a run cannot do without with its checksum. The exit code is 3 if one is damaged."""
    from wavetree.runs import RunFolder
    from wavetree.runs.health import parts_of

    parts = parts_of(RunFolder.open(run))
    damaged = [part for part in parts if part.damage]
    if as_json:
        content_json({"run": str(run), "whole": not damaged, "parts": [asdict(part) for part in parts]})
    else:
        rows = [(part.name, size(part.bytes), "damaged" if part.damage else "whole") for part in parts]
        show(table(["<part", ">size", "<"], rows))
        for part in damaged:
            say(part.damage)
    return DamagedError.exit_code if damaged else 0


def prune_runs(
    *runs: Annotated[Path, Parameter(help="Run folders.", required=True)],
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Removes the checkpoints that are neither the best nor the latest, and what a death left half written."""
    from wavetree.runs import RunFolder
    from wavetree.runs.health import prune

    freed = {str(run): prune(RunFolder.open(run)) for run in runs}
    if as_json:
        content_json({"freed_bytes": freed})
    else:
        show(table(["<run", ">freed"], [(run, size(many)) for run, many in freed.items()]))


def size(count: int) -> str:
    """Bytes, in a unit that fits."""
    for unit, bytes_each in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if count >= bytes_each:
            return f"{count / bytes_each:,.1f} {unit}"
    return f"{count} B"
