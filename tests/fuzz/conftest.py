"""Three tiny runs, made once: of a list with fields, of a text, of sound."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fuzz.runs import Spoilable
from tests.streams import SOUND, text_run, voices

from wavetree.api import begin
from wavetree.config import configure
from wavetree.data import make_list
from wavetree.export.hub import export_hub
from wavetree.runs import load
from wavetree.train import start, train

ROWS = [
    (f"{a}{b}{c}", ("F", "M")[k % 2]) for a in "kmlrtsbn" for k, b in enumerate("aeiou") for c in ("", "na", "\t"[:0])
]
TINY = [
    "model.hidden=8",
    "model.embedding=4",
    "train.steps=4",
    "train.checks=1",
    "train.average=0.5",
    "train.threads=1",
]


@pytest.fixture(scope="session")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Spoilable:
    """A run of a list with one field."""
    path = tmp_path_factory.mktemp("fuzz") / "listed"
    items = make_list(list(dict.fromkeys(ROWS)), fields=("sex",))
    train(start(items, path, configure("names", [*TINY, "data.fields=sex"])))
    return Spoilable(path)


@pytest.fixture(scope="session")
def published(listed: Spoilable, tmp_path_factory: pytest.TempPathFactory) -> Spoilable:
    """The same, as it is passed on: without its list."""
    path = tmp_path_factory.mktemp("fuzz") / "published"
    export_hub(load(listed.path), path)
    return Spoilable(path)


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Spoilable:
    """A run of a text."""
    folder = text_run(tmp_path_factory.mktemp("fuzz") / "told", "train.steps=2", "train.checks=1", "model.dropout=0")
    train(folder)
    return Spoilable(folder.path)


@pytest.fixture(scope="session")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Spoilable:
    """A run of sound."""
    place = tmp_path_factory.mktemp("fuzz")
    changes = [*SOUND, "train.steps=2", "train.checks=1", "data.fields=voice"]
    folder = begin([voices(place / "clips")], place / "heard", configure("audio", changes))
    train(folder)
    return Spoilable(folder.path)


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the files of a case, each written over the one before."""
    return tmp_path_factory.mktemp("desk")
