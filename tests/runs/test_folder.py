"""The run folder: what it refuses, what it keeps, and what it says when it is damaged."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wavetree.codecs import AlphabetCodec
from wavetree.config import Config, configure
from wavetree.data import Fields, Split, make_list, split_items
from wavetree.data.split import SIDES
from wavetree.errors import DamagedError, RunError, SaveError
from wavetree.runs import RunFolder, load
from wavetree.runs.environment import made_with
from wavetree.runs.folder import FORMAT
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
    assert folder.origin()["sha256"] == ITEMS.digest
    assert [folder.items(side) for side in ("train", "validation", "test")] == [
        split.train,
        split.validation,
        split.test,
    ]


WITH_FIELDS = make_list(
    [(f"{item} {end}", {"sex": "FM"[k % 2], "place": place}) for k, item in enumerate(ITEMS.items[:40])
     for end, place in (("a", "\u2028 x"), ("b", "é"), ("b", "a,b=c"))],
    fields=("sex", "place"),
)  # fmt: skip


def test_it_gives_back_labels_and_fields(tmp_path: Path) -> None:
    folder = RunFolder.open(start(WITH_FIELDS, tmp_path / "run", SETTINGS).path)
    split = split_items(WITH_FIELDS, "hash")
    assert folder.fields() == split.fields == Fields.of(WITH_FIELDS)
    for side in SIDES:
        assert folder.items(side) == split.items(side)
        assert folder.labels(side) == split.labels(side) != ()
    for line in (folder.path / "train.txt").read_bytes().decode().split("\n")[:-1]:
        item, sex, place = line.split("\t")
        assert (item, (sex, place)) in WITH_FIELDS.rows


def test_a_run_without_fields_says_so(tmp_path: Path) -> None:
    tabs = make_list([f"{item}\tF" for item in ITEMS.items])
    folder = RunFolder.open(start(tabs, tmp_path / "run", SETTINGS).path)
    assert not (folder.path / "fields.json").exists()
    assert folder.fields() == Fields()
    assert folder.labels("train") == ()
    assert all(item.endswith("\tF") for item in folder.items("train"))


@pytest.mark.parametrize(("name", "old", "new"), [("fields.json", '"F"', '"G"'), ("train.txt", "\tF", "\tM")])
def test_altered_fields_are_found(name: str, old: str, new: str, tmp_path: Path) -> None:
    folder = start(WITH_FIELDS, tmp_path / "run", SETTINGS)
    path = folder.path / name
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(DamagedError, match=f"{name} is damaged: its content is not what was saved"):
        (folder.fields(), folder.labels("train"))


def test_fields_that_are_gone_are_missed(tmp_path: Path) -> None:
    """Their items would have tabs in them."""
    folder = start(WITH_FIELDS, tmp_path / "run", SETTINGS)
    (folder.path / "fields.json").unlink()
    with pytest.raises(DamagedError, match="no such file"):
        folder.fields()


def test_force_replaces_a_run_with_fields(tmp_path: Path) -> None:
    start(WITH_FIELDS, tmp_path / "run", SETTINGS)
    assert not create(tmp_path / "run", force=True).fields()


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
    with pytest.raises(SaveError, match="could not make the run folder"):
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
    rewrite(run, "config.json", format=FORMAT + 1)
    said = f"has format {FORMAT + 1}, and this version reads up to {FORMAT}: update wavetree"
    with pytest.raises(RunError, match=said):
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
    with pytest.raises(DamagedError, match="there is no checkpoint 000123"):
        load(run.path)


@pytest.mark.parametrize("name", ["train.txt", "validation.txt", "codec.json", "config.json"])
def test_a_file_beside_the_checkpoints_that_was_altered_is_found(run: RunFolder, name: str) -> None:
    path = run.path / name
    path.write_bytes(path.read_bytes().replace(b"a", b"b", 1))
    with pytest.raises(DamagedError, match=r"is damaged|does not describe"):
        read_everything(run)


def read_everything(run: RunFolder) -> None:
    load(run.path)
    run.items("train")
    run.items("validation")


def test_a_log_that_was_cut_short_is_no_reason_to_refuse(run: RunFolder) -> None:
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('[1]\n{"loss": 1}\n\xff{"step": 3, "lo')
    assert all("step" in line for line in run.metrics())
    run.cut_log(2)
    assert {line["step"] for line in run.metrics()} == {1, 2}


@pytest.mark.parametrize(
    ("keep", "kept"), [(1, ["000004"]), (2, ["000003", "000004"]), (9, [f"00000{k}" for k in range(5)])]
)
def test_the_best_and_the_last_ones_are_kept(tmp_path: Path, keep: int, kept: list[str]) -> None:
    wanted = ["train.checks=1", "train.steps=4", "train.checkpoint_every=1", f"train.keep_last={keep}"]
    folder = create(tmp_path / "run", settings=configure("names", ["model.hidden=8", "model.embedding=4", *wanted]))
    train(folder)
    assert sorted(path.name for path in (folder.path / "checkpoints").iterdir()) == kept
    folder.checkpoints.drop(1)
    assert folder.checkpoints.names() == ["000004"]


def test_versions_and_revision_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The revision is that of wavetree's own checkout, wherever it is used, and only where it is used from one."""
    assert {"wavetree", "torch", "numpy", "python", "machine"} <= set(made_with())
    place = tmp_path / "checkout" / "src" / "wavetree" / "runs" / "environment.py"
    monkeypatch.setattr("wavetree.runs.environment.__file__", str(place))
    assert "revision" not in made_with()
    git = ["git", "-C", str(tmp_path / "checkout"), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (tmp_path / "checkout").mkdir()
    subprocess.run([*git, "init", "-q"], check=True)
    assert "revision" not in made_with()
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    assert len(made_with()["revision"]) == 40
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "revision" not in made_with()


def test_force_never_removes_another_projects_folder(tmp_path: Path) -> None:
    """A config.json and a folder of checkpoints are common enough."""
    (tmp_path / "config.json").write_text('{"lr": 1}')
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(RunError, match="is no run: it is left alone"):
        create(tmp_path, force=True)
    assert (tmp_path / "config.json").exists()


def test_force_removes_nothing_that_was_put_into_a_run(run: RunFolder) -> None:
    (run.path / "my-list.txt").write_text("mine")
    with pytest.raises(RunError, match=r"holds more than a run, 'my-list\.txt'"):
        create(run.path, force=True)
    assert (run.path / "my-list.txt").read_text() == "mine"


def test_force_in_the_folder_itself_is_refused(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.path)
    with pytest.raises(RunError, match="is the folder you are in"):
        create(Path(), force=True)
    assert load(run.path)


def test_force_follows_a_link_to_a_run(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(run.path)
    create(tmp_path / "link", force=True)
    assert not run.has_checkpoint()


@pytest.mark.parametrize("at", range(1, 13))
def test_a_full_disk_while_a_run_is_replaced_leaves_the_old_one(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Six files, each flushed and its folder too."""
    with monkeypatch.context() as patch:
        writes_fail_from(patch, at)
        with pytest.raises(SaveError, match="no space left on device"):
            create(run.path, force=True)
    assert load(run.path)
    assert [path.name for path in run.path.parent.iterdir()] == [run.path.name]


def writes_fail_from(monkeypatch: pytest.MonkeyPatch, at: int) -> list[int]:
    """From the `at`-th flush to the disk on, there is no room."""
    real, done = os.fsync, [0]

    def fsync(descriptor: int) -> None:
        done[0] += 1
        if done[0] >= at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return done


@pytest.mark.parametrize("best", [True, False])
@pytest.mark.parametrize("at", range(1, 12))
def test_a_death_at_any_write_of_a_save_leaves_a_run_that_loads(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, at: int, best: bool
) -> None:
    """The same step once more, which `latest` points to, and a new one: both pointers stay good at every moment."""
    tensors, state = run.load("latest", ["model", "training"])
    for step in (4, 5):
        with monkeypatch.context() as patch:
            writes_fail_from(patch, at)
            with contextlib.suppress(SaveError):
                run.save(step, tensors, {**state, "step": step}, best)
        assert load(run.path, "latest")
        assert load(run.path, "best")
    run.save(6, tensors, {**state, "step": 6}, best=True)
    assert {path.name for path in (run.path / "checkpoints").iterdir()} == {"000006"}  # one is kept, unless told


def test_the_best_checkpoint_is_pointed_to_before_the_latest(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resume goes on from `latest`, and takes the best loss from its state: `best` may be ahead, and never behind."""
    written: list[str] = []
    monkeypatch.setattr("wavetree.runs.checkpoints.write_file", lambda path, content: written.append(path.name))
    tensors, state = run.load("latest", ["model", "training"])
    run.save(5, tensors, state, best=True)
    assert written == ["best", "latest"]


def test_a_folder_that_only_has_the_name_of_a_leftover_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / ".run.old"
    mine.mkdir()
    (mine / "thesis.tex").write_text("of years")
    with pytest.raises(RunError, match=r"\.run\.old is in the way, and is no run: it is left alone"):
        create(tmp_path / "run")
    assert [path.name for path in mine.iterdir()] == ["thesis.tex"]


def test_a_run_that_another_process_made_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were told that the place is free."""
    first = create(tmp_path / "run")
    before = first.config()
    for name in ("wavetree.runs.create", "wavetree.train.start"):
        monkeypatch.setattr(sys.modules[name], "refuse_taken", lambda *_: None)
    with pytest.raises(SaveError, match="could not make the run folder"):
        create(tmp_path / "run", settings=configure("names", ["model.hidden=12", "train.steps=4"]))
    assert RunFolder.open(tmp_path / "run").config() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
