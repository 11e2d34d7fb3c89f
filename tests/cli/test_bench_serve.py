"""`wavetree bench serve`: figures of a server under load, by clients in a process of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Command

from wavetree.experiments import bench_serve as bench

pytestmark = pytest.mark.slow


def test_the_figures(run: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[bench.__module__]
    monkeypatch.setattr(module, "WARM", 0.2)
    monkeypatch.setattr(module, "FEW", 4)
    monkeypatch.setattr(module, "MANY", 8)
    found = command("bench", "serve", "--run", run, "--seconds", "1", "--json").document
    assert [(row["clients"], row["handled"]) for row in found["rows"]] == [
        (clients, how) for how in ("one at a time", "together") for clients in (1, 4, 8)
    ]
    assert found["lost"] == found["errors"] == 0
    assert all(row["answers"] > 0 and row["p99_ms"] >= row["p50_ms"] > 0 for row in found["rows"])
    assert found["requests_per_second"] > 0
    assert found["ratio"] > 0
