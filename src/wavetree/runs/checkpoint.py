"""Checkpoints: folders that are either whole or not there.

A checkpoint is written beside its place, every file and the folder flushed to the disk, and then renamed into place.
`manifest.json` holds the SHA-256 of every other file, and nothing is used before it has been compared.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from wavetree.errors import DamagedError, SaveError

MANIFEST = "manifest.json"


def write_file(path: Path, content: bytes) -> None:
    """Writes `path` whole or not at all: beside it, flushed, renamed. Raises SaveError."""
    beside = path.with_name(f".{path.name}.partial")
    try:
        _write(beside, content)
        beside.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise SaveError(_could_not_save(path, error)) from error


def write_checkpoint(folder: Path, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, object]) -> None:
    """Writes the checkpoint `folder`, which must not exist: a safetensors file for each entry of `tensors`, state.json.

    Raises SaveError.
    """
    beside = folder.with_name(f".{folder.name}.partial")
    files = {f"{name}.safetensors": _tensor_bytes(group) for name, group in tensors.items()}
    files["state.json"] = json.dumps(state, indent=1).encode()
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    files[MANIFEST] = json.dumps({"sha256": sums}, indent=1).encode()
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        for name, content in files.items():
            _write(beside / name, content)
        _flush_folder(beside)
        beside.rename(folder)
        _flush_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise SaveError(_could_not_save(folder, error)) from error


def read_checkpoint(folder: Path, names: list[str]) -> tuple[dict[str, dict[str, Tensor]], dict[str, object]]:
    """The tensor files of these names and the state. Raises DamagedError if any file differs from the manifest."""
    manifest = read_json(folder / MANIFEST)
    sums = manifest.get("sha256")
    if not isinstance(sums, dict):
        raise DamagedError(_damaged(folder / MANIFEST, "it lists no checksums"))
    contents = {}
    for name in [*(f"{name}.safetensors" for name in names), "state.json"]:
        contents[name] = read_bytes(folder / name)
        if hashlib.sha256(contents[name]).hexdigest() != sums.get(name):
            raise DamagedError(_damaged(folder / name, "its content is not what was saved"))
    files = {name: f"{name}.safetensors" for name in names}
    tensors = {name: tensors_of(contents[file], folder / file) for name, file in files.items()}
    return tensors, _object(contents["state.json"], folder / "state.json")


def tensors_of(content: bytes, path: Path) -> dict[str, Tensor]:
    """The tensors by name in the content of the safetensors file `path`. Raises DamagedError."""
    try:
        return safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError):  # those of types torch lacks
        raise DamagedError(_damaged(path, "it holds no tensors that can be read")) from None


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
    """The content of a file of a run. Raises DamagedError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DamagedError(_damaged(path, (error.strerror or str(error)).lower())) from None


def _tensor_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    return safetensors.torch.save({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()})


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _could_not_save(path: Path, error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"could not save {path}: {reason}. Nothing that was saved before is lost; make room or choose another --out."


def _damaged(path: Path, what: str) -> str:
    return f"{path} is damaged: {what}. Copy it again from its source, or train the run anew with --force."
