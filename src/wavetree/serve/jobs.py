"""Training and comparing while answers go on: each in a process of its own, which is started, told and stopped here."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from wavetree.config import Config, configure
from wavetree.data import embedded_names, make_list
from wavetree.serve.bodies import CompareBody, TrainBody
from wavetree.serve.events import END, EventLog
from wavetree.serve.gauges import Gauges
from wavetree.serve.limits import most
from wavetree.serve.refusals import Refusal
from wavetree.serve.shelf import Shelf
from wavetree.train import start

LINE_BYTES = 1 << 24
"""The longest line of a child."""
SAVING = 120.0
"""Seconds that a job has to save itself in when the server ends; one that hangs is killed, its checkpoints whole."""
Kind = Literal["train", "compare"]
LIVE = {"running", "pausing", "stopping"}
WHEN_LOST = "the process of this job ended by itself; what it saved last is still good, and can be resumed."


@dataclass(eq=False)
class Job:
    """One job: what it is about, where it stands, and everything that happened to it."""

    id: str
    kind: Kind
    name: str
    told: dict[str, Any]
    run: str | None = None
    state: str = "running"
    progress: dict[str, Any] | None = None
    check: dict[str, Any] | None = None
    summary: dict[str, Any] | None = None
    error: dict[str, str | None] | None = None
    log: EventLog = field(default_factory=EventLog)
    process: asyncio.subprocess.Process | None = None
    task: asyncio.Task[None] | None = None
    before: float = 0.0
    since: float = field(default_factory=time.monotonic)

    @property
    def live(self) -> bool:
        """Whether a process works on it."""
        return self.state in LIVE

    @property
    def document(self) -> dict[str, Any]:
        """What is told of it."""
        seconds = self.before + (time.monotonic() - self.since if self.live else 0)
        names = ("id", "kind", "state", "run", "name", "progress", "check", "summary", "error")
        return {name: getattr(self, name) for name in names} | {"seconds": round(seconds, 3)}

    def become(self, state: str) -> None:
        """Goes to another state, and says so."""
        if self.live and state not in LIVE:
            self.before += time.monotonic() - self.since
        elif not self.live and state in LIVE:
            self.since = time.monotonic()
        self.state = state
        over = state in ("stopped", "done", "failed")
        self.log.add(END if over else "state", self.document)


class Jobs:
    """All jobs of a server."""

    def __init__(self, shelf: Shelf, gauges: Gauges) -> None:
        self._shelf = shelf
        self._jobs: dict[str, Job] = {}
        self._making = asyncio.Lock()
        self._ending = False
        gauges.jobs.set_function(lambda: sum(job.live for job in self._jobs.values()))

    def all(self) -> list[Job]:
        """The newest first."""
        return list(reversed(self._jobs.values()))

    def find(self, job: str) -> Job:
        """Raises Refusal for an id that no job has."""
        if job not in self._jobs:
            raise Refusal("not_found", "there is no job of this id: /api/jobs lists them.")
        return self._jobs[job]

    def of_run(self, run: str) -> Job | None:
        """The job that trains a run now, or may go on with it."""
        return next((job for job in self.all() if job.run == run and (job.live or job.state == "paused")), None)

    async def train(self, body: TrainBody) -> Job:
        """A new run, its folder made and its training begun. Raises WavetreeError or Refusal."""
        self._refuse_more()
        config = configure(body.preset, body.changes())
        async with self._making:
            self._refuse_more()
            name = self._shelf.free_name(body.name)
            path = self._shelf.folder / name
            await asyncio.to_thread(_begin, _items(body.text), path, config)
            return self._start("train", name, {"path": str(path.resolve())}, name)

    async def go_on(self, run: str, path: Path, complete: bool) -> Job:
        """Trains a run on from its latest checkpoint."""
        self._refuse_more()
        if self.of_run(run):
            raise Refusal("wrong_state", "a job trains this run already.")
        if complete:
            raise Refusal("wrong_state", "this run is trained to its end.")
        return self._start("train", run, {"path": str(path.resolve())}, run)

    async def compare(self, body: CompareBody) -> Job:
        """The ladder on a list. Raises WavetreeError or Refusal."""
        self._refuse_more()
        items = _items(body.text)
        if items is not None:
            await asyncio.to_thread(make_list, items, body.name)  # refuses what cannot be learnt
        self._refuse_more()
        told = {"items": items, "name": body.name, "split": body.split, "seeds": body.seeds}
        return self._start("compare", body.name, told, None)

    def pause(self, job: Job) -> None:
        """Ends its process, which saves; raises Refusal where there is none."""
        if job.kind != "train" or job.state != "running":
            raise Refusal("wrong_state", "only a training that runs can be paused.")
        job.become("pausing")
        _let_go(job)

    def resume(self, job: Job) -> None:
        """Goes on with a paused one."""
        if job.state != "paused":
            raise Refusal("wrong_state", "only a job that is paused can be resumed.")
        self._refuse_more()
        job.become("running")
        job.task = asyncio.create_task(self._work(job))

    def stop(self, job: Job) -> None:
        """Ends it for good; what it learnt is saved."""
        if job.state == "paused":
            job.become("stopped")
        elif job.state in ("running", "pausing"):
            job.become("stopping")
            _let_go(job)
        elif job.state != "stopping":
            raise Refusal("wrong_state", "this job is over.")

    async def close(self) -> None:
        """Stops all of them, and waits until everything is saved; whatever hangs is killed after `SAVING`."""
        self._ending = True
        live = [job for job in self._jobs.values() if job.live]
        for job in live:
            if job.state == "running":
                job.become("stopping")
            _let_go(job)
        for job in self._jobs.values():
            job.log.close()
        tasks = {job.task: job for job in live if job.task}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=SAVING)
            for process in (tasks[task].process for task in late):
                if process is not None:
                    os.killpg(process.pid, signal.SIGKILL)  # with whatever it has started itself
            await asyncio.gather(*tasks, return_exceptions=True)

    def _refuse_more(self) -> None:
        if self._ending:
            raise Refusal("stopping", "the server is stopping.")
        if sum(job.live for job in self._jobs.values()) >= most("jobs"):
            raise Refusal("busy", "as many jobs run as may at once: wait for one, or stop one.")

    def _start(self, kind: Kind, name: str, told: dict[str, Any], run: str | None) -> Job:
        job = Job(f"{kind}-{secrets.token_hex(4)}", kind, name, {"kind": kind, **told}, run)
        over = [old for old in self._jobs.values() if not old.live and old.state != "paused"]
        for old in over[: max(0, len(self._jobs) + 1 - most("kept_jobs"))]:
            del self._jobs[old.id]
        self._jobs[job.id] = job
        job.become("running")
        job.task = asyncio.create_task(self._work(job))
        return job

    async def _work(self, job: Job) -> None:
        """One process, from its start to its end."""
        found: dict[str, Any] = {}
        try:
            job.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "wavetree.serve.child",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=LINE_BYTES,
                start_new_session=True,  # Ctrl-C is for the server, which then ends its jobs in order
            )
            assert job.process.stdin is not None
            assert job.process.stdout is not None
            job.process.stdin.write(json.dumps(job.told).encode() + b"\n")
            if job.state != "running":
                _let_go(job)
            async for line in job.process.stdout:
                event = json.loads(line)
                found[event["event"]] = event["data"]
                self._hear(job, event["event"], event["data"])
            await job.process.wait()
        except OSError:
            job.error = {"code": "failed", "message": "the process of this job could not be started.", "field": None}
        except ValueError:  # a line that is no JSON, or longer than any should be
            job.error = {"code": "failed", "message": "the process of this job can no longer be heard.", "field": None}
        finally:
            if job.process is not None and job.process.returncode is None:
                job.process.kill()
                await job.process.wait()
            _end(job, found)

    def _hear(self, job: Job, kind: str, data: dict[str, Any]) -> None:
        if kind == "progress":
            job.progress = data
        elif kind == "check":
            job.check = data
        elif kind == "summary":
            job.summary = data
            return
        elif kind == "error":
            job.error = {"code": "failed", "message": data["message"][:400], "field": None}
            return
        job.log.add(kind, data)


def _end(job: Job, found: dict[str, Any]) -> None:
    """The state after its process."""
    job.process = None
    if "summary" in found:
        stopped = found["summary"].get("stopped", False)
        job.become(("paused" if job.state == "pausing" else "stopped") if stopped else "done")
    elif job.error or job.kind == "train" or job.state != "stopping":
        job.error = job.error or {"code": "failed", "message": WHEN_LOST, "field": None}
        job.become("failed")
    else:
        job.become("stopped")


def _let_go(job: Job) -> None:
    """Closes what a child reads: it takes that for the wish that it should end."""
    if job.process is not None and job.process.stdin is not None:
        job.process.stdin.close()


def _items(text: str | None) -> list[str] | None:
    """The lines of a text that are items, as of a file. None for the list that comes along."""
    if text is None:
        return None
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    return [line for line in lines if line and not line.isspace()]


def _begin(items: list[str] | None, path: Path, config: Config) -> None:
    start(embedded_names() if items is None else make_list(items, "the list"), path, config)
