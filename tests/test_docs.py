"""What the README and the docs say is run: their Python, their commands, and the files they name.

Blocks of ```python and lines of ```console that begin with $ are run in order, page by page, in a folder that has what
the pages speak of. Presets are shrunk there and times capped: a command is the one that is shown, and takes a moment.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.streams import RATE, tone, verses, voices

from wavetree import config
from wavetree.cli.command import BENCHES, LESSONS, main
from wavetree.data.audio import write_wav

pytestmark = pytest.mark.checkout

ROOT = Path(__file__).parents[1]
PAGES = [
    page
    for page in (
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    )
    if (ROOT / page).exists()  # with the wheel alone there is none
]
STEPS = 6
TINY = {
    "tree": {"hidden": 8, "embedding": 4},
    "wavenet": {"channels": 8, "hidden": 8, "skip": 8, "stacks": 1, "levels": 3, "norm": "layer"},
}
MINUTES = {f"bench {name}" for name in BENCHES} | {
    "compare",
    "sweep",
    "serve",
    "doctor",
    "learn practice",
    "learn cards",
}
"""What takes minutes or waits for a person: these commands are read to the last word, and not begun. Each has tests."""


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """Every `wavetree VERB ...` in a page, as words."""
    inline = re.findall(r"`(?:torchrun .* -m )?(wavetree [a-z][^`]*)`", text)
    launched = re.findall(r"^\$ torchrun .* -m (wavetree .*)$", text, flags=re.MULTILINE)
    return [shlex.split(found) for found in inline + launched] + shown(text)


def scripts(text: str) -> list[list[str]]:
    """Every `python scripts/NAME.py ...` in a page, as words from the path on."""
    found = re.findall(r"`python (scripts/[^`]*)`|^\$ python (scripts/.*)$", text, flags=re.MULTILINE)
    return [shlex.split(inline or line) for inline, line in found]


def shown(text: str) -> list[list[str]]:
    """The commands of the console blocks."""
    lines = re.findall(r"^\$ (wavetree .*?)(?:  +#.*)?$", text, flags=re.MULTILINE)
    return [shlex.split(line) for line in lines]


def verb_of(words: list[str]) -> str:
    """`bench train`, or `sample`."""
    return " ".join(words[1:3] if words[1] in ("bench", "learn", "runs", "export") and len(words) > 2 else words[1:2])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Presets that train in a moment."""
    for name, preset in config.PRESETS.items():
        model = preset.model.model_copy(update=TINY[preset.model.kind])
        limits: dict[str, object] = {"seconds": None, "epochs": None, "steps": STEPS, "checks": 2, "threads": 1}
        train = preset.train.model_copy(update={**limits, "rows": 2, "length": 48, "precision": "float32"})
        data = preset.data.model_copy(update={"rate": RATE} if preset.data.kind == "audio" else {})
        made = preset.model_copy(update={"model": model, "train": train, "data": data})
        monkeypatch.setitem(config.PRESETS, name, made)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages speak of: a list, lines to score, a text, clips, something to go on from."""
    folder = tmp_path_factory.mktemp("desk")
    names = [f"{a}{b}{c}{d}" for a in "mktlrs" for b in "aeiou" for c in ("r", "n", "ri") for d in ("a", "an", "o")]
    for name in ("names.txt", "my-list.txt"):
        (folder / name).write_text("\n".join(names) + "\n")
    (folder / "new.txt").write_text("maria\nmara\nxqzvw\n")
    for name in ("book.txt", "shakespeare.txt"):
        (folder / name).write_text(verses(400).replace("to be", "To be").replace("mellon", "ROMEO:"))
    for name in ("clips", "speech"):
        voices(folder / name)
    for name, voice in (("anna", "high"), ("bert", "low")):
        (folder / "speech" / name).rename(folder / "speech" / voice)
    write_wav(folder / "start.wav", tone(0.1), RATE)
    return folder


@pytest.fixture
def bare(furnished: Path, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for a page."""
    place = Path(shutil.copytree(furnished, tmp_path / "desk"))
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def desk(furnished: Path, bare: Path) -> Path:
    """The same, with the runs that a page may ask."""
    kept = furnished.parent / "runs"
    if not kept.exists():
        sound = ["speech", "--preset", "audio-small", "--set", "data.fields=voice"]
        made = {"names": ["names.txt"], "book": ["book.txt", "--preset", "text"], "clips": sound}
        for name, words in made.items():
            assert main(["train", *words, "--out", str(kept / name)]) == 0
        shutil.copytree(kept / "names", kept / "mine")
        shutil.copytree(kept / "clips", kept / "voices")
    shutil.copytree(kept, bare / "runs")
    return bare


def told(words: list[str]) -> list[str]:
    """A command as it is called here: seconds are few, items not thousands, and a run may be replaced."""
    capped = list(words[1:])
    for option, most in (("--seconds", "0.2"), ("-n", "20"), ("--length", "100"), ("--minutes", "0.1")):
        if option in capped and float(capped[capped.index(option) + 1]) > float(most):
            capped[capped.index(option) + 1] = most
    return [*capped, "--force"] if words[1] == "train" and "--resume" not in words else capped


@pytest.mark.parametrize("page", [page for page in PAGES if blocks((ROOT / page).read_text(), "python")])
def test_the_python_of_a_page_runs(page: str, bare: Path) -> None:
    for block in blocks((ROOT / page).read_text(), "python"):
        exec(compile(block, page, "exec"), {})


@pytest.mark.parametrize("page", [page for page in PAGES if shown((ROOT / page).read_text())])
def test_the_commands_of_a_page_run(page: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in shown((ROOT / page).read_text()):
        if verb_of(words) not in MINUTES:
            assert main(told(words)) == 0, f"{page}: {shlex.join(words)}: {capsys.readouterr().err}"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_has_the_options_that_are_shown(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Those within a sentence too."""
    helps: dict[str, str] = {}
    for words in commands((ROOT / page).read_text()):
        verb = verb_of(words)
        if words[1].isupper():
            continue
        if verb not in helps:
            assert main([*verb.split(), "--help"]) == 0, words
            helps[verb] = capsys.readouterr().out
        said = helps[verb]
        for option in (word for word in words if word.startswith("--")):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", said), f"{page}: {shlex.join(words)} has no {option}"


@pytest.mark.slow
def test_every_script_has_the_options_that_are_shown() -> None:
    """Scripts are for minutes or hours; each has tests, or is one."""
    helps: dict[str, str] = {}
    for page in PAGES:
        for script, *words in scripts((ROOT / page).read_text()):
            options = [word for word in words if word.startswith("--")]
            if options and script not in helps:
                call = [sys.executable, str(ROOT / script), "--help"]
                helps[script] = subprocess.run(call, capture_output=True, text=True, check=True).stdout
            for option in options:
                assert re.search(rf"(?<![\w-]){option}(?![\w-])", helps[script]), f"{page}: {script} has no {option}"
    assert {"scripts/make_speech.py", "scripts/score_cluster.py", "scripts/many_processes.py"} <= set(helps)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks((ROOT / page).read_text(), "sh")])
def test_what_is_made_can_be_made(page: str) -> None:
    """`make demo` and the like: `make` knows how."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for block in blocks((ROOT / page).read_text(), "sh"):
        for line in block.splitlines():
            words = shlex.split(line)
            assert words[0] == "make", line
            assert set(words[1:]) <= targets, line


def test_a_block_is_of_a_known_kind() -> None:
    """What is marked as nothing, text or json is shown and not run."""
    for page in PAGES:
        kinds = re.findall(r"^```(\w*).*\n(?:.*\n)*?^```$", (ROOT / page).read_text(), flags=re.MULTILINE)
        assert set(kinds) <= {"python", "console", "sh", "", "text", "json", "toml"}, page


def test_the_check_of_commands_finds_them() -> None:
    found = {words[1] for words in commands((ROOT / "README.md").read_text())}
    assert {"train", "sample", "inspect", "verify", "data", "evaluate", "bench"} <= found
    run = {verb_of(words) for page in PAGES for words in shown((ROOT / page).read_text())}
    assert {"train", "sample", "score", "rank", "memory", "evaluate", "inspect", "verify", "data"} <= run - MINUTES
    assert {f"learn {name}" for name in LESSONS} <= run


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    named = set(re.findall(r"`((?:src|docs|tests|scripts|requirements)/[\w./-]*)`", text))
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_map_of_files_names_every_room(checkout: Path) -> None:
    text = (checkout / "README.md").read_text()
    rooms = [path.name for path in (checkout / "src/wavetree").iterdir() if path.is_dir() and path.name[0] != "_"]
    assert {room for room in rooms if f"{room}/" not in text} == set()
