"""Checkpoints: folders that are either whole or not there.

A checkpoint is written beside its place, every file and the folder flushed to the disk, and then renamed into place.
`manifest.json` holds the SHA-256 of every other file, and is itself written in one way alone, so that each bit of it
counts. Nothing is used before every file has been compared, those that are not asked for too.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from wavetree.errors import DamagedError, RunError, SaveError

MANIFEST = "manifest.json"
PARTIAL = ".partial"
"""Ends the name, and a dot begins it, of what is being written, or was when its writer died."""
GONE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EIO, errno.ELOOP}
"""Reasons why a file cannot be read that lie in the file. Others lie in the machine, such as too many open files."""
ADVICE = " Copy it again from its source, or train on from the newest whole checkpoint (--resume), or anew (--force)."


def write_file(path: Path, content: bytes) -> None:
    """Writes `path` whole or not at all: beside it, flushed, renamed. Raises SaveError."""
    beside = _beside(path)
    try:
        _write(beside, content)
        beside.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise could_not_save(path, error) from error


def write_checkpoint(folder: Path, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, object]) -> None:
    """Writes the checkpoint `folder`, which must not exist: a safetensors file for each entry of `tensors`, state.json.

    Raises SaveError.
    """
    beside = _beside(folder)
    files = {f"{name}.safetensors": _tensor_bytes(group) for name, group in tensors.items()}
    files["state.json"] = json.dumps(state, indent=1).encode()
    files[MANIFEST] = _manifest({name: hashlib.sha256(content).hexdigest() for name, content in files.items()})
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        for name, content in files.items():
            _write(beside / name, content)
        flush_folder(beside)
        beside.rename(folder)
        flush_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise could_not_save(folder, error) from error


def read_checkpoint(folder: Path, names: list[str]) -> tuple[dict[str, dict[str, Tensor]], dict[str, object]]:
    """The tensor files of these names and the state. Raises DamagedError if any file differs from the manifest.

    A file that is not asked for may be missing, as where only the weights were copied; where it is there, it is right.
    """
    contents = whole_files(folder)
    for name in [*(f"{name}.safetensors" for name in names), "state.json"]:
        if name not in contents:
            read_bytes(folder / name)  # says what is wrong with it
    files = {name: f"{name}.safetensors" for name in names}
    tensors = {name: tensors_of(contents[file], folder / file) for name, file in files.items()}
    return tensors, _object(contents["state.json"], folder / "state.json")


def tensors_of(content: bytes, path: Path) -> dict[str, Tensor]:
    """The tensors by name in the content of the safetensors file `path`. Raises DamagedError."""
    try:
        return safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError):  # those of types torch lacks
        raise DamagedError(_damaged(path, "it holds no tensors that can be read")) from None


def whole_files(folder: Path) -> dict[str, bytes]:
    """Every file of a checkpoint, each compared with the manifest. Raises DamagedError."""
    sums = checksums(folder)
    contents = {}
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:  # it was dropped by the process that trains the run
        raise DamagedError(_damaged(folder, "it is gone")) from None
    for path in paths:
        if path.name == MANIFEST or path.name.startswith("."):  # the latter are the system's own
            continue
        contents[path.name] = read_bytes(path)
        if hashlib.sha256(contents[path.name]).hexdigest() != sums.get(path.name):
            raise DamagedError(_damaged(path, "its content is not what was saved"))
    return contents


def checksums(folder: Path) -> dict[str, str]:
    """The SHA-256 of the files of a checkpoint, as its manifest has them. Raises DamagedError."""
    sums = read_json(folder / MANIFEST).get("sha256")
    if not isinstance(sums, dict):
        raise DamagedError(_damaged(folder / MANIFEST, "it lists no checksums"))
    if _manifest(sums) != read_bytes(folder / MANIFEST):
        raise DamagedError(_damaged(folder / MANIFEST, "its content is not what was saved"))
    return sums


def read_json(path: Path) -> dict[str, object]:
    """The object in a JSON file. Raises DamagedError when there is none."""
    return _object(read_bytes(path), path)


def _object(content: bytes, path: Path) -> dict[str, object]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise DamagedError(_damaged(path, "it is not JSON")) from None
    if not isinstance(document, dict):
        raise DamagedError(_damaged(path, "it is not a JSON object"))
    return document


def read_bytes(path: Path) -> bytes:
    """The content of a file of a run. Raises DamagedError where it is missing, RunError where it is out of reach."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if error.errno in GONE:
            raise DamagedError(_damaged(path, reason)) from None
        raise RunError(f"could not read {path}: {reason}.") from None


def could_not_save(path: Path, error: OSError) -> SaveError:
    """The sentence for a file or folder that could not be written."""
    reason = (error.strerror or str(error)).lower()
    return SaveError(
        f"could not save {path}: {reason}. Nothing that was saved before is lost; make room or choose another --out."
    )


def flush_file(path: Path) -> None:
    """Flushes to the disk what was written to a file; makes it where there is none. Raises SaveError."""
    try:
        with path.open("ab") as file:
            os.fsync(file.fileno())
    except OSError as error:
        raise could_not_save(path, error) from error


def flush_folder(folder: Path) -> None:
    """Flushes to the disk which names a folder has."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _manifest(sums: Mapping[str, str]) -> bytes:
    return json.dumps({"sha256": sums}, indent=1).encode()


def _tensor_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    return safetensors.torch.save({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()})


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}{PARTIAL}")


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _damaged(path: Path, what: str) -> str:
    return f"{path} is damaged: {what}.{ADVICE}"
