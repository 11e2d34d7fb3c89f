"""Tiny runs whose files are replaced one by one, with checksums that tell of it or, as if all was meant so, do not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


class Spoilable:
    """A run folder that is whole again after every case."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pristine = {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}

    def content(self, name: str) -> bytes:
        """What a file holds when nothing is wrong."""
        return self.pristine[name]

    @property
    def checkpoint(self) -> str:
        """The folder of the checkpoint that `best` and `latest` point to; a published run has none."""
        return "." if "latest" not in self.pristine else f"checkpoints/{self.content('latest').decode().strip()}"

    @contextmanager
    def holding(self, files: Mapping[str, bytes], sealed: bool) -> Iterator[Path]:
        """The run with other files in it. `sealed`: every checksum is that of what is there."""
        try:
            for name, content in files.items():
                (self.path / name).write_bytes(content)
            if sealed:
                self._seal()
            yield self.path
        finally:
            for file in self.path.rglob("*"):
                name = str(file.relative_to(self.path))
                if file.is_file() and name not in self.pristine:
                    file.unlink()
            for name, content in self.pristine.items():
                file = self.path / name
                if not file.exists() or file.read_bytes() != content:
                    file.write_bytes(content)

    def _seal(self) -> None:
        checkpoint = self.path / self.checkpoint
        _seal(self.path / "config.json", lambda about: _sums(about, self.path))
        config = _sum(self.path / "config.json")
        _seal(checkpoint / "state.json", lambda state: state | {"config_sha256": config})
        _seal(checkpoint / "manifest.json", lambda manifest: _sums(manifest, checkpoint))


def _sums(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    return document | {"sha256": {name: _sum(folder / name) for name in document["sha256"]}}


def _seal(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Changes a JSON file; not where it is none any more, or has no checksums in it."""
    with suppress(ValueError, TypeError, KeyError, RecursionError, OSError):
        path.write_bytes(json.dumps(change(json.loads(path.read_bytes())), indent=1).encode())


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
