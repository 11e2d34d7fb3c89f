"""Runs by their ids. An id is looked up among the runs that there are, and never becomes a path."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from wavetree.api import given_by
from wavetree.codecs import AlphabetCodec
from wavetree.errors import WavetreeError
from wavetree.export.document import model_document
from wavetree.generate import Known
from wavetree.models import outline, parameter_count
from wavetree.runs import RunFolder, Trained, given_size, load
from wavetree.runs.folder import WEIGHTS
from wavetree.score import Calibration, Threshold, calibration_of
from wavetree.serve.limits import most
from wavetree.serve.refusals import Refusal

T = TypeVar("T")
RUN_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_ID = re.compile(RUN_ID[:-1] + r"\Z")
KEPT_THRESHOLDS = 64
TRIES = 3
"""A run that trains may replace its checkpoint while it is read."""


@dataclass(frozen=True)
class Loaded:
    """A run in memory, under its id; `version` changes with its weights."""

    id: str
    version: str
    trained: Trained

    @property
    def key(self) -> tuple[str, str]:
        """What requests must share to go through the model together."""
        return self.id, self.version

    @cached_property
    def known(self) -> Known:
        """Where its items are known from; a published run cannot tell."""
        if self.trained.folder.published:
            return Known(None)
        train, *held_out = (self.trained.folder.items(side) for side in ("train", "validation", "test"))
        return Known(train, [item for side in held_out for item in side])

    @cached_property
    def document(self) -> bytes:
        """What the page runs the model from. Raises RunError for a model that it cannot run."""
        return json.dumps(model_document(self.trained), separators=(",", ":")).encode()

    @cached_property
    def _calibrations(self) -> dict[bool, Calibration]:
        return {}

    def calibration(self, told: bool) -> Calibration:
        """What held-out items score, where some condition is `told` or none is."""
        if told not in self._calibrations:
            self._calibrations[told] = calibration_of(self.trained, told, keep=False)[0]
        return self._calibrations[told]

    @cached_property
    def untold(self) -> Tensor | None:
        """The numbers of a condition that says nothing."""
        return given_by(self.trained, "")

    @cached_property
    def _is_list(self) -> bool:
        return self.trained.of_items

    @cached_property
    def _thresholds(self) -> dict[tuple[bool, float], Threshold]:
        return {}

    def threshold(self, told: bool, fpr: float) -> Threshold:
        """Where to flag. The last ones are kept: an interval takes milliseconds, a score does not."""
        key = told, fpr
        if key not in self._thresholds:
            if len(self._thresholds) >= KEPT_THRESHOLDS:
                self._thresholds.clear()
            self._thresholds[key] = self.calibration(told).threshold(fpr)
        return self._thresholds[key]

    @property
    def alphabet(self) -> AlphabetCodec:
        """Raises Refusal for a run of sound or bytes."""
        if not isinstance(self.trained.codec, AlphabetCodec):
            raise Refusal("wrong_kind", "this run has no alphabet: it learnt bytes or sound.")
        return self.trained.codec

    def of_items(self) -> None:
        """Raises Refusal for the run of a stream."""
        if not self._is_list:
            raise Refusal("wrong_kind", "this run learnt a text or sound, and this is for runs of lists.")


class Shelf:
    """The runs in `folder`, and `chosen`, which may lie elsewhere and comes first."""

    def __init__(self, folder: Path, chosen: Path | None = None) -> None:
        self.folder = folder
        self._chosen = chosen
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def default(self) -> str | None:
        """The id of the run to show first."""
        return next(iter(self.paths()), None)

    def paths(self) -> dict[str, Path]:
        """Every run by its id: the chosen one, then the newest first."""
        found: dict[str, Path] = {}
        if self._chosen is not None:
            name = re.sub(r"[^A-Za-z0-9._-]", "-", self._chosen.resolve().name).lstrip("._-")[: most("name")]
            found[name or "run"] = self._chosen
        try:
            entries = [entry for entry in self.folder.iterdir() if _ID.match(entry.name)]
        except OSError:
            return found
        runs = [(_changed(entry), entry) for entry in entries if (entry / "config.json").is_file()]
        for _, entry in sorted(runs, key=lambda pair: (-pair[0], pair[1].name)):
            if self._chosen is None or entry.resolve() != self._chosen.resolve():
                found.setdefault(entry.name, entry)
        return found

    def path(self, run: str) -> Path:
        """Raises Refusal for an id that no run has."""
        found = self.paths().get(run) if _ID.match(run) else None
        if found is None:
            raise Refusal("not_found", "there is no run of this id: /api/runs lists them.")
        return found

    def free_name(self, wish: str) -> str:
        """The wish, or the next of `wish-2`, `wish-3` ... that nothing has."""
        for number in range(1, 10_000):
            ending = f"-{number}" if number > 1 else ""
            name = wish[: most("name") - len(ending)] + ending
            if not (self.folder / name).exists() and name not in self.paths():
                return name
        raise Refusal("invalid", "all names like this one are taken.", "name")

    def load(self, run: str) -> Loaded:
        """The run with its best weights, kept in memory until they change. Raises Refusal."""
        path = self._chosen if self._is_chosen(run) else None
        path = path or self.path(run)
        return _steadily(lambda: self._load(run, path))

    def _load(self, run: str, path: Path) -> Loaded:
        folder = RunFolder(path)
        if not (folder.published or folder.has_checkpoint()):
            raise Refusal("no_checkpoint", "this run has saved nothing yet: wait for its first check.")
        version = _version(path)
        with self._lock:
            held = self._loaded.get(run)
            if held is not None and held.version == version:
                self._loaded.move_to_end(run)
                return held
        made = Loaded(run, version, load(path))
        with self._lock:
            self._loaded[run] = made
            while len(self._loaded) > most("loaded"):
                self._loaded.popitem(last=False)
        return made

    def held(self, run: str) -> Loaded | None:
        """The run, if it is in memory with the weights that it has now; two looks at a file's date."""
        held = self._loaded.get(run)
        return held if held is not None and held.version == _version(held.trained.folder.path) else None

    def _is_chosen(self, run: str) -> bool:
        return self._chosen is not None and next(iter(self.paths()), None) == run

    def about(self, run: str, path: Path) -> dict[str, Any]:
        """What the list of runs tells of one. Raises WavetreeError for a damaged one."""
        folder = RunFolder.open(path)
        config, codec = folder.config(), folder.codec()
        model = outline(config.model, codec.vocab_size, given_size(folder))
        lines = [] if folder.published else folder.metrics()
        checks = [line["val_nll"] for line in lines if "val_nll" in line]
        progress = [line for line in lines if "loss" in line]
        saved = folder.has_checkpoint()
        state = _steadily(lambda: folder.load("latest", [])[1]) if saved else {}
        step, steps = state.get("step", 0), state.get("steps", progress[-1]["steps"] if progress else 0)
        return {
            "id": run,
            "kind": config.data.kind,
            "model": config.model.kind,
            "parameters": parameter_count(model),
            "receptive_field": model.receptive_field,
            "levels": getattr(config.model, "levels", None),
            "ready": saved or folder.published,
            "complete": step == steps and (saved or folder.published),
            "step": step,
            "steps": steps,
            "val_nll": min(checks, default=None),
        }

    def details(self, run: str, path: Path) -> dict[str, Any]:
        """All of that, and what it was made of and how it went."""
        folder = RunFolder.open(path)
        codec, lines = folder.codec(), [] if folder.published else folder.metrics()
        of_items = folder.config().data.kind == "items" and not folder.published
        sides = ("train", "validation", "test")
        return self.about(run, path) | {
            "alphabet": codec.symbols if isinstance(codec, AlphabetCodec) else None,
            "vocab_size": codec.vocab_size,
            "fields": [{"name": name, "classes": list(classes)} for name, classes in folder.fields().tables],
            "items": {side: len(folder.items(side)) for side in sides} if of_items else None,
            "settings": folder.config().model_dump(mode="json"),
            "progress": [line for line in lines if "loss" in line],
            "checks": [line for line in lines if "val_nll" in line],
        }


def _steadily(look: Callable[[], T]) -> T:
    """What `look` finds; it looks again where a training may have replaced the checkpoint under its eyes."""
    for _ in range(TRIES - 1):
        with suppress(WavetreeError, OSError):
            return look()
    return look()


def _version(path: Path) -> str:
    """By which one notices new weights."""
    for name in ("best", WEIGHTS):
        with suppress(OSError):
            about = (path / name).stat()
            return f"{about.st_mtime_ns:x}-{about.st_ino:x}"
    return ""


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
