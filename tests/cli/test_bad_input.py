"""Bad input: a sentence that names the place and a way out, exit code 2 (3 for a damaged file), nothing written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import SMALL, Command

from wavetree.config import PRESETS

NAMES = "".join(f"name{i}\n" for i in range(200)).encode()

BAD_LISTS = {
    "empty": (b"", ["list.txt", "empty", "one item a line"]),
    "one item": (b"anna\n", ["list.txt", "1 distinct item", "50"]),
    "10 items": (b"".join(b"name%d\n" % i for i in range(10)), ["list.txt", "10 distinct items", "50"]),
    "not UTF-8": (NAMES + b"caf\xe9\n", ["list.txt, line 201", "0xe9", "Save it as UTF-8"]),
    "a long line": (NAMES + b"a" * 200_000 + b"\n", ["list.txt, line 201", "200,000 symbols", "break it into lines"]),
    "5,000 symbols": (
        NAMES + "\n".join(chr(0x4E00 + i) for i in range(5000)).encode(),
        ["list.txt", "distinct symbols", "leave out"],
    ),
}


@pytest.mark.parametrize("kind", BAD_LISTS)
def test_a_bad_list(command: Command, tmp_path: Path, kind: str) -> None:
    content, parts = BAD_LISTS[kind]
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    for call in (["train", path, "--out", tmp_path / "run"], ["data", path], ["bench", "train", "--data", path]):
        ran = command(*call)
        assert ran.code == 2
        assert all(part in ran.sentence for part in parts)
    assert [*tmp_path.iterdir()] == [path]


def test_a_list_that_is_not_there(command: Command, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes(NAMES)
    ran = command("train", tmp_path / "nmaes.txt", "--out", tmp_path / "run")
    assert ran.code == 2
    assert f"Did you mean {tmp_path / 'names.txt'}?" in ran.sentence
    ran = command("train", tmp_path, "--out", tmp_path / "run")
    assert ran.code == 2
    assert "is a folder" in ran.sentence
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_overwritten(command: Command, names: Path, run: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in run.rglob("*"))
    ran = command("train", names, "--out", run)
    assert ran.code == 2
    assert "--resume" in ran.sentence
    assert "--force" in ran.sentence
    assert sorted((path, path.stat().st_mtime_ns) for path in run.rglob("*")) == before


def test_force_replaces_a_run_and_nothing_else(command: Command, names: Path, run: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(run, tmp_path / "old"))
    assert command("train", names, "--out", old, "--force", "--steps", 2, "--json", *SMALL).document["steps"] == 2

    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("ten years")
    file = tmp_path / "file"
    file.write_text("a file")
    for path in (precious, file):
        ran = command("train", names, "--out", path, "--force")
        assert ran.code == 2
        assert "is no run" in ran.sentence
    assert (precious / "thesis.tex").read_text() == "ten years"
    assert file.read_text() == "a file"


def test_a_bad_list_costs_no_run(command: Command, run: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(run, tmp_path / "old"))
    (tmp_path / "list.txt").write_bytes(b"anna\n")
    assert command("train", tmp_path / "list.txt", "--out", old, "--force").code == 2
    assert command("sample", old, "-n", 1).code == 0


@pytest.mark.parametrize("path", ["file/run", "n" * 300])
def test_a_run_folder_that_cannot_be(command: Command, names: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("a file")
    ran = command("train", names, "--out", tmp_path / path, "--steps", 2, *SMALL)
    assert ran.code in {1, 2}
    assert str(tmp_path / path) in ran.sentence
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("verb", ["sample", "evaluate", "inspect", "verify", "serve"])
def test_no_run(command: Command, tmp_path: Path, verb: str) -> None:
    (tmp_path / "file").write_text("")
    for path, what in (("none", "does not exist"), ("file", "is a file"), ("", "holds no run")):
        ran = command(verb, tmp_path / path)
        assert ran.code == 2
        assert what in ran.sentence
        assert "wavetree train" in ran.sentence


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--prefix", "ma7"], "'7' (character 3 of 'ma7') is not in the model's alphabet"),
        (["--prefix", "kamiloren", "--max-length", 5], "max-length"),
        (["-n", 0], "ask for 1 or more"),
        (["--seed", -1], "seed cannot be -1"),
        (["--temperature", -1], "temperature cannot be -1.0"),
        (["--top-k", 0], "top-k cannot be 0"),
        (["--top-p", 2], "top-p cannot be 2.0"),
    ],
)
def test_bad_choices(command: Command, run: Path, options: list[object], said: str) -> None:
    ran = command("sample", run, *options)
    assert ran.code == 2
    assert said in ran.sentence


def test_a_text_outside_the_alphabet(command: Command, run: Path) -> None:
    ran = command("inspect", run, "ka mi")
    assert ran.code == 2
    assert "' ' (character 3 of 'ka mi')" in ran.sentence
    assert "top cannot be 0" in command("inspect", run, "kami", "--top", 0).sentence


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flip(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


@pytest.mark.parametrize("harm", [_cut, _flip])
@pytest.mark.parametrize("name", ["model.safetensors", "state.json", "manifest.json"])
def test_a_damaged_checkpoint(
    command: Command, run: Path, tmp_path: Path, name: str, harm: Callable[[bytes], bytes]
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    for path in (copy / "checkpoints").glob(f"*/{name}"):
        path.write_bytes(harm(path.read_bytes()))
    for verb in ("sample", "evaluate", "inspect", "verify"):
        ran = command(verb, copy)
        assert ran.code == 3
        assert str(copy / "checkpoints") in ran.sentence
        assert "damaged" in ran.sentence


def test_other_damaged_files(command: Command, run: Path, tmp_path: Path) -> None:
    for number, name in enumerate(["config.json", "codec.json", "best", "train.txt"]):
        copy = Path(shutil.copytree(run, tmp_path / str(number)))
        (copy / name).write_bytes(b"\xff\xfe nonsense")
        ran = command("sample", copy)
        assert ran.code == 3
        assert name in ran.sentence


def test_the_command_line_itself(command: Command) -> None:
    for call, said in (
        (["trian"], 'Did you mean "train"?'),
        (["sample"], "RUN is missing. `wavetree sample --help`"),
        (["sample", "a", "b"], "'b' is one argument too many"),
        (["sample", "a", "-n", "few"], "unable to convert"),
        (["bench", "walk"], "Available commands: train, sample"),
        (["data", "--jsn"], "Did you mean --json?"),
    ):
        ran = command(*call)
        assert ran.code == 2
        assert said in ran.sentence


@pytest.mark.parametrize(
    ("call", "option"),
    [
        (["sample", "run", "-n", "2.9"], "-n: 2.9"),
        (["inspect", "run", "--top", "2.9"], "--top: 2.9"),
        (["compare", "--seeds", "2.5"], "--seeds: 2.5"),
        (["compare", "--preset", "context", "--context", "8", "--context", "8.7"], "--context: 8.7"),
        (["learn", "practice", "--seed", "-0.5"], "--seed: -0.5"),
        (["bench", "train", "--seed", "1.0e-3"], "--seed: 1.0e-3"),
    ],
)
def test_a_fraction_is_no_count(command: Command, call: list[object], option: str) -> None:
    ran = command(*call)
    assert ran.code == 2
    assert ran.sentence.startswith(f"Invalid value for {option} is not a whole number. `wavetree {call[0]} ")


def test_a_whole_number_may_be_written_with_a_point(command: Command, run: Path) -> None:
    ran = command("sample", run, "-n", "3.0", "--temperature", "0.5")
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--set", "model.context=12"], "a tree has no context to set: every level doubles what it sees"),
        (["--set", "model.context=12"], "model.levels=3 sees 8 symbols"),
        (["--context", "12"], "There is no --context: every level doubles"),
        (["--context", "12"], "--set model.levels=3 sees 8 symbols"),
        (["--set", "train.seconds=0.0"], "train.seconds cannot be '0.0': it must be greater than 0."),
        (["--set", "model.levels=2.9"], "model.levels cannot be '2.9': it must be a whole number."),
        (["--set", "model.levels=0"], "model.levels cannot be '0': it must be at least 1."),
        (["--set", "train.average=x"], "train.average cannot be 'x': it must be a number."),
        (["--set", "model.norm=none"], "model.norm cannot be 'none': it must be 'batch' or 'layer'."),
    ],
)
def test_settings_are_refused_in_plain_words(command: Command, options: list[object], said: str) -> None:
    ran = command("train", *options)
    assert ran.code == 2
    assert said in ran.sentence


def test_an_unknown_setting_names_all_of_them(command: Command) -> None:
    sentence = command("train", "--set", "x.y=1").sentence
    for section, settings in PRESETS["names"].model_dump().items():
        assert all(f"{section}.{name}" in sentence for name in settings)
