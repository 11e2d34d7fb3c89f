"""What a run survives: a damaged checkpoint, a death anywhere, another process on it, another machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.train.test_loop import TINY, begin, checkpoint_bytes, stop_after

from wavetree.errors import DamagedError, RunError
from wavetree.runs import RunFolder, load
from wavetree.runs.lock import alone, is_busy
from wavetree.train import Watch, train

OFTEN = ["train.checkpoint_every=5", "train.keep_last=3"]


def damage(folder: RunFolder, name: str, file: str = "training.safetensors") -> None:
    path = folder.path / "checkpoints" / name / file
    bad = bytearray(path.read_bytes())
    bad[-1] ^= 1
    path.write_bytes(bad)


def test_the_checkpoint_before_a_damaged_one_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    """The newest two are damaged: both are named, the one before them is used, the log is cut back to it."""
    whole, folder = begin(tmp_path / "whole", *OFTEN), begin(tmp_path / "run", *OFTEN)
    train(whole)
    train(folder, stop_after(23))
    assert folder.checkpoints.names() == ["000015", "000020", "000023"]
    damage(folder, "000023")
    damage(folder, "000020", "state.json")
    said: list[str] = []
    summary = train(RunFolder.open(folder.path), Watch(note=said.append))
    first, second, *_ = said
    assert "000023/training.safetensors is damaged: its content is not what was saved. Going on from" in first
    assert "000020/state.json is damaged" in second
    assert "the checkpoint of step 15." in second
    assert checkpoint_bytes(whole) == checkpoint_bytes(folder)
    losses = [line["step"] for line in folder.metrics() if "loss" in line]
    assert losses == list(range(1, 41))
    assert summary.val_nll == load_best(whole)


def load_best(folder: RunFolder) -> float:
    best = folder.load("latest", [])[1]["best"]
    assert isinstance(best, float)
    return best


def test_sampling_a_damaged_run_is_an_error(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run")
    train(folder)
    damage(folder, (folder.path / "best").read_text().strip())
    with pytest.raises(DamagedError, match=r"training\.safetensors is damaged.*--resume"):
        load(folder.path)


def test_where_nothing_is_whole_nothing_goes_on(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run")
    train(folder, stop_after(17))
    for name in folder.checkpoints.names():
        damage(folder, name)
    with pytest.raises(DamagedError, match="000017"):
        train(folder)


@pytest.mark.parametrize("content", ["", "../..", None])
def test_a_damaged_pointer_is_gone_round(tmp_path: Path, content: str | None) -> None:
    whole, folder = begin(tmp_path / "whole"), begin(tmp_path / "run")
    train(whole)
    train(folder, stop_after(17))
    if content is None:
        (folder.path / "latest").unlink()
    else:
        (folder.path / "latest").write_text(content)
    said: list[str] = []
    train(folder, Watch(note=said.append))
    assert [("latest is damaged" in sentence) for sentence in said] == ([] if content is None else [True])
    assert checkpoint_bytes(whole)["model.safetensors"] == checkpoint_bytes(folder)["model.safetensors"]


def test_a_damaged_pointer_to_the_best_checkpoint_is_found_again(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", "train.learning_rate=0.3")
    train(folder)
    checks = {line["step"]: line["val_nll"] for line in folder.metrics() if "val_nll" in line}
    best = (folder.path / "best").read_text()
    said: list[str] = []
    for pointer in (b"000159\n", b"\xff", None):
        (folder.path / "best").unlink() if pointer is None else (folder.path / "best").write_bytes(pointer)
        val_nll = train(folder, Watch(note=said.append)).val_nll
        assert (folder.path / "best").read_text() == best
        assert val_nll == min(checks.values())
        assert f"{best.strip()} is the best, and takes its place" in said[-1]


def test_a_best_checkpoint_that_is_damaged_is_followed_by_the_best_of_the_others(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run")
    train(folder)
    name = (folder.path / "best").read_text().strip()
    if name == "000040":  # let an earlier one be the best
        name = folder.checkpoints.names()[0]
        (folder.path / "best").write_text(f"{name}\n")
    damage(folder, name, "model.safetensors")
    said: list[str] = []
    train(folder, Watch(note=said.append))
    left = (folder.path / "best").read_text().strip()
    assert left != name
    assert any(f"{left} is the best, and takes its place" in sentence for sentence in said)
    assert load(folder.path).model.receptive_field == 8


def test_where_the_log_knows_of_none_the_best_of_what_follows_is_taken(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run")
    train(folder, stop_after(17))
    (folder.path / "best").unlink()
    (folder.path / "metrics.jsonl").unlink()
    said: list[str] = []
    train(folder, Watch(note=said.append))
    assert any("The best of what follows takes its place" in sentence for sentence in said)
    assert load(folder.path).model.receptive_field == 8


def test_a_run_that_never_began_to_learn_keeps_its_plan(tmp_path: Path) -> None:
    """A limit in seconds is made a number of steps once, however early a death comes."""
    folder = begin(tmp_path / "run", "train.steps=none", "train.seconds=0.3")

    class Dead(Exception):
        pass

    def die() -> bool:
        raise Dead

    with pytest.raises(Dead):
        train(folder, Watch(stop=die))
    _, state = folder.load("latest", [])
    assert state["step"] == 0
    with pytest.raises(RunError, match="was not measured yet"):
        load(folder.path)
    assert train(folder).steps == state["steps"]


def test_going_on_elsewhere_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = begin(tmp_path / "run")
    train(folder, stop_after(17))
    made_with = folder.load("latest", [])[1]["made_with"]
    assert isinstance(made_with, dict)
    assert {"wavetree", "torch", "numpy", "python", "machine", "processor", "instructions", "device"} <= set(made_with)
    elsewhere = {**made_with, "torch": "9.9", "processor": "abacus"}
    monkeypatch.setattr("wavetree.train.resume.here", lambda device: elsewhere)
    said: list[str] = []
    train(folder, Watch(note=said.append, stop=lambda: True))
    (sentence,) = said
    assert "may differ in its last digits" in sentence
    assert f"torch is 9.9 and was {made_with['torch']}, processor is abacus" in sentence
    with pytest.warns(UserWarning, match=r"torch is 9\.9"):  # in Python, where nobody looks on
        train(folder, Watch(stop=lambda: True))


def test_only_one_process_works_on_a_run(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run")
    with alone(folder.path):
        assert is_busy(folder.path)
        with pytest.raises(
            RunError, match=rf"is being worked on by process {os.getpid()} on .*: wait for it or end it"
        ):
            train(folder)
    assert not is_busy(folder.path)
    assert train(folder).steps == 40
    assert (folder.path / "lock").read_bytes() == b""


def test_a_run_that_is_worked_on_is_not_replaced(tmp_path: Path) -> None:
    from tests.train.test_loop import ITEMS

    from wavetree.config import configure
    from wavetree.train import start

    folder = begin(tmp_path / "run")
    with alone(folder.path), pytest.raises(RunError, match="is being worked on"):
        start(ITEMS, folder.path, configure("names", TINY), force=True)
    assert folder.config()


HOLD = """
import os, signal, sys
from pathlib import Path
from wavetree.runs.lock import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_dead_hold_no_lock(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunError, match=f"process {holder.pid} "), alone(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with alone(tmp_path):
        assert (tmp_path / "lock").read_text().startswith(f"process {os.getpid()} ")


def test_a_run_of_before_goes_on_from_its_checks(tmp_path: Path) -> None:
    """A state of format 1 does not say when validation was last measured: it always was."""
    folder = begin(tmp_path / "run")
    train(folder, stop_after(17))
    tensors, state = folder.load("latest", ["model", "training"])
    del state["checked"]
    folder.save(17, tensors, state, best=True)
    again = train(folder, Watch(stop=lambda: True))
    assert (again.steps, again.stopped) == (17, True)
    assert json.loads((folder.path / "metrics.jsonl").read_text().splitlines()[-1])["step"] == 17
