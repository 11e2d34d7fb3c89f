"""Which runs there are, how large they are, and whether all of their files are what was saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wavetree.data.split import SIDES
from wavetree.errors import DamagedError, RunError
from wavetree.runs.checkpoint import ADVICE, PARTIAL
from wavetree.runs.checkpoints import POINTERS
from wavetree.runs.create import clear_left
from wavetree.runs.folder import RunFolder
from wavetree.runs.lock import is_busy


@dataclass(frozen=True)
class Part:
    """A part of a run: a file, a checkpoint, or a pointer to one. `damage` is a sentence, or nothing."""

    name: str
    bytes: int
    damage: str


@dataclass(frozen=True)
class Health:
    """A run at a glance. `best` in nats a symbol; `step` and `steps` are 0 where no checkpoint can be read."""

    run: str
    bytes: int
    step: int
    steps: int
    best: float | None
    busy: bool
    damaged: tuple[str, ...]

    @property
    def state(self) -> str:
        """In a word or two."""
        if self.damaged:
            return f"damaged: {', '.join(self.damaged)}"
        if self.busy:
            return "at work"
        return "complete" if self.steps and self.step == self.steps else "stopped" if self.steps else "not begun"


def parts_of(folder: RunFolder) -> list[Part]:
    """Every part of a run that there is a checksum of, compared with it. Raises RunError for what is out of reach."""
    found = [_part(folder, "config.json", folder.config if folder.published else folder.whole_config)]
    if not found[0].damage:  # it has the checksums of these
        found.append(_part(folder, "codec.json", folder.codec))
        if folder.config().data.kind == "items" and not folder.published:
            found += [_part(folder, f"{side}.txt", partial(folder.items, side)) for side in SIDES]
        if (folder.path / "fields.json").exists():
            found.append(_part(folder, "fields.json", folder.fields))
    if folder.published:
        return [*found, _part(folder, "model.safetensors", partial(folder.load, "best", ["model"]))]
    for name in folder.checkpoints.names():
        found.append(_part(folder, f"checkpoints/{name}", partial(folder.checkpoints.whole, name)))
    for which in POINTERS:
        if (folder.path / which).exists():
            found.append(_part(folder, which, partial(folder.checkpoints.pointed, which)))
    return found


def health_of(folder: RunFolder) -> Health:
    """All of `parts_of`, and how far the run is."""
    damaged = tuple(part.name for part in parts_of(folder) if part.damage)
    step = steps = 0
    best: float | None = None
    if folder.has_checkpoint() and not folder.published:
        try:
            _, state, _ = folder.newest([])
            step, steps = int(str(state["step"])), int(str(state["steps"]))
            best = float(str(state["best"]))
        except (DamagedError, KeyError, ValueError):
            pass
    return Health(str(folder.path), _size(folder.path), step, steps, best, is_busy(folder.path), damaged)


def runs_in(place: Path) -> list[RunFolder]:
    """The runs in a folder, and in the folders in it, by name. Raises RunError if there is no such folder."""
    if not place.is_dir():
        raise RunError(f"{place} is no folder. `wavetree train` makes runs; `wavetree runs FOLDER` looks elsewhere.")
    found = []
    for path in sorted({config.parent for depth in ("", "*/", "*/*/") for config in place.glob(f"{depth}config.json")}):
        if path.name.startswith(".") or not (path / "checkpoints").is_dir():
            continue
        try:
            found.append(RunFolder.open(path))
        except (RunError, DamagedError):  # of a newer format, or not even that can be told
            found.append(RunFolder(path))
    return found


def prune(folder: RunFolder) -> int:
    """Removes the checkpoints that are neither the best nor the latest, and what was left half written. Bytes freed.

    Raises DamagedError where a checkpoint that is to stay is damaged: one of the others may have to serve for it.
    RunError where another process works on the run.
    """
    with folder.alone():
        for which in POINTERS:
            if (folder.path / which).exists():
                folder.whole(folder.checkpoints.pointed(which))
        before = _size(folder.path)
        if (folder.path / "latest").exists():
            folder.checkpoints.drop(1)
        for left in folder.path.glob(f".*{PARTIAL}"):
            left.unlink(missing_ok=True)
        place = folder.path.resolve()
        for word in ("new", "old"):
            beside = place.with_name(f".{place.name}.{word}")
            if beside.exists():
                before += _size(beside)
                clear_left(beside)
        return before - _size(folder.path)


def _part(folder: RunFolder, name: str, check: Callable[[], object]) -> Part:
    path = folder.path / name
    try:
        check()
        damage = ""
    except DamagedError as error:
        damage = str(error).removesuffix(ADVICE)
    return Part(name, _size(path), damage)


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
