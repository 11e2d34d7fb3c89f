"""A small trained run, made once, and a way to call the command."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wavetree.cli import main

SMALL = ["--set", "model.hidden=16", "--set", "model.embedding=8", "--set", "train.batch_items=32"]
"""Settings that train in a moment."""


@dataclass(frozen=True)
class Ran:
    """What a call of the command returned and printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one object of `--json`: the only line on stdout."""
        (line,) = self.out.splitlines()
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    @property
    def sentence(self) -> str:
        """What the command complained of, and it printed nothing else."""
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("wavetree: ")
        assert line.endswith((".", "?"))
        return line.removeprefix("wavetree: ")


Command = Callable[..., Ran]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*argv: object) -> Ran:
        capsys.readouterr()
        code = main([str(part) for part in argv])
        return Ran(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of 400 made-up names, 20 of them twice."""
    draw = random.Random(7)
    syllables = ["ka", "mi", "lo", "ren", "ta", "shi", "bo", "ela", "nor", "vy"]
    items: dict[str, None] = {}
    while len(items) < 380:
        items["".join(draw.choices(syllables, k=draw.randint(2, 4)))] = None
    path = tmp_path_factory.mktemp("list") / "names.txt"
    path.write_text("\n".join([*items, *list(items)[:20]]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def run(names: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 30 steps. Tests that change it work on a copy."""
    path = tmp_path_factory.mktemp("runs") / "small"
    assert main(["train", str(names), "--out", str(path), "--steps", "30", "--set", "train.checks=3", *SMALL]) == 0
    return path
