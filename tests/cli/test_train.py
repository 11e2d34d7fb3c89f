"""`wavetree train`: what it says, what it leaves, and how a run goes on."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console
from tests.cli.conftest import SMALL, Command

from wavetree.config import PRESETS, configure
from wavetree.data import read_list, split_items
from wavetree.runs import RunFolder, checkpoint
from wavetree.runs.checkpoint import read_json
from wavetree.train import Summary, devices, start

KEYS = set(Summary.__dataclass_fields__)


def test_it_says_what_it_learns_from_and_ends_with_the_losses(command: Command, names: Path, tmp_path: Path) -> None:
    ran = command("train", names, "--out", tmp_path / "my run", "--steps", 12, "--set", "train.checks=3", *SMALL)
    assert ran.code == 0
    sides = split_items(read_list(names), "hash")
    for said in (
        "400, 380 distinct: the duplicates are removed",
        f"{len(sides.train)} train, {len(sides.validation)} validation, {len(sides.test)} test (hash)",
        "tree, ",
        "sees 8 symbols",
        f"next: wavetree sample '{tmp_path / 'my run'}'",
    ):
        assert said in ran.err
    assert "warning" not in ran.err
    checks = [line for line in ran.err.splitlines() if line.startswith("step")]
    assert [line.split()[1] for line in checks] == ["4", "8", "12"]
    assert all("validation" in line for line in checks)
    head, train, validation = (line.split() for line in ran.out.splitlines())
    assert (head[0], train[0], validation[0]) == ("loss", "train", "validation")
    assert float(train[2]) == pytest.approx(float(train[1]) / 0.693147, abs=2e-4)


def test_json(command: Command, names: Path, tmp_path: Path) -> None:
    ran = command("train", names, "--out", tmp_path / "run", "--epochs", 0.5, "--seed", 3, "--json", *SMALL)
    assert ran.code == 0
    assert set(ran.document) >= KEYS
    assert ran.document["run"] == str(tmp_path / "run")
    assert ran.document["steps"] == 6  # of 25 items: a dozen are a pass
    assert not ran.document["stopped"]
    assert RunFolder.open(tmp_path / "run").config().train.seed == 3


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (
            ["I came to the river", "and there I sat, alone,", "until the evening was over."],
            "look like lines of a text",
        ),
        (["word " * 50 + str(k) for k in range(3)], "symbols in the mean"),
        (["error 7 in module kanai on host a", "no answer from host b in module mellon", "host b is up again"], None),
        (["anna.", "bert.", "carla!"], None),
    ],
)
def test_a_list_that_looks_like_a_text_is_told_how_that_is_learnt(
    command: Command, tmp_path: Path, items: list[str], said: str | None
) -> None:
    (tmp_path / "list.txt").write_text("".join(f"{k} {item}\n" for k in range(20) for item in items), "utf-8")
    ran = command("train", tmp_path / "list.txt", "--out", tmp_path / "run", "--steps", 1, *SMALL)
    assert ran.code == 0
    assert ("if this is running text, --preset text learns it" in ran.err) == bool(said)
    assert said is None or said in ran.err


def test_the_lecture_split_comes_with_a_warning(command: Command, names: Path, tmp_path: Path) -> None:
    ran = command("train", names, "--out", tmp_path / "run", "--split", "lecture", "--steps", 2, *SMALL)
    assert ran.code == 0
    leaked = split_items(read_list(names), "lecture").leaked_validation
    assert f"warning: {leaked} of 40 validation items ({leaked / 40:.1%}) are in train too" in ran.err
    assert "the duplicates are kept" in ran.err
    assert f"warning: {leaked} of 40" in command("evaluate", tmp_path / "run").err


def test_the_embedded_names_and_the_default_folder(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = command("train", "--steps", 1, "--json", *SMALL)
    assert ran.code == 0
    assert ran.document["run"] == "runs/names"
    assert "29,910, no duplicates" in ran.err
    assert "learns    for 1 step\n" in ran.err
    assert (
        "for 2 passes over the list, or 0.1 s if that is sooner"
        in command("train", "--force", "--epochs", 2, "--seconds", 0.1, *SMALL).err
    )


def test_the_default_folder_is_named_for_the_file(
    command: Command, names: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(names, "gods.of.old.txt")
    assert command("train", "gods.of.old.txt", "--steps", 1, *SMALL).code == 0
    assert (tmp_path / "runs" / "gods.of.old" / "config.json").is_file()


def test_the_help_names_every_preset(command: Command) -> None:
    text = command("train", "--help").out
    assert f"Presets: {', '.join(PRESETS)}." in " ".join(text.split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--steps", 3, "--epochs", 4], "--steps and --epochs each say how long"),
        (["--force", "--resume"], "give one of them"),
        (["--set", "model.level=4"], "did you mean 'model.levels'?"),
        (["--set", "model.levels=40"], "model.levels cannot be '40'"),
        (["--set", "model.levels"], "has no value"),
        (["--seed", -1], "train.seed cannot be '-1'"),
        (["--preset", "nmaes"], "did you mean 'names'?"),
        (["--split", "lectur"], 'Did you mean "lecture"?'),
        (["--levels", 4], "Unknown option: --levels"),
        (["--steps", "many"], "--steps"),
    ],
)
def test_bad_settings(command: Command, names: Path, tmp_path: Path, options: list[object], said: str) -> None:
    ran = command("train", names, "--out", tmp_path / "run", *options)
    assert ran.code == 2
    assert said in ran.sentence
    assert not (tmp_path / "run").exists()


def test_a_run_goes_on(command: Command, names: Path, run: Path, tmp_path: Path) -> None:
    """A full disk stops a run in the middle; with room again it goes on, and ends as one that was never stopped."""
    path = tmp_path / "run"
    begin = ["train", names, "--out", path, "--steps", 30, "--set", "train.checks=3", *SMALL]
    with pytest.MonkeyPatch.context() as patch:
        _fill_the_disk(patch, after=3)  # of the beginning, of step 10 and of step 20
        ran = command(*begin)
    assert ran.code == 2
    assert "no space left on device" in ran.err.splitlines()[-1].lower()
    assert ran.out == ""
    assert command("sample", path, "-n", 3).code == 0  # the checkpoint before

    resumed = command("train", "--out", path, "--resume", "--json")
    assert resumed.code == 0
    assert "going on from step 20" in resumed.err
    again = command("train", "--out", run, "--resume", "--json")
    assert "complete already, at step 30" in again.err
    for key in ("steps", "train_nll", "val_nll"):
        assert resumed.document[key] == again.document[key]


def _fill_the_disk(patch: pytest.MonkeyPatch, after: int) -> None:
    """The disk is full once `after` checkpoints are written."""
    write, written = checkpoint._write, []

    def full(path: Path, content: bytes) -> None:
        if path.name == "model.safetensors":
            written.append(path)
        if len(written) > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    patch.setattr(checkpoint, "_write", full)


def test_resuming_with_the_same_words_is_fine_and_with_others_is_not(
    command: Command, names: Path, run: Path, tmp_path: Path
) -> None:
    same = ["train", names, "--out", run, "--steps", 30, "--set", "train.checks=3", *SMALL, "--resume"]
    assert command(*same).code == 0
    auto = ["--preset", "names", "--set", "train.precision=auto", "--steps", 3, "--out", tmp_path / "auto", *SMALL]
    for how in ([], ["--resume"]):  # what auto became is no other setting
        assert command("train", names, *auto, *how).code == 0
    ran = command("train", "--out", run, "--resume", "--preset", "names")
    assert ran.code == 2
    assert "not those of --preset names with what is said besides (model.embedding is another)" in ran.sentence
    ran = command("train", "--out", run, "--resume", "--steps", 40)
    assert ran.code == 2
    assert "keeps the settings" in ran.sentence
    other = tmp_path / "other.txt"
    other.write_text("".join(f"item{i}\n" for i in range(300)))
    assert "is not what" in command("train", other, "--out", run, "--resume").sentence
    assert "does not exist" in command("train", "--out", tmp_path / "none", "--resume").sentence


def test_the_bar_is_drawn_on_a_terminal_alone(
    command: Command, names: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wavetree.cli import progress
    from wavetree.cli import train as verb

    monkeypatch.setattr(progress, "WORTH_A_BAR", 0.0)
    monkeypatch.setattr(progress, "REDRAWN_EVERY", 0.0)
    begin = ["train", names, "--steps", 20, *SMALL, "--out"]
    assert "left" not in command(*begin, tmp_path / "piped").err
    monkeypatch.setattr(verb, "margin", lambda: Console(stderr=True, force_terminal=True, width=80))
    seen = command(*begin, tmp_path / "seen").err
    assert "20/20" in seen
    assert "symbols/s" in seen
    assert "0:00 left" in seen


def test_steps_that_made_it_worse_are_told(command: Command, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("\n".join(f"{a}{b}{c}" for a in "bdkmn" for b in "aeiou" for c in "lrst"), encoding="utf-8")
    wide = ["--set", "model.hidden=64", "--set", "train.batch_items=32", "--set", "train.weight_decay=0"]
    long = command("train", words, "--out", tmp_path / "long", "--steps", 200, *wide)
    assert "note: validation was best at step " in long.err
    short = command("train", words, "--out", tmp_path / "short", "--steps", 10, *wide)
    assert "validation was best" not in short.err


def test_a_run_goes_on_without_the_gpu_it_was_begun_with(
    command: Command, names: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all settings the device alone may be another; one that is not here is refused, and nothing is left of it."""
    gpu = ("--set", "train.device=cuda")
    monkeypatch.setattr(devices, "THERE", {**devices.THERE, "cuda": lambda: False})
    refused = command("train", names, "--out", tmp_path / "none", "--steps", 4, *gpu, *SMALL)
    assert refused.code == 2
    assert "train.device is cuda, and torch" in refused.sentence
    assert not (tmp_path / "none").exists()
    with monkeypatch.context() as there:
        there.setattr(devices, "THERE", {**devices.THERE, "cuda": lambda: True})
        there.setattr(torch.cuda, "get_device_name", lambda: "abacus")
        there.setattr(torch.cuda, "current_device", lambda: 0)
        there.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(total_memory=1 << 40))
        config = configure("names", ["train.steps=4", "train.checks=1", "model.hidden=8", "train.device=cuda"])
        folder = start(read_list(names), tmp_path / "run", config)
    assert read_json(folder.path / "config.json")["made_with"]["device"] == "cuda (abacus)"  # type: ignore[index]
    resume = ("train", "--out", folder.path, "--resume")
    alone = command(*resume)
    assert alone.code == 2
    assert "--set train.device=cpu (with --resume, too)" in alone.err
    assert command(*resume, "--set", "train.device=cpu").code == 0
    assert RunFolder.open(folder.path).load("latest", [])[1]["made_with"]["device"] == "cpu"  # type: ignore[index]
