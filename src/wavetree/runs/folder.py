"""The run folder: all that a run is, complete in itself.

    config.json        every setting, resolved; versions; the digest of what was learnt from; the revision, if any
    codec.json         symbols to ids
    fields.json        what the items carry beside their text; only where they do
    train.txt, validation.txt, test.txt      the items, so that samples can be marked and losses measured again; where
                       there are fields, a tab and a class for each of them follow; a run of a stream has none of these,
                       and config.json says where the stream came from
    metrics.jsonl      a line per logged step
    calibration.json   what held-out items score with the best weights; lists only
    checkpoints/000800/{model,training}.safetensors, state.json, manifest.json
    best, latest       the name of that checkpoint

A run that was published (`wavetree export --to hub`) has model.safetensors in place of checkpoints, and no items.

No file is pickled. Of every file but the log, the pointers and the report a checksum is kept, and compared before it is
used: config.json has those of the codec, the fields and the items, a checkpoint's manifest those of its own files, and
its state that of config.json.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from wavetree.codecs import AlphabetCodec, BytesCodec, Codec, MuLawCodec, codec_from_json
from wavetree.config import Config
from wavetree.data import Fields, Labels, Split
from wavetree.data.split import SIDES
from wavetree.errors import DamagedError, RunError, SaveError
from wavetree.runs.checkpoint import (
    MANIFEST,
    read_bytes,
    read_checkpoint,
    read_json,
    tensors_of,
    write_checkpoint,
    write_file,
)
from wavetree.runs.origin import origin_of

FORMAT = 1
"""The version of this layout. A reader refuses a newer one."""
OURS = {"config.json", "codec.json", "fields.json", "metrics.jsonl", "report.html", "checkpoints", "best", "latest"} | {
    "calibration.json",
    *(f"{side}.txt" for side in SIDES),
}
"""All that a run folder holds."""
CHECKPOINT_NAME = re.compile(r"\d{6,}(-\d)?")
WEIGHTS = "model.safetensors"
"""In the folder of a published run: its one set of weights."""
CODECS = {"items": AlphabetCodec, "text": AlphabetCodec, "bytes": BytesCodec, "audio": MuLawCodec}
"""Which codec each kind of data has."""
CONFIG_SUM = "config_sha256"
"""In the state of a checkpoint: the SHA-256 of the config.json that it was trained by."""


class RunFolder:
    """An existing run folder. Make one with `create`, find one with `open`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(
        cls,
        path: Path,
        config: Config,
        codec: Codec,
        fields: Fields,
        split: Split | None,
        origin: Mapping[str, object],
        force: bool,
    ) -> RunFolder:
        """A new folder with everything but checkpoints. Raises RunError if `path` is taken and `force` is not given.

        `split` are the items of a list, and `origin` says what was learnt from ({"list": ...} or {"corpus": ...}). It
        is made beside its place: a run that it replaces is whole until then, and gone only after that.
        """
        refuse_taken(path, force)
        place = path.resolve()
        beside, aside = (place.with_name(f".{place.name}.{word}") for word in ("new", "old"))
        files = {f"{side}.txt": _lines(split.items(side), split.labels(side)) for side in SIDES} if split else {}
        files["codec.json"] = json_bytes(codec.to_json())
        if fields:
            files["fields.json"] = json_bytes(fields.to_json())
        about = {
            "format": FORMAT,
            "settings": config.model_dump(),
            **origin,
            "sha256": {name: _sha256(content) for name, content in files.items()},
            "made_with": made_with(),
        }
        files |= {"metrics.jsonl": b"", "config.json": json_bytes(about)}
        try:
            for left in (beside, aside):
                shutil.rmtree(left, ignore_errors=True)
            (beside / "checkpoints").mkdir(parents=True)
            for name, content in files.items():
                write_file(beside / name, content)
            if place.exists():
                place.rename(aside)
            beside.rename(place)
            shutil.rmtree(aside, ignore_errors=True)
        except SaveError:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            reason = (error.strerror or str(error)).lower()
            raise SaveError(f"could not make the run folder {path}: {reason}. Choose another --out.") from error
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The run at `path`. Raises RunError if there is none, or one of a newer format."""
        if not (path / "config.json").is_file():
            what = "is a file" if path.is_file() else "holds no run" if path.is_dir() else "does not exist"
            raise RunError(f"{path} {what}: a run is the folder that `wavetree train --out RUN` makes.")
        folder = cls(path)
        found = folder._about().get("format")
        if not isinstance(found, int):
            raise DamagedError(f"{path / 'config.json'} is damaged: it names no format version.")
        if found > FORMAT:
            raise RunError(f"{path} has format {found}, and this version reads up to {FORMAT}: update wavetree.")
        return folder

    def config(self) -> Config:
        """The settings of the run."""
        try:
            return Config.model_validate(self._about().get("settings"))
        except ValidationError as error:
            where = ".".join(["settings", *map(str, error.errors()[0]["loc"])])
            raise DamagedError(f"{self.path / 'config.json'} is damaged: {where} is not valid.") from None

    def origin(self) -> dict[str, Any]:
        """What was learnt from: `sha256`, and for a stream its `sources`."""
        try:
            return origin_of(self._about())
        except ValueError:
            where = self.path / "config.json"
            raise DamagedError(f"{where} is damaged: it does not say what was learnt from.") from None

    def codec(self) -> Codec:
        """Symbols to ids, as the run has them."""
        self._checked("codec.json")
        codec = codec_from_json(read_json(self.path / "codec.json"))
        if not isinstance(codec, CODECS[self.config().data.kind]):
            raise DamagedError(f"{self.path / 'codec.json'} is damaged: {codec.describe()} do not fit config.json.")
        return codec

    @property
    def published(self) -> bool:
        """Whether this is what `wavetree export --to hub` wrote: a model to use, without what it learnt from."""
        return (self.path / WEIGHTS).is_file()

    def items(self, side: str) -> tuple[str, ...]:
        """The items of `train`, `validation` or `test`. Raises RunError for a published run, which has none."""
        if self.published:
            raise RunError(f"{self.path} was published without the items that it learnt from: ask the run itself.")
        lines = self._lines(side)
        return tuple(line.split("\t", 1)[0] for line in lines) if self._has_fields() else tuple(lines)

    def fields(self) -> Fields:
        """What the items carry beside their text; in most runs nothing."""
        if not self._has_fields():
            return Fields()
        self._checked("fields.json")
        return Fields.from_json(read_json(self.path / "fields.json"))

    def labels(self, side: str) -> tuple[Labels, ...]:
        """The labels of the items of a side, parallel to `items`; empty where the run has no fields."""
        if not self._has_fields():
            return ()
        tables = self.fields().tables
        rows = tuple(tuple(line.split("\t")[1:]) for line in self._lines(side))
        known = [set(classes) for _, classes in tables]
        if any(len(row) != len(known) or any(map(_lacks, known, row)) for row in rows):
            raise DamagedError(_altered(self.path / f"{side}.txt"))
        return rows

    def log(self, lines: Sequence[Mapping[str, object]]) -> None:
        """Adds lines to metrics.jsonl. Raises SaveError."""
        try:
            with (self.path / "metrics.jsonl").open("a") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)
        except OSError as error:
            raise SaveError(f"could not write {self.path / 'metrics.jsonl'}: {error.strerror}.") from error

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl. What a sudden death cut short is left out: a log is no reason to refuse a run."""
        lines = []
        for line in read_bytes(self.path / "metrics.jsonl").decode(errors="replace").split("\n"):
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict) and isinstance(found.get("step"), int):
                lines.append(found)
        return lines

    def cut_log(self, step: int) -> None:
        """Drops the lines that lie after `step`: a resumed run writes them again."""
        kept = [line for line in self.metrics() if line["step"] <= step]
        write_file(self.path / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in kept).encode())

    def save(
        self, step: int, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, object], best: bool
    ) -> None:
        """Writes the checkpoint of `step`; only then points `best` (if it is) and `latest` to it; then drops others.

        A folder that something points to is never touched, so that a death at any point leaves what was there.
        """
        checkpoints = self.path / "checkpoints"
        pointed = self._all_pointed()
        name = next(n for n in (f"{step:06d}", f"{step:06d}-2", f"{step:06d}-3") if n not in pointed)
        shutil.rmtree(checkpoints / name, ignore_errors=True)  # left by a death before anything pointed to it
        settings = _sha256(read_bytes(self.path / "config.json"))
        write_checkpoint(checkpoints / name, tensors, {**state, CONFIG_SUM: settings})
        for pointer in ["best", "latest"] if best else ["latest"]:
            write_file(self.path / pointer, f"{name}\n".encode())
        kept = self._all_pointed()
        for other in checkpoints.iterdir():
            if other.name not in kept:
                shutil.rmtree(other, ignore_errors=True)

    def load(self, which: str, names: list[str]) -> tuple[dict[str, dict[str, Tensor]], dict[str, object]]:
        """The `best` or `latest` checkpoint: its tensors by file, its state. Raises RunError if there is none yet."""
        if self.published:
            if names != ["model"]:
                raise RunError(f"{self.path} is a published run, which is there to be used: train a run of your own.")
            return {"model": tensors_of(self._checked(WEIGHTS), self.path / WEIGHTS)}, {}
        if not self.has_checkpoint():
            raise RunError(f"{self.path} has no checkpoint yet: `wavetree train --out {self.path} --resume` begins it.")
        tensors, state = read_checkpoint(self.path / "checkpoints" / self._pointed(which), names)
        if state.pop(CONFIG_SUM, None) != _sha256(read_bytes(self.path / "config.json")):
            raise DamagedError(_altered(self.path / "config.json"))
        return tensors, state

    def weights(self) -> bytes:
        """The file of the best weights. Raises RunError for a published run, which has no more than those to give."""
        if self.published:
            raise RunError(f"{self.path} is a published run already: copy the folder.")
        self.load("best", ["model"])  # compares its checksum
        return read_bytes(self.path / "checkpoints" / self._pointed("best") / WEIGHTS)

    def digest(self, which: str) -> str:
        """The SHA-256 of the weights of the `best` or `latest` checkpoint, as its manifest has it."""
        if self.published:
            return _sha256(read_bytes(self.path / WEIGHTS))
        sums = read_json(self.path / "checkpoints" / self._pointed(which) / MANIFEST).get("sha256")
        return str(sums.get("model.safetensors")) if isinstance(sums, dict) else ""

    def write(self, name: str, content: bytes) -> None:
        """Writes a file of the folder whole or not at all. Raises SaveError."""
        write_file(self.path / name, content)

    def has_checkpoint(self) -> bool:
        """Whether there is anything to load."""
        return (self.path / "latest").exists()

    def _pointed(self, which: str) -> str:
        name = read_bytes(self.path / which).decode(errors="replace").strip()
        if not CHECKPOINT_NAME.fullmatch(name):
            raise DamagedError(f"{self.path / which} is damaged: it should name a checkpoint, such as 000800.")
        return name

    def _all_pointed(self) -> set[str]:
        return {self._pointed(which) for which in ("best", "latest") if (self.path / which).exists()}

    def _checked(self, name: str) -> bytes:
        """The content of a file that config.json has the checksum of."""
        sums, content = self._about().get("sha256"), read_bytes(self.path / name)
        if not isinstance(sums, dict) or sums.get(name) != _sha256(content):
            raise DamagedError(_altered(self.path / name))
        return content

    def _lines(self, side: str) -> list[str]:
        try:
            return self._checked(f"{side}.txt").decode().split("\n")[:-1]
        except UnicodeDecodeError:
            raise DamagedError(_altered(self.path / f"{side}.txt")) from None

    def _has_fields(self) -> bool:
        sums = self._about().get("sha256")
        return isinstance(sums, dict) and "fields.json" in sums

    def _about(self) -> dict[str, object]:
        return read_json(self.path / "config.json")


def refuse_taken(path: Path, force: bool) -> None:
    """Raises RunError if a run cannot be made at `path`: something is there, and `force` does not apply to it."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not _is_run(path):
        raise RunError(f"{path} is there already and is no run: it is left alone. Choose another --out.")
    if not force:
        raise RunError(f"{path} holds a run: go on with it (--resume), replace it (--force) or choose another --out.")
    foreign = sorted(entry.name for entry in path.iterdir() if entry.name not in OURS)
    if foreign:
        raise RunError(f"{path} holds more than a run, {foreign[0]!r}: move that away before --force replaces the run.")
    if Path.cwd().is_relative_to(path.resolve()):
        raise RunError(f"{path} is the folder you are in: leave it before --force replaces it.")


def _is_run(path: Path) -> bool:
    """Whether this is a folder that `create` made."""
    try:
        about = read_json(path / "config.json")
    except DamagedError:
        return False
    versions = about.get("made_with")
    return isinstance(versions, dict) and "wavetree" in versions and (path / "checkpoints").is_dir()


def made_with() -> dict[str, str]:
    """The versions and the machine that decide whether a run repeats to the last bit."""
    versions = {"wavetree": version("wavetree"), "torch": torch.__version__, "numpy": np.__version__}
    about = {**versions, "python": platform.python_version(), "machine": platform.machine()}
    return {**about, "revision": revision} if (revision := _git_revision()) else about


def _git_revision() -> str | None:
    """The revision of wavetree itself, where it is used from a checkout."""
    checkout = Path(__file__).parents[3]
    if not (checkout / ".git").exists():
        return None
    try:
        asked = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None


def _lacks(classes: set[str], label: str) -> bool:
    return label not in classes


def _lines(items: Sequence[str], labels: Sequence[Labels]) -> bytes:
    rows = zip(items, labels, strict=True) if labels else ((item, ()) for item in items)
    return "".join("\t".join((item, *told)) + "\n" for item, told in rows).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _altered(path: Path) -> str:
    return f"{path} is damaged: its content is not what was saved. Copy the run again from its source."


def json_bytes(document: Mapping[str, object]) -> bytes:
    """JSON as the files of a run have it."""
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
