"""A job, in a process of its own: one line of JSON in, a line of JSON out for everything that happens.

Standard input stays open for as long as the job is wanted. When it closes, whoever asked for the job has had enough, or
is gone: a training then stops after its step and saves, a comparison just ends.
"""

from __future__ import annotations

import _thread
import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from wavetree.errors import WavetreeError
from wavetree.serve.refusals import refusal_of

NICENESS = 5
"""Answers come before training."""
PAUSE = 0.25
"""Seconds between two notes of what is being done."""


class Teller:
    """Writes events to whoever reads."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._noted = out, 0.0

    def tell(self, event: str, data: Mapping[str, Any]) -> None:
        """One event, at once. Nobody reads any more: then there is nobody to tell."""
        with suppress(BrokenPipeError):
            self._out.write(json.dumps({"event": event, "data": finite(data)}, allow_nan=False) + "\n")
            self._out.flush()

    def note(self, says: str) -> None:
        """What is being done, now and then."""
        if time.monotonic() - self._noted >= PAUSE:
            self._noted = time.monotonic()
            self.tell("note", {"says": says})


def finite(data: Any) -> Any:
    """What is not finite has no word in JSON: null."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {name: finite(value) for name, value in data.items()}
    return [finite(value) for value in data] if isinstance(data, list | tuple) else data


def train(told: Mapping[str, Any], teller: Teller) -> None:
    """Trains the run at `path` to its end, or until it is asked to stop."""
    from wavetree.report import report_run
    from wavetree.runs import RunFolder
    from wavetree.train import Watch
    from wavetree.train import train as go

    asked = threading.Event()
    _when_unwanted(lambda *_: asked.set())
    folder = RunFolder.open(Path(told["path"]))
    watch = Watch(
        lambda seen: teller.tell("progress", asdict(seen)),
        lambda seen: teller.tell("check", asdict(seen)),
        asked.is_set,
    )
    summary = go(folder, watch)
    if not summary.stopped:
        report_run(folder, summary)
    kept = {name: value for name, value in asdict(summary).items() if name != "run"}
    teller.tell("summary", kept)


def compare(told: Mapping[str, Any], teller: Teller) -> None:
    """Climbs the ladder."""
    from wavetree.data import embedded_names, make_list
    from wavetree.experiments.compare import ContextRow, Row, plan
    from wavetree.experiments.compare import compare as run

    _when_unwanted(_leave)
    items = embedded_names() if told["items"] is None else make_list(told["items"], told["name"])

    def show(row: Row | ContextRow) -> None:
        assert isinstance(row, Row)
        first = row.trials[0]
        teller.tell("row", row.to_json() | {"training": first.training, "validation": first.validation})

    done = run(items, plan("ladder", told["split"], None, told["seeds"]), teller.note, show).to_json()
    teller.tell("summary", {name: done[name] for name in ("rows", "notes", "leaks", "seconds", "lecture_list")})


def _leave(*_: object) -> None:
    raise SystemExit(0)


def _when_unwanted(act: Any) -> None:
    """Calls `act` in the main thread when standard input closes, or a signal asks to end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, act)

    def wait() -> None:
        while sys.stdin.read(1024):
            pass
        _thread.interrupt_main(signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def main() -> int:
    """The job that the first line of standard input describes."""
    with suppress(OSError, AttributeError):
        os.nice(NICENESS)
    teller = Teller(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what anything else prints is no event
    told = json.loads(sys.stdin.readline())
    try:
        {"train": train, "compare": compare}[told["kind"]](told, teller)
    except WavetreeError as error:
        says = str(error) if type(error) is WavetreeError else refusal_of(error).message
        teller.tell("error", {"message": says})
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
