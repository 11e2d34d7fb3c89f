"""What the README and the docs say is run: their Python, their commands, the files they name."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from tests.streams import verses

pytestmark = pytest.mark.checkout

PAGES = [
    "README.md",
    "docs/design.md",
    "docs/log.md",
    "docs/scoring.md",
    "docs/speech.md",
    "docs/scale.md",
    "CONTRIBUTING.md",
]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/scoring.md"])
def test_the_python_of_a_page_runs(page: str, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("book.txt").write_text(verses(400).replace("to be", "To be"))
    found = blocks((checkout / page).read_text(), "python")
    assert found
    for block in found:
        exec(compile(block, page, "exec"), {})


def commands(text: str) -> list[list[str]]:
    """Every `wavetree VERB ...` in a page, as words."""
    inline = re.findall(r"`(wavetree [a-z][^`]*)`", text)
    shown = re.findall(r"^\$ (wavetree .*?)(?:  +#.*)?$", text, flags=re.MULTILINE)
    return [shlex.split(found) for found in inline + shown]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_has_the_options_that_are_shown(
    page: str, checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from wavetree.cli import main

    monkeypatch.setenv("COLUMNS", "200")
    for words in commands((checkout / page).read_text()):
        verb = words[1:3] if words[1] in ("bench", "learn") and len(words) > 2 else words[1:2]
        if verb == ["VERB"]:
            continue
        assert main([*verb, "--help"]) == 0, words
        said = capsys.readouterr().out
        for option in (word for word in words if word.startswith("--")):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", said), f"{page}: {shlex.join(words)} has no {option}"


def test_the_check_of_commands_finds_them(checkout: Path) -> None:
    found = {words[1] for words in commands((checkout / "README.md").read_text())}
    assert {"train", "sample", "inspect", "verify", "data", "evaluate", "bench"} <= found


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page: str, checkout: Path) -> None:
    text = (checkout / page).read_text()
    named = set(re.findall(r"`((?:src|docs|tests|scripts|requirements)/[\w./-]*)`", text))
    assert {name for name in named if not (checkout / name).exists()} == set()


def test_the_map_of_files_names_every_room(checkout: Path) -> None:
    text = (checkout / "README.md").read_text()
    rooms = [path.name for path in (checkout / "src/wavetree").iterdir() if path.is_dir() and path.name[0] != "_"]
    assert {room for room in rooms if f"{room}/" not in text} == set()
