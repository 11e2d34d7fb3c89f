"""A real server: how it begins, how it stops, and what it makes of clients that break the rules of HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.serve.conftest import learn

from wavetree.cli import main
from wavetree.experiments.load import Plan, load
from wavetree.runs import RunFolder
from wavetree.train import train

PATIENCE = 300.0
"""Seconds, on a machine that does other things as well."""


@contextmanager
def serving(*arguments: object) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A server in a process of its own, and its port; it has ended by the end."""
    command = [sys.executable, "-m", "wavetree", "serve", *map(str, arguments), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r"^serving at http://127.0.0.1:(\d+)/", line)
        assert found, line
        yield int(found[1]), process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def server(shelf: Path) -> Iterator[int]:
    with serving(shelf / "small", "--runs", shelf) as (port, _):
        yield port


def ask(port: int, path: str, body: object = None) -> Any:
    """An answer's document."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers), timeout=PATIENCE
    ) as answer:
        return json.load(answer)


SAMPLED = 'wavetree_requests_total{route="/api/runs/{run}/sample",status="200"}'


def figure(port: int, name: str) -> float:
    """A line of `/metrics`; 0 where there is none yet."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#")
    return float(lines.get(name, 0))


def posted(path: str, body: bytes) -> bytes:
    """A request, byte by byte."""
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def test_no_answer_is_lost_under_load(server: int) -> None:
    found = asyncio.run(load(Plan(server, "/api/runs/small/score", 40, 1.5, ["ka", "milo", "ren", ""])))
    assert set(found.statuses) <= {200, 429}
    assert found.statuses[200] == len(found.latencies) >= 40
    assert (found.lost, found.wrong) == (0, 0)
    shared, asked = (figure(server, f"wavetree_pass_requests_{what}") for what in ("count", "sum"))
    assert shared < asked  # requests did share passes


def test_sigterm_loses_no_answer_and_saves_training(shelf: Path, items: list[str], tmp_path: Path) -> None:
    """100 requests and a training are under way: every request is answered, and the run ends as if never stopped."""
    epochs = 200.0
    with serving(shelf / "small", "--runs", tmp_path) as (port, process):
        body = {"name": "run", "text": "\n".join(items), "hidden": 16, "embedding": 8, "epochs": epochs}
        job = ask(port, "/api/jobs/train", body)["id"]
        end = time.monotonic() + PATIENCE
        while not ask(port, f"/api/jobs/{job}")["progress"] and time.monotonic() < end:
            time.sleep(0.02)
        sent: list[bytes] = []
        for number in range(100):
            text = json.dumps({"count": 16, "seed": number, "max_length": 12}).encode()
            sent.append(posted("/api/runs/small/sample", text))

        def stop() -> None:
            while figure(port, "wavetree_queue") + figure(port, SAMPLED) < 100 and time.monotonic() < end:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)

        answers = asyncio.run(under_way(port, sent, stop))
        assert process.wait(PATIENCE) == 0
    assert Counter(answer[:13] for answer in answers) == {b"HTTP/1.1 200 ": 100}
    assert all(answer.endswith(b"}}") for answer in answers)
    stopped = RunFolder.open(tmp_path / "run")
    assert 0 < int(str(stopped.load("latest", [])[1]["step"])) < int(str(stopped.load("latest", [])[1]["steps"]))
    train(stopped)
    settings: dict[str, object] = {"model.hidden": 16, "model.embedding": 8, "train.epochs": epochs, "train.threads": 1}
    learn(items, tmp_path / "whole", "names", settings)
    wanted, _ = RunFolder.open(tmp_path / "whole").load("latest", ["model"])
    found, _ = stopped.load("latest", ["model"])
    assert all(
        tensor.numpy().tobytes() == found["model"][name].numpy().tobytes() for name, tensor in wanted["model"].items()
    )


async def under_way(port: int, requests: list[bytes], then: Callable[[], None]) -> list[bytes]:
    """Sends all requests, does `then`, and reads all answers to their end."""
    pairs = [await asyncio.open_connection("127.0.0.1", port, limit=1 << 24) for _ in requests]
    for (_, writer), request in zip(pairs, requests, strict=True):
        writer.write(request)
    reading = asyncio.gather(*(reader.read() for reader, _ in pairs))
    await asyncio.to_thread(then)
    answers = await asyncio.wait_for(reading, PATIENCE)
    for _, writer in pairs:
        writer.close()
    return answers


def test_who_leaves_is_waited_for_by_nobody(server: int) -> None:
    body = json.dumps({"count": 1000, "temperature": 100.0, "max_length": 500}).encode()
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server)) as gone:
            gone.sendall(posted("/api/runs/small/sample", body))
            time.sleep(0.1)
    end = time.monotonic() + PATIENCE
    while figure(server, "wavetree_queue") or not figure(server, "wavetree_left_total"):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert ask(server, "/api/runs/small/score", {"items": ["ka"]})["scores"]


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /health HTTP/1.1\r\nhost: localhost\r\n" + b"x: " + b"y" * 100_000,
        b"GET /health HTTP/1.1\r\n" + b"".join(b"x-%d: 1\r\n" % number for number in range(10_000)),
        b"GET /" + b"a" * 100_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"nonsense\r\n\r\n",
    ],
)
def test_a_bomb_of_headers_is_cut_off(server: int, request_text: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server), timeout=PATIENCE) as connection:
        try:
            connection.sendall(request_text)
            answer = connection.recv(4096)
        except OSError:
            answer = b""  # cut off while we were still sending
        assert not answer or answer.split(b" ")[1] in (b"400", b"431")
    assert ask(server, "/health") == {"status": "ok"}


def test_a_gigabyte_is_not_waited_for(server: int) -> None:
    head = (
        b"POST /api/runs/small/score HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"content-length: 1073741824\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server), timeout=PATIENCE) as connection:
        connection.sendall(head + b"x" * 1000)
        assert b" 413 " in connection.recv(4096)


def test_an_address_of_others_asks_for_a_token(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for arguments, words in (
        (["--host", "0.0.0.0"], "can be reached from other machines"),
        (["--host", "192.0.2.1", "--token", "s" * 20], "cannot be listened at"),
        (["--token", "short"], "token cannot be that"),
        (["--port", "70000"], "port cannot be 70000"),
        (["--batch", "0"], "batch cannot be 0"),
        ([str(tmp_path / "nothing")], "does not exist"),
    ):
        assert main(["serve", "--runs", str(tmp_path), *arguments]) == 2
        assert words in capsys.readouterr().err


def test_the_token_may_come_by_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of a command line all users of a machine can read every word."""
    monkeypatch.setenv("WAVETREE_TOKEN", "short")
    assert main(["serve", "--runs", str(tmp_path)]) == 2
    assert "token cannot be that" in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wavetree.cli.serve.NEEDS", ("fastapi", "no_such_module"))
    assert main(["serve"]) == 2
    assert "pip install 'wavetree[serve]'" in capsys.readouterr().err
