"""The run folder: what it refuses, what it keeps, and what it says when it is damaged."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from wavetree.codecs import AlphabetCodec
from wavetree.config import Config, configure
from wavetree.data import Split, make_list, split_items
from wavetree.errors import DamagedError, RunError
from wavetree.runs import RunFolder, load
from wavetree.runs.folder import made_with
from wavetree.train import start, train

ITEMS = make_list(
    [f"{a}{b}{c}" for a in "abcde" for b in "xyz" for c in "  \u2028\r é"[1:]] + ["ü" * k for k in range(1, 9)]
)
SETTINGS = configure("names", ["model.hidden=8", "model.embedding=4", "train.steps=4", "train.checks=2"])


def create(path: Path, force: bool = False, settings: Config = SETTINGS) -> RunFolder:
    return start(ITEMS, path, settings, force)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = create(tmp_path / "run")
    train(folder)
    return folder


def test_it_gives_back_what_it_was_made_from(tmp_path: Path) -> None:
    folder = RunFolder.open(create(tmp_path / "deep" / "run").path)
    split: Split = split_items(ITEMS, "hash")
    assert folder.config() == SETTINGS
    assert folder.codec() == AlphabetCodec.of(ITEMS.items)
    assert folder.digest() == ITEMS.digest
    assert [folder.items(side) for side in ("train", "validation", "test")] == [
        split.train,
        split.validation,
        split.test,
    ]


def test_a_run_is_complete_in_itself(run: RunFolder, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    run.path.rename(moved)
    assert load(moved).model.receptive_field == 8


def test_a_run_is_not_overwritten(run: RunFolder) -> None:
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match=r"holds a run: go on with it \(--resume\), replace it \(--force\)"):
        create(run.path)
    assert before == {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}


def test_force_replaces_a_run(run: RunFolder) -> None:
    assert not create(run.path, force=True).has_checkpoint()


def test_force_never_removes_what_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(RunError, match="is no run: it is left alone"):
        create(tmp_path, force=True)
    with pytest.raises(RunError, match="is no run: it is left alone"):
        create(tmp_path / "precious.txt", force=True)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert create(tmp_path / "run").path.exists()


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="could not make the run folder"):
        create(tmp_path / "file" / "run")


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for name, what in (("none", "does not exist"), ("file", "is a file"), ("folder", "holds no run")):
        with pytest.raises(RunError, match=f"{what}: a run is the folder"):
            RunFolder.open(tmp_path / name)


def test_a_run_without_a_checkpoint_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no checkpoint yet"):
        load(create(tmp_path / "run").path)


def rewrite(run: RunFolder, name: str, **changes: object) -> None:
    path = run.path / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_newer_format_is_refused(run: RunFolder) -> None:
    rewrite(run, "config.json", format=99)
    with pytest.raises(RunError, match="has format 99, and this version reads up to 1: update wavetree"):
        load(run.path)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("config.json", {"format": None}),
        ("config.json", {"settings": {"model": {"levels": "many"}}}),
        ("config.json", {"settings": {"model": {"hidden": 9}, "train": {"steps": 1}}}),
        ("codec.json", {"symbols": "aab"}),
        ("codec.json", {"symbols": "ba"}),
        ("codec.json", {"symbols": "ab"}),
        ("codec.json", {"kind": "words"}),
    ],
)
def test_damage_is_a_sentence(run: RunFolder, name: str, changes: dict[str, object]) -> None:
    rewrite(run, name, **changes)
    with pytest.raises(DamagedError, match=r"damaged|does not describe"):
        load(run.path)


def test_a_pointer_that_points_nowhere_is_damage(run: RunFolder) -> None:
    (run.path / "best").write_text("../../../etc\n")
    with pytest.raises(DamagedError, match="it should name a checkpoint"):
        load(run.path)
    (run.path / "best").write_text("000123\n")
    with pytest.raises(DamagedError, match="no such file"):
        load(run.path)


def test_items_that_are_not_utf8_are_damage(run: RunFolder) -> None:
    (run.path / "train.txt").write_bytes(b"\xff\n")
    with pytest.raises(DamagedError, match=r"train\.txt is damaged: it is not UTF-8"):
        run.items("train")


def test_only_best_and_latest_are_kept(run: RunFolder) -> None:
    kept = {path.name for path in (run.path / "checkpoints").iterdir()}
    assert kept == {(run.path / which).read_text().strip() for which in ("best", "latest")}


def test_versions_and_revision_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"wavetree", "torch", "numpy", "python", "machine"} <= set(made_with())
    monkeypatch.chdir(tmp_path)
    assert "revision" not in made_with()
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    assert len(made_with()["revision"]) == 40
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "revision" not in made_with()
