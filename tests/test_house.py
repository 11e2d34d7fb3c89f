"""The house rules that no linter knows: files one can read in one sitting, rooms named for what they hold."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import wavetree

PACKAGE = Path(wavetree.__file__).parent
TESTS = Path(__file__).parent
LIMITS = {"models/tree.py": 200, "train/loop.py": 300}
"""The two files that a newcomer reads first are shorter than the rest may be."""
NO_NAMES = {"utils", "util", "helpers", "core", "misc", "common"}


def sources() -> list[Path]:
    return [path for folder in (PACKAGE, TESTS) for path in sorted(folder.rglob("*.py"))]


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in sources()}
    assert len(lengths) > 10
    limits = {PACKAGE / name: limit for name, limit in LIMITS.items()}
    assert [(str(path), n) for path, n in lengths.items() if n > limits.get(path, 400)] == []


def test_no_room_is_a_box_room() -> None:
    assert [str(path) for path in sources() if {path.stem, path.parent.name} & NO_NAMES] == []


def pins(path: Path) -> dict[str, str]:
    """Name to version, from a file of constraints and those it refers to. Fails on a line that pins nothing."""
    found: dict[str, str] = {}
    for line in path.read_text("utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-c "):
            found |= pins(path.parent / text.removeprefix("-c "))
        elif text:
            matched = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.]*)", text)
            assert matched, f"{path.name}: {text!r} pins nothing"
            found[re.sub("[-_.]+", "-", matched[1]).lower()] = matched[2]
    return found


@pytest.mark.checkout
@pytest.mark.parametrize("room", ["run", "test", "dev"])
def test_everything_needed_is_pinned(room: str, checkout: Path) -> None:
    project = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = project["dependencies"] + {"run": [], "test": extras["test"], "dev": extras["test"] + extras["dev"]}[room]
    names = {re.split("[<>=!~ ;\\[]", line)[0].lower() for line in needed}
    pinned = pins(checkout / "requirements" / f"{room}.txt")
    assert names - set(pinned) == set()
    assert pinned["torch"] == "2.13.0"


@pytest.mark.checkout
def test_the_ignored_names_are_anchored(checkout: Path) -> None:
    """An unanchored `runs/` would also keep src/wavetree/runs out of the repository and the wheel."""
    rooms = {f"{path.name}/" for path in PACKAGE.iterdir() if path.is_dir()}
    assert not rooms & set((checkout / ".gitignore").read_text("utf-8").split()) - {"__pycache__/"}
