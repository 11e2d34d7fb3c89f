"""Training while answers go on: its events, and that pause, resume and stop leave the bytes of a run that had none."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serve.conftest import learn, opened

from wavetree.runs import RunFolder
from wavetree.serve import jobs

BODY = {"hidden": 16, "embedding": 8, "epochs": 12.0}
PATIENCE = 300.0
"""Seconds, on a machine that does other things as well."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs go."""
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        with opened(folder) as client:
            yield client


def events(client: TestClient, job: str, after: str | None = None) -> list[tuple[str, dict[str, Any]]]:
    """All events of a job to its end."""
    headers = {"last-event-id": after} if after else {}
    text = client.get(f"/api/jobs/{job}/events", headers=headers).text
    found = []
    for block in text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def until(client: TestClient, job: str, *states: str) -> dict[str, Any]:
    """The job, once it is in one of these states."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found: dict[str, Any] = client.get(f"/api/jobs/{job}").json()
        if found["state"] in states:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{found['state']} after {PATIENCE} s")


def test_a_child_that_hangs_keeps_no_server_from_ending(
    tmp_path: Path, items: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "SAVING", 0.2)
    with opened(tmp_path) as client:
        body = {"name": "hung", "text": "\n".join(items), **BODY, "epochs": 1000.0}
        job = client.post("/api/jobs/train", json=body).json()
        end = time.monotonic() + PATIENCE
        while not client.get(f"/api/jobs/{job['id']}").json()["progress"]:
            assert time.monotonic() < end
            time.sleep(0.05)
        ours = [int(pid) for task in Path("/proc/self/task").glob("*/children") for pid in task.read_text().split()]
        [child] = [pid for pid in ours if b"wavetree.serve.child" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(child, signal.SIGSTOP)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert RunFolder.open(tmp_path / job["run"]).has_checkpoint()


def test_a_list_is_learnt(server: TestClient, items: list[str]) -> None:
    text = "\ufeff" + "\r\n".join(items) + "\n\n"
    answer = server.post("/api/jobs/train", json={"name": "list", "text": text, **BODY})
    assert answer.status_code == 202
    job = answer.json()
    assert (job["kind"], job["state"], job["run"]) == ("train", "running", "list")
    assert server.get("/api/runs/list").json()["job"] == job["id"]
    assert server.post("/api/runs/list/resume", json={}).json()["error"]["code"] == "wrong_state"
    happened = events(server, job["id"])
    kinds = [kind for kind, _ in happened]
    assert kinds[0] == "state"
    assert kinds[-1] == "end"
    assert kinds.count("check") == 10
    assert kinds.count("progress") >= 10
    last = happened[-1][1]
    assert last["state"] == "done"
    assert last["summary"]["steps"] == last["progress"]["step"] == last["check"]["step"]
    assert last["summary"]["val_nll"] > 0
    assert happened == events(server, job["id"])
    assert events(server, job["id"], str(len(happened) - 1)) == happened[-1:]
    details = server.get("/api/runs/list").json()
    assert details["complete"]
    assert details["job"] is None
    assert details["alphabet"] == "".join(sorted(set("".join(items))))
    assert server.post("/api/runs/list/sample", json={"count": 3}).status_code == 200
    assert server.post("/api/runs/list/resume", json={}).json()["error"]["code"] == "wrong_state"
    assert server.post(f"/api/jobs/{job['id']}/pause", json={}).json()["error"]["code"] == "wrong_state"
    assert server.post(f"/api/jobs/{job['id']}/resume", json={}).json()["error"]["code"] == "wrong_state"
    assert server.post(f"/api/jobs/{job['id']}/stop", json={}).json()["error"]["code"] == "wrong_state"
    assert server.get("/api/jobs").json()["jobs"][0]["id"] == job["id"]


def test_paused_and_resumed_it_ends_with_the_same_bytes(
    server: TestClient, items: list[str], folder: Path, tmp_path: Path
) -> None:
    body = {"name": "paused", "text": "\n".join(items), "hidden": 16, "embedding": 8, "epochs": 300.0}
    job = server.post("/api/jobs/train", json=body).json()["id"]
    end = time.monotonic() + PATIENCE
    while not server.get(f"/api/jobs/{job}").json()["progress"] and time.monotonic() < end:
        time.sleep(0.02)
    assert server.post(f"/api/jobs/{job}/pause", json={}).json()["state"] == "pausing"
    paused = until(server, job, "paused", "done")
    assert paused["state"] == "paused"
    assert paused["summary"]["stopped"]
    assert server.post("/api/runs/paused/resume", json={}).json()["error"]["code"] == "wrong_state"
    assert server.post(f"/api/jobs/{job}/resume", json={}).json()["state"] == "running"
    assert until(server, job, "done", "failed")["state"] == "done"
    settings = {"model.hidden": 16, "model.embedding": 8, "train.epochs": 300, "train.threads": 1}
    learn(items, tmp_path / "whole", "names", settings)
    wanted, _ = RunFolder.open(tmp_path / "whole").load("latest", ["model", "training"])
    found, _ = RunFolder.open(folder / "paused").load("latest", ["model", "training"])
    for name, tensors in wanted.items():
        assert {key: tensor.numpy().tobytes() for key, tensor in tensors.items()} == {
            key: tensor.numpy().tobytes() for key, tensor in found[name].items()
        }


def test_a_stopped_run_is_an_ordinary_one_that_can_be_resumed(server: TestClient, items: list[str]) -> None:
    body = {"name": "stopped", "text": "\n".join(items), "hidden": 16, "embedding": 8, "epochs": 400.0}
    job = server.post("/api/jobs/train", json=body).json()["id"]
    assert server.post(f"/api/jobs/{job}/stop", json={}).json()["state"] == "stopping"
    assert server.post(f"/api/jobs/{job}/stop", json={}).status_code == 202
    happened = events(server, job)
    assert happened[-1][1]["state"] == "stopped"
    run = server.get("/api/runs/stopped").json()
    assert run["ready"]
    assert not run["complete"]
    again = server.post("/api/runs/stopped/resume", json={}).json()
    assert again["run"] == "stopped"
    assert server.post(f"/api/jobs/{again['id']}/pause", json={}).status_code == 202
    until(server, again["id"], "paused")
    assert server.post(f"/api/jobs/{again['id']}/stop", json={}).json()["state"] == "stopped"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": "anna\nmaria"}, "bad_list"),
        ({"text": ""}, "bad_list"),
        ({"text": "\ud800\n" * 60}, None),
        ({"text": "a" * 5000}, "bad_list"),
        ({"seconds": 0.0}, "invalid"),
        ({"name": "../up"}, "invalid"),
        ({"name": ""}, "invalid"),
        ({"model": "ngram"}, "invalid"),
        ({"levels": 11}, "invalid"),
    ],
)
def test_what_cannot_be_learnt(server: TestClient, body: dict[str, object], code: str | None) -> None:
    before = server.get("/api/runs").json()
    for verb in ("train", "compare") if set(body) == {"text"} else ("train",):
        answer = server.post(
            f"/api/jobs/{verb}", content=json.dumps(body), headers={"content-type": "application/json"}
        )
        assert answer.status_code == 422
        assert code is None or answer.json()["error"]["code"] == code
        assert len(answer.content) < 1000
    assert server.get("/api/runs").json() == before


def test_jobs_that_there_are_not(server: TestClient) -> None:
    for path in ("", "/events"):
        assert server.get(f"/api/jobs/train-00000000{path}").json()["error"]["code"] == "not_found"
    assert server.post("/api/jobs/train-00000000/stop", json={}).status_code == 404
    assert server.get("/api/jobs/nothing").status_code == 422


def test_two_at_once_and_no_more(server: TestClient, items: list[str]) -> None:
    body = {"name": "many", "text": "\n".join(items), "hidden": 16, "embedding": 8, "epochs": 900.0}
    made = [server.post("/api/jobs/train", json=body).json() for _ in range(2)]
    assert [job["run"] for job in made] == ["many", "many-2"]
    answer = server.post("/api/jobs/train", json=body)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    for job in made:
        server.post(f"/api/jobs/{job['id']}/stop", json={})
    for job in made:
        assert until(server, job["id"], "stopped", "failed")["state"] == "stopped"


def test_the_ladder_can_be_left(server: TestClient, items: list[str]) -> None:
    job = server.post("/api/jobs/compare", json={"text": "\n".join(items), "name": "mine"}).json()
    assert (job["kind"], job["run"], job["name"]) == ("compare", None, "mine")
    assert server.post(f"/api/jobs/{job['id']}/pause", json={}).status_code == 409
    server.post(f"/api/jobs/{job['id']}/stop", json={})
    assert events(server, job["id"])[-1][1]["state"] == "stopped"


@pytest.mark.slow
def test_the_ladder_comes_rung_by_rung(server: TestClient, items: list[str]) -> None:
    job = server.post("/api/jobs/compare", json={"text": "\n".join(items[:80]), "split": "hash"}).json()
    happened = events(server, job["id"])
    rows = [data for kind, data in happened if kind == "row"]
    assert [row["name"] for row in rows] == ["flat 3", "flat 8", "tree, norm bug", "tree", "tree, scaled"]
    assert all(row["training"] and row["val_nll"] > 0 for row in rows)
    assert happened[-1][1]["state"] == "done"
    assert len(happened[-1][1]["summary"]["rows"]) == 5


def test_a_process_that_dies_is_told(server: TestClient, items: list[str]) -> None:
    body = {"name": "killed", "text": "\n".join(items), "hidden": 16, "embedding": 8, "epochs": 900.0}
    job = server.post("/api/jobs/train", json=body).json()["id"]
    service = server.app._app.state.service  # type: ignore[attr-defined]
    end = time.monotonic() + PATIENCE
    while service.jobs.find(job).process is None and time.monotonic() < end:
        time.sleep(0.02)
    service.jobs.find(job).process.kill()
    last = events(server, job)[-1][1]
    assert last["state"] == "failed"
    assert last["error"]["message"].startswith("the process of this job ended")


def test_a_server_that_ends_saves_what_trains(items: list[str], tmp_path: Path) -> None:
    with opened(tmp_path) as client:
        body = {"name": "last", "text": "\n".join(items), "hidden": 16, "embedding": 8, "epochs": 900.0}
        job = client.post("/api/jobs/train", json=body).json()["id"]
    folder = RunFolder.open(tmp_path / "last")
    assert job.startswith("train-")
    assert folder.has_checkpoint()


def test_a_process_that_cannot_be_understood_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the lock of its run, and nobody would ever tell it to stop."""
    script, told = tmp_path / "child", tmp_path / "pid"
    lines = ["import os, time", f"open({str(told)!r}, 'w').write(str(os.getpid()))", "print('no JSON', flush=True)"]
    script.write_text("\n".join([f"#!{sys.executable}", *lines, "time.sleep(600)"]))
    script.chmod(0o755)
    monkeypatch.setattr("wavetree.serve.jobs.sys.executable", str(script))
    with opened(tmp_path) as client:
        begun = client.post("/api/jobs/compare", json={}).json()["id"]
        last = events(client, begun)[-1][1]
        assert (last["state"], last["error"]["message"]) == (
            "failed",
            "the process of this job can no longer be heard.",
        )
        with pytest.raises(ProcessLookupError):
            os.kill(int(told.read_text()), 0)


def test_a_process_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wavetree.serve.jobs.sys.executable", str(tmp_path / "none"))
    with opened(tmp_path) as client:
        job = client.post("/api/jobs/compare", json={}).json()["id"]
        assert "could not be started" in events(client, job)[-1][1]["error"]["message"]
