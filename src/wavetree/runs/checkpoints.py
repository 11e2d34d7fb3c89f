"""The checkpoints of a run: which there are, which of them `best` and `latest` are, and which are kept.

    checkpoints/000800/      what was saved after step 800
    best, latest             the name of one of them

A folder that is pointed to is never touched: a new checkpoint gets a folder of its own, the pointers move after it, and
only then are others dropped. So a death at any point leaves what was there.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from wavetree.errors import DamagedError
from wavetree.runs.checkpoint import (
    PARTIAL,
    checksums,
    could_not_save,
    read_bytes,
    read_checkpoint,
    write_checkpoint,
    write_file,
)

POINTERS = ("best", "latest")
NAME = re.compile(r"(\d{6,})(?:-(\d))?")

Tensors = dict[str, dict[str, Tensor]]
State = dict[str, object]


class Checkpoints:
    """Those of the run folder `run`."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.place = run / "checkpoints"

    def names(self) -> list[str]:
        """Those that there are, by step."""
        if not self.place.is_dir():
            return []
        return sorted((path.name for path in self.place.iterdir() if NAME.fullmatch(path.name)), key=_order)

    def steps(self) -> dict[str, int]:
        """The steps of those that there are, by name."""
        return {name: _order(name)[0] for name in self.names()}

    def save(
        self,
        step: int,
        tensors: Mapping[str, Mapping[str, Tensor]],
        state: Mapping[str, object],
        best: bool,
        keep_last: int = 1,
    ) -> None:
        """Writes the checkpoint of `step`, points `latest` to it, and `best` if it is; drops what is not kept.

        Kept are the two that are pointed to and the last `keep_last` steps. Raises SaveError.
        """
        try:
            pointed = self._all_pointed()
            name = next(n for n in (f"{step:06d}", f"{step:06d}-2", f"{step:06d}-3") if n not in pointed)
            shutil.rmtree(self.place / name, ignore_errors=True)  # left by a death before anything pointed to it
            write_checkpoint(self.place / name, tensors, state)
            for pointer in POINTERS if best else POINTERS[1:]:
                self.point(pointer, name)
            self.drop(keep_last)
        except OSError as error:
            raise could_not_save(self.place, error) from error

    def point(self, which: str, name: str) -> None:
        """Lets `best` or `latest` point to `name`. Raises SaveError."""
        try:
            write_file(self.run / which, f"{name}\n".encode())
        except OSError as error:
            raise could_not_save(self.run, error) from error

    def drop(self, keep_last: int) -> None:
        """Removes all but what is pointed to and the last `keep_last` steps up to `latest`; what was left half done."""
        pointed = self._all_pointed()
        now = _order(self.pointed("latest"))[0]
        before = {step: name for name, step in self.steps().items() if step < now}
        kept = pointed | {before[step] for step in sorted(before, reverse=True)[: keep_last - 1]}
        for other in self.place.iterdir():
            ours = NAME.fullmatch(other.name) or (other.name.startswith(".") and other.name.endswith(PARTIAL))
            if ours and other.name not in kept:  # what else lies there was put there by somebody, and is theirs
                shutil.rmtree(other, ignore_errors=True)

    def load(self, which: str, names: list[str]) -> tuple[Tensors, State]:
        """The `best` or `latest` one: its tensors by file, its state. Raises DamagedError."""
        return read_checkpoint(self.place / self.pointed(which), names)

    def whole(self, name: str) -> State:
        """Compares every file of the one of this name; its state. Raises DamagedError."""
        return read_checkpoint(self.place / name, [])[1]

    def newest(self, names: list[str]) -> tuple[Tensors, State, list[DamagedError]]:
        """The latest one, or the newest before it that is whole; and what is wrong with those that are not.

        Raises DamagedError if none is.
        """
        damaged: list[DamagedError] = []
        for name in self._candidates(damaged):
            try:
                return *read_checkpoint(self.place / name, names), damaged
            except DamagedError as error:
                damaged.append(error)
        raise damaged[0]

    def _candidates(self, damaged: list[DamagedError]) -> list[str]:
        """Where to look for the newest one, the likeliest first. Adds what is wrong with the pointer to `damaged`."""
        names = self.names()[::-1]
        if not (self.run / "latest").exists():  # a death came before it
            return names
        try:
            latest = self.pointed("latest")
        except DamagedError as error:
            damaged.append(error)
            return names
        return [latest, *(name for name in names if _order(name) < _order(latest))]

    def exist(self) -> bool:
        """Whether there is anything to load."""
        return (self.run / "latest").exists() or bool(self.names())

    def digest(self, which: str) -> str:
        """The SHA-256 of the weights of the `best` or `latest` one, as its manifest has it."""
        return str(checksums(self.place / self.pointed(which)).get("model.safetensors"))

    def pointed(self, which: str) -> str:
        """The name that `best` or `latest` has, if there is such a checkpoint. Raises DamagedError."""
        name = read_bytes(self.run / which).decode(errors="replace").strip()
        if not NAME.fullmatch(name):
            raise DamagedError(f"{self.run / which} is damaged: it should name a checkpoint, such as 000800.")
        if not (self.place / name).is_dir():
            raise DamagedError(f"{self.run / which} is damaged: there is no checkpoint {name}.")
        return name

    def _all_pointed(self) -> set[str]:
        """What is pointed to. A pointer that is damaged points to nothing."""
        found = set()
        for which in POINTERS:
            if (self.run / which).exists():
                try:
                    found.add(self.pointed(which))
                except DamagedError:
                    continue
        return found


def _order(name: str) -> tuple[int, int]:
    """Its step, and which of several of that step it is."""
    matched = NAME.fullmatch(name)
    assert matched
    return int(matched[1]), int(matched[2] or 1)
