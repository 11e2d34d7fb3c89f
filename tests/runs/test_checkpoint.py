"""A checkpoint is whole or not there, and no altered byte of it loads."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from wavetree.errors import DamagedError, RunError, SaveError
from wavetree.runs import checkpoint
from wavetree.runs.checkpoint import read_checkpoint, read_json, write_checkpoint, write_file

TENSORS = {"model": {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2])}, "training": {}}
STATE = {"step": 3, "best": float("inf"), "block": [0.5]}


def write(folder: Path) -> None:
    write_checkpoint(folder, TENSORS, STATE)


def read(folder: Path) -> object:
    return read_checkpoint(folder, ["model", "training"])


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "000003")
    tensors, state = read_checkpoint(tmp_path / "000003", ["model", "training"])
    assert torch.equal(tensors["model"]["a.weight"], TENSORS["model"]["a.weight"])
    assert torch.equal(tensors["model"]["b"], TENSORS["model"]["b"])
    assert state == STATE
    assert [path.name for path in tmp_path.iterdir()] == ["000003"]


def test_tensors_that_are_views_of_one_are_saved_apart(tmp_path: Path) -> None:
    whole = torch.arange(10.0)
    write_checkpoint(tmp_path / "c", {"model": {"a": whole[:4], "b": whole[2:8].view(2, 3)}}, {})
    tensors, _ = read_checkpoint(tmp_path / "c", ["model"])
    assert torch.equal(tensors["model"]["b"], whole[2:8].view(2, 3))


@pytest.mark.parametrize("name", ["model.safetensors", "training.safetensors", "state.json", "manifest.json"])
def test_every_flipped_bit_and_every_truncation_is_found(tmp_path: Path, name: str) -> None:
    write(tmp_path / "c")
    path = tmp_path / "c" / name
    good = path.read_bytes()
    draws = np.random.default_rng(1)
    for _ in range(60):
        bad = bytearray(good)
        bad[draws.integers(len(bad))] ^= 1 << draws.integers(8)
        path.write_bytes(bad)
        with pytest.raises(DamagedError, match=r"is damaged: .*\."):
            read(tmp_path / "c")
    for length in draws.integers(0, len(good), 15):
        path.write_bytes(good[:length])
        with pytest.raises(DamagedError, match=r"is damaged: .*\."):
            read(tmp_path / "c")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "c")
    (tmp_path / "c" / "state.json").unlink()
    with pytest.raises(DamagedError, match=r"state\.json is damaged: no such file"):
        read(tmp_path / "c")


def test_a_damaged_file_that_is_not_asked_for_counts_and_a_missing_one_does_not(tmp_path: Path) -> None:
    """The weights may be copied without the rest; but where the rest is there, the disk is known to be at fault."""
    write(tmp_path / "c")
    path = tmp_path / "c" / "training.safetensors"
    path.write_bytes(path.read_bytes() + b" ")
    (tmp_path / "c" / ".DS_Store").write_bytes(b"of the system")
    with pytest.raises(DamagedError, match=r"training\.safetensors is damaged"):
        read_checkpoint(tmp_path / "c", ["model"])
    path.unlink()
    tensors, _ = read_checkpoint(tmp_path / "c", ["model"])
    assert torch.equal(tensors["model"]["b"], TENSORS["model"]["b"])


def test_a_file_that_is_out_of_reach_is_not_called_damaged(tmp_path: Path) -> None:
    """As where a process has too many files open: the run is good, and copying it again would help nobody."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    write(tmp_path / "c")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptor, hard))
    try:
        with pytest.raises(RunError, match=r"could not read .*: too many open files"):
            read(tmp_path / "c")
        with pytest.raises(SaveError, match=r"could not save .*: too many open files"):
            write(tmp_path / "d")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(descriptor)
    read(tmp_path / "c")


def failing(monkeypatch: pytest.MonkeyPatch, at: int) -> Callable[[], int]:
    """From the `at`-th write to the disk on, there is no room. Returns a count of the writes so far."""
    count = 0
    real = os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count >= at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return lambda: count


@pytest.mark.parametrize("at", range(1, 6))
def test_a_full_disk_leaves_the_older_checkpoint_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    write(tmp_path / "000001")
    with monkeypatch.context() as patch:
        failing(patch, at)
        with pytest.raises(SaveError, match=r"no space left on device. Nothing that was saved before is lost"):
            write(tmp_path / "000002")
    read(tmp_path / "000001")
    assert [path.name for path in tmp_path.iterdir()] == ["000001"]


def test_the_full_disk_above_fails_at_every_write_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = failing(monkeypatch, 100)
    write(tmp_path / "c")
    assert writes() == 6  # four files, the folder, and the folder that it is in


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "best"
    write_file(path, b"000001\n")
    failing(monkeypatch, 1)
    with pytest.raises(SaveError, match="could not save"):
        write_file(path, b"000002\n")
    assert path.read_bytes() == b"000001\n"
    assert [p.name for p in tmp_path.iterdir()] == ["best"]


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000])
def test_json_that_is_no_object_is_damage(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(DamagedError, match=r"x\.json is damaged"):
        read_json(tmp_path / "x.json")


def test_the_comparison_notices_a_reader_that_checks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flipped payload byte loads without a word when the checksum is left out: safetensors has none."""
    write(tmp_path / "c")
    path = tmp_path / "c" / "model.safetensors"
    bad = bytearray(path.read_bytes())
    bad[-1] ^= 1
    path.write_bytes(bad)
    with pytest.raises(DamagedError):
        read(tmp_path / "c")
    monkeypatch.setattr(checkpoint.hashlib, "sha256", lambda content: AlwaysRight())
    read(tmp_path / "c")


class AlwaysRight:
    def hexdigest(self) -> object:
        class Equal:
            def __ne__(self, other: object) -> bool:
                return False

            __hash__ = None  # type: ignore[assignment]

        return Equal()
