"""The server under load: what it answers a second, how soon, and whether it loses anything or grows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from wavetree.config import configure
from wavetree.data import embedded_names
from wavetree.errors import InputError
from wavetree.experiments import load
from wavetree.experiments.load import Plan
from wavetree.report import machine_stamp
from wavetree.train import start, train

STARTS_IN = 120.0
"""Seconds that a server has to begin to listen."""
FEW, MANY = 50, 200
"""Clients."""
TOGETHER = 64
"""Requests that share a pass, as `wavetree serve` has it where nothing is said."""
WARM = 3.0
"""Seconds of load before anything is measured."""


def bench_serve(run: Path | None, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Loads a server of its own, batched and one request at a time; without `run`, one of the lecture's network."""
    strings = list(embedded_names().items[:5000])
    with tempfile.TemporaryDirectory() as folder:
        if run is None:
            say("training the lecture's network")
            run = Path(folder, "lecture")
            train(start(embedded_names(), run, configure("lecture")))
        rows = []
        for batch, how in ((1, "one at a time"), (TOGETHER, "together")):
            with serving(run, Path(folder, "runs"), batch) as (port, process):
                path = f"/api/runs/{_id(run)}/score"
                _load(Plan(port, path, FEW, WARM, strings))
                for clients, share in ((1, 0.25), (FEW, 0.5), (MANY, 1.0)):
                    say(f"{clients} clients for {share * seconds:g} s, requests handled {how}")
                    plan = Plan(port, path, clients, share * seconds, strings)
                    rows.append({"clients": clients, "handled": how, **_measured(plan, process)})
    return {"name": "serve", "rows": rows, **_verdict(rows), "machine": machine_stamp()}


def _verdict(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What was asked for, beside what came."""
    of = {(row["clients"], row["handled"]): row for row in rows}
    many, alone = of[MANY, "together"], of[MANY, "one at a time"]
    return {
        "requests_per_second": many["requests_per_second"],
        "one_at_a_time": alone["requests_per_second"],
        "ratio": many["requests_per_second"] / alone["requests_per_second"],
        "p99_ms_at_50": of[FEW, "together"]["p99_ms"],
        "p99_goal_ms": 100.0,
        "lost": sum(row["lost"] + row["wrong"] for row in rows),
        "errors": sum(row["errors"] for row in rows),
        "memory_growth_mb": many["memory_end_mb"] - many["memory_begin_mb"],
    }


def _measured(plan: Plan, process: subprocess.Popen[str]) -> dict[str, Any]:
    """A load, and the memory of the server meanwhile."""
    sizes: list[float] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            sizes.append(_resident_mb(process.pid))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        found = _load(plan)
    finally:
        ended.set()
        watching.join()
    late = np.array(found["latencies"] or [float("nan")]) * 1000
    statuses = {int(status): number for status, number in found["statuses"].items()}
    quarter = max(1, len(sizes) // 4)
    return {
        "answers": statuses.get(200, 0),
        "requests_per_second": statuses.get(200, 0) / found["seconds"],
        "p50_ms": float(np.percentile(late, 50)),
        "p99_ms": float(np.percentile(late, 99)),
        "busy": statuses.get(429, 0),
        "errors": sum(number for status, number in statuses.items() if status not in (200, 429)),
        "lost": found["lost"],
        "wrong": found["wrong"],
        "memory_begin_mb": float(np.median(sizes[:quarter])) if sizes else float("nan"),
        "memory_end_mb": float(np.median(sizes[-quarter:])) if sizes else float("nan"),
    }


def _load(plan: Plan) -> dict[str, Any]:
    """The clients, in a process of their own: by their file, since the package around it would bring torch."""
    done = subprocess.run(
        [sys.executable, load.__file__],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def serving(run: Path, runs: Path, batch: int) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A server of its own: its port, and its process. Raises InputError where it does not begin."""
    command = [sys.executable, "-m", "wavetree", "serve", str(run), "--port", "0", "--runs", str(runs)]
    process = subprocess.Popen([*command, "--batch", str(batch)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        begun, said = time.monotonic(), ""
        for line in process.stderr:
            said = line.strip()
            if found := re.search(r"http://[^ ]*:(\d+)/", line):
                yield int(found[1]), process
                return
            if time.monotonic() - begun > STARTS_IN:
                break
        raise InputError(f"the server did not begin: {said}")
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def _id(run: Path) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", run.resolve().name).lstrip("._-")


def _resident_mb(process: int) -> float:
    """Memory of a process that is not on disk, where the system tells it."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
