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
    best, latest       the name of one of the checkpoints
    lock               held by the process that works on the run, as long as it lives

A run that was published (`wavetree export --to hub`) has model.safetensors in place of checkpoints, and no items.

No file is pickled. Of every file but the log, the pointers and the report a checksum is kept, and compared before it is
used: config.json has those of the codec, the fields and the items, a checkpoint's manifest those of its own files, and
its state that of config.json.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from wavetree.codecs import AlphabetCodec, BytesCodec, Codec, MuLawCodec, codec_from_json
from wavetree.config import Config
from wavetree.data import Fields, Labels
from wavetree.data.split import SIDES
from wavetree.errors import DamagedError, RunError, SaveError
from wavetree.runs.checkpoint import ADVICE, flush_file, read_bytes, read_json, tensors_of, write_file
from wavetree.runs.checkpoints import Checkpoints, State, Tensors
from wavetree.runs.environment import here
from wavetree.runs.lock import alone
from wavetree.runs.origin import origin_of

FORMAT = 2
"""The version of this layout. A reader refuses a newer one. 2: settings say which checkpoints are written and kept."""
OURS = {"config.json", "codec.json", "fields.json", "metrics.jsonl", "report.html", "checkpoints", "best", "latest"} | {
    "calibration.json",
    "lock",
    *(f"{side}.txt" for side in SIDES),
}
"""All that a run folder holds."""
WEIGHTS = "model.safetensors"
"""In the folder of a published run: its one set of weights."""
CODECS = {"items": AlphabetCodec, "text": AlphabetCodec, "bytes": BytesCodec, "audio": MuLawCodec}
"""Which codec each kind of data has."""
CONFIG_SUM = "config_sha256"
"""In the state of a checkpoint: the SHA-256 of the config.json that it was trained by."""
MADE_WITH = "made_with"
"""In the state of a checkpoint: the versions and the machine that it was trained with."""


class RunFolder:
    """An existing run folder. `create_run` makes one, `open` finds one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = Checkpoints(path)

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
        """The lines of metrics.jsonl. What is missing or cut short is left out: a log is no reason to refuse a run."""
        lines: list[dict[str, Any]] = []
        if not (self.path / "metrics.jsonl").exists():
            return lines
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
        self,
        step: int,
        tensors: Mapping[str, Mapping[str, Tensor]],
        state: Mapping[str, object],
        best: bool = False,
        keep_last: int = 1,
        device: str = "cpu",
    ) -> None:
        """Writes the checkpoint of `step`, which is the latest now, and the best if it is; drops what is not kept.

        The log is flushed to the disk before it: what it holds up to `step` is as safe as the checkpoint. `device` is
        where the steps were taken. Raises SaveError.
        """
        flush_file(self.path / "metrics.jsonl")
        told = {CONFIG_SUM: sha256(read_bytes(self.path / "config.json")), MADE_WITH: here(device)}
        self.checkpoints.save(step, tensors, {**state, **told}, best, keep_last)

    def load(self, which: str, names: list[str]) -> tuple[Tensors, State]:
        """The `best` or `latest` checkpoint: its tensors by file, its state. Raises RunError if there is none yet."""
        if self.published:
            if names != ["model"]:
                raise RunError(f"{self.path} is a published run, which is there to be used: train a run of your own.")
            return {"model": tensors_of(self._checked(WEIGHTS), self.path / WEIGHTS)}, {}
        if not (self.path / which).exists():
            found = "was not measured yet" if self.has_checkpoint() else "has no checkpoint yet"
            raise RunError(f"{self.path} {found}: `wavetree train --out {self.path} --resume` goes on with it.")
        tensors, state = self.checkpoints.load(which, names)
        return tensors, self._of_this_config(state)

    def newest(self, names: list[str]) -> tuple[Tensors, State, list[str]]:
        """The latest checkpoint that is whole, as `load` has it, and a sentence for each later one that is not.

        Raises DamagedError if none is.
        """
        tensors, state, damaged = self.checkpoints.newest(names)
        return tensors, self._of_this_config(state), [str(error).removesuffix(ADVICE) for error in damaged]

    def whole(self, name: str) -> None:
        """Compares every file of the checkpoint `name`, and its settings with those here. Raises DamagedError."""
        self._of_this_config(self.checkpoints.whole(name))

    def whole_config(self) -> None:
        """Compares config.json with what the checkpoints know of it, those that are whole. Raises DamagedError."""
        self.config()
        for name in self.checkpoints.names():
            with suppress(DamagedError):
                state = self.checkpoints.whole(name)
                break
        else:
            return
        self._of_this_config(state)

    def best_whole(self, step: int) -> tuple[str, float] | None:
        """Of the checkpoints up to `step` that are whole, the one with the lowest loss in the log; and that loss."""
        lines = [(line["step"], line.get("val_nll")) for line in self.metrics()]
        losses = {at: loss for at, loss in lines if isinstance(loss, float) and math.isfinite(loss)}
        checked = [(losses[at], name) for name, at in self.checkpoints.steps().items() if at <= step and at in losses]
        for loss, name in sorted(checked):
            with suppress(DamagedError):
                self.whole(name)
                return name, loss
        return None

    def _of_this_config(self, state: State) -> State:
        if state.pop(CONFIG_SUM, None) != sha256(read_bytes(self.path / "config.json")):
            raise DamagedError(_altered(self.path / "config.json"))
        state.setdefault(MADE_WITH, self._about().get("made_with", {}))  # older checkpoints do not say
        return state

    def weights(self) -> bytes:
        """The file of the best weights. Raises RunError for a published run, which has no more than those to give."""
        if self.published:
            raise RunError(f"{self.path} is a published run already: copy the folder.")
        self.load("best", ["model"])  # compares its checksum
        return read_bytes(self.checkpoints.place / self.checkpoints.pointed("best") / WEIGHTS)

    def digest(self, which: str) -> str:
        """The SHA-256 of the weights of the `best` or `latest` checkpoint, as its manifest has it."""
        if self.published:
            return sha256(read_bytes(self.path / WEIGHTS))
        return self.checkpoints.digest(which)

    def write(self, name: str, content: bytes) -> None:
        """Writes a file of the folder whole or not at all. Raises SaveError."""
        write_file(self.path / name, content)

    def has_checkpoint(self) -> bool:
        """Whether there is anything to load."""
        return self.checkpoints.exist()

    def alone(self) -> AbstractContextManager[None]:
        """In here no other process may train, replace or prune the run. Raises RunError where one does."""
        if self.published:
            raise RunError(f"{self.path} is a published run, which is there to be used: train a run of your own.")
        return alone(self.path)

    def _checked(self, name: str) -> bytes:
        """The content of a file that config.json has the checksum of."""
        sums, content = self._about().get("sha256"), read_bytes(self.path / name)
        if not isinstance(sums, dict) or sums.get(name) != sha256(content):
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


def _lacks(classes: set[str], label: str) -> bool:
    return label not in classes


def sha256(content: bytes) -> str:
    """In hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _altered(path: Path) -> str:
    return f"{path} is damaged: its content is not what was saved. Copy the run again from its source."


def json_bytes(document: Mapping[str, object]) -> bytes:
    """JSON as the files of a run have it."""
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
