"""Small trained runs, made once, and the application in this process."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from wavetree.api import begin
from wavetree.config import configure
from wavetree.serve.app import Settings, make_app
from wavetree.train import train

SMALL: dict[str, object] = {
    "model.hidden": 16,
    "model.embedding": 8,
    "train.batch_items": 32,
    "train.steps": 20,
    "train.checks": 2,
    "train.threads": 1,
}
BASE = "http://127.0.0.1:8000"

Opened = Callable[..., AbstractContextManager[TestClient]]


@pytest.fixture(scope="session")
def items() -> list[str]:
    """300 made-up names."""
    draw = random.Random(7)
    syllables = ["ka", "mi", "lo", "ren", "ta", "shi", "bo", "ela", "nor", "vy"]
    found: dict[str, None] = {}
    while len(found) < 300:
        found["".join(draw.choices(syllables, k=draw.randint(2, 4)))] = None
    return list(found)


@pytest.fixture(scope="session")
def shelf(items: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs: a tree, a flat model, one of a text. Tests that change it work on a copy."""
    folder = tmp_path_factory.mktemp("runs")
    learn(items, folder / "small", "names", SMALL)
    flat = {"model.kind": "flat", **{name: value for name, value in SMALL.items() if name.startswith("train")}}
    learn(items, folder / "flat", "names", flat)
    book = folder / "book.txt"
    book.write_text(" ".join(items * 20))
    learn(
        book,
        folder / "text",
        "text",
        {"model.kind": "tree", "model.norm": "layer", "model.hidden": 8, "train.steps": 2},
    )
    return folder


def learn(source: list[str] | Path, out: Path, preset: str, settings: dict[str, object]) -> None:
    """A run, without its report."""
    train(begin(source, out, configure(preset, [f"{name}={value}" for name, value in settings.items()])))


@contextmanager
def opened(runs: Path, **settings: object) -> Iterator[TestClient]:
    """A client of a server over these runs."""
    guarded, _ = make_app(Settings(runs, **settings))  # type: ignore[arg-type]
    with TestClient(guarded, base_url=BASE) as client:
        yield client


@pytest.fixture(scope="session")
def client(shelf: Path) -> Iterator[TestClient]:
    """One server for all tests that only ask."""
    with opened(shelf) as client:
        yield client


@pytest.fixture
def copied(shelf: Path, tmp_path: Path) -> Path:
    """The runs, to change."""
    return Path(shutil.copytree(shelf, tmp_path / "runs"))
