"""`wavetree bench speech`: what the command hands on, and what it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Command

from wavetree import experiments

FIGURES: dict[str, Any] = {
    "name": "speech",
    "val_nll": 2.51,
    "told_apart": True,
    "voices": [{"voice": "low", "recorded_hz": 84.0, "made_hz": None}],
}


def test_bench_speech(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def measure(folder: Path, seconds: float, seed: int, say: object, out: Path, changes: object) -> dict[str, Any]:
        asked.append((folder, seconds, seed, out, changes))
        return FIGURES

    monkeypatch.setattr(experiments, "bench_speech", measure)
    ran = command("bench", "speech", tmp_path, "--seconds", 5, "--out", tmp_path / "out", "--set", "train.rows=2")
    assert asked == [(tmp_path, 5, 1, tmp_path / "out", ("train.rows=2",))]
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["told", "apart", "yes"] in lines
    assert any(line[:2] == ["low", "84"] for line in lines)
    assert command("bench", "speech", tmp_path, "--json").document == FIGURES
    assert asked[1] == (tmp_path, 600, 1, Path("runs/speech"), ())


def test_a_folder_that_is_not_there_is_a_sentence(command: Command, tmp_path: Path) -> None:
    ran = command("bench", "speech", tmp_path / "none", "--out", tmp_path / "out")
    assert ran.code == 2
    assert "there is no file or folder" in ran.err
