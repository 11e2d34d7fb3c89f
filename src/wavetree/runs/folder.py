"""The run folder: all that a run is, complete in itself.

    config.json        every setting, resolved; versions; the list's digest; the revision, where there is one
    codec.json         the alphabet
    train.txt, validation.txt, test.txt      the items, so that samples can be marked and losses measured again
    metrics.jsonl      a line per logged step
    checkpoints/000800/{model,training}.safetensors, state.json, manifest.json
    best, latest       the name of that checkpoint

No file is pickled, and none is used before its checksum was compared.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from wavetree.codecs import AlphabetCodec
from wavetree.config import Config
from wavetree.data import Split
from wavetree.errors import DamagedError, RunError, SaveError
from wavetree.runs.checkpoint import read_bytes, read_checkpoint, read_json, write_checkpoint, write_file

FORMAT = 1
"""The version of this layout. A reader refuses a newer one."""
SIDES = ("train", "validation", "test")


class RunFolder:
    """An existing run folder. Make one with `create`, find one with `open`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(
        cls, path: Path, config: Config, codec: AlphabetCodec, split: Split, digest: str, force: bool
    ) -> RunFolder:
        """A new folder with everything but checkpoints. Raises RunError if `path` is taken and `force` is not given.

        Only what is recognised as a run, or is empty, is ever replaced.
        """
        refuse_taken(path, force)
        folder = cls(path)
        try:
            if path.exists():
                shutil.rmtree(path)
            (path / "checkpoints").mkdir(parents=True)
        except OSError as error:
            raise RunError(
                f"could not make the run folder {path}: {error.strerror or error}. Choose another --out."
            ) from error
        for side in SIDES:
            write_file(path / f"{side}.txt", "".join(f"{item}\n" for item in getattr(split, side)).encode())
        write_file(path / "codec.json", _json_bytes(codec.to_json()))
        write_file(path / "metrics.jsonl", b"")
        about = {
            "format": FORMAT,
            "settings": config.model_dump(),
            "list": {"sha256": digest},
            "made_with": made_with(),
        }
        write_file(path / "config.json", _json_bytes(about))  # last: what has it is a run
        return folder

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
            where = ".".join(map(str, error.errors()[0]["loc"]))
            raise DamagedError(f"{self.path / 'config.json'} is damaged: settings.{where} is not valid.") from None

    def digest(self) -> str:
        """The SHA-256 of the list that the run was made from."""
        about = self._about().get("list")
        return str(about.get("sha256")) if isinstance(about, dict) else ""

    def codec(self) -> AlphabetCodec:
        """Symbols to ids, as the run has them."""
        return AlphabetCodec.from_json(read_json(self.path / "codec.json"))

    def items(self, side: str) -> tuple[str, ...]:
        """The items of `train`, `validation` or `test`."""
        try:
            text = read_bytes(self.path / f"{side}.txt").decode()
        except UnicodeDecodeError:
            raise DamagedError(f"{self.path / f'{side}.txt'} is damaged: it is not UTF-8.") from None
        return tuple(text.split("\n")[:-1])

    def log(self, lines: Sequence[Mapping[str, object]]) -> None:
        """Adds lines to metrics.jsonl. Raises SaveError."""
        try:
            with (self.path / "metrics.jsonl").open("a") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)
        except OSError as error:
            raise SaveError(f"could not write {self.path / 'metrics.jsonl'}: {error.strerror}.") from error

    def metrics(self) -> list[dict[str, object]]:
        """The lines of metrics.jsonl; a last line that a sudden death cut short is left out."""
        lines = read_bytes(self.path / "metrics.jsonl").decode(errors="replace").split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def cut_log(self, step: int) -> None:
        """Drops the lines that lie after `step`: a resumed run writes them again."""
        kept = [line for line in self.metrics() if isinstance(line["step"], int) and line["step"] <= step]
        write_file(self.path / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in kept).encode())

    def save(
        self, step: int, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, object], best: bool
    ) -> None:
        """Writes the checkpoint of `step`, and only then points `latest` (and `best`) to it and drops the others."""
        name = f"{step:06d}"
        write_checkpoint(self.path / "checkpoints" / name, tensors, state)
        for pointer in ["latest", "best"] if best else ["latest"]:
            write_file(self.path / pointer, f"{name}\n".encode())
        kept = {self._pointed(pointer) for pointer in ("latest", "best")}
        for other in (self.path / "checkpoints").iterdir():
            if other.name not in kept:
                shutil.rmtree(other, ignore_errors=True)

    def load(self, which: str, names: list[str]) -> tuple[dict[str, dict[str, Tensor]], dict[str, object]]:
        """The `best` or `latest` checkpoint: its tensors by file, its state. Raises RunError if there is none yet."""
        if not self.has_checkpoint():
            raise RunError(f"{self.path} has no checkpoint yet: let it train on with `wavetree train --resume`.")
        return read_checkpoint(self.path / "checkpoints" / self._pointed(which), names)

    def has_checkpoint(self) -> bool:
        """Whether there is anything to load."""
        return (self.path / "latest").exists()

    def _pointed(self, which: str) -> str:
        name = read_bytes(self.path / which).decode(errors="replace").strip()
        if not name.isdecimal():
            raise DamagedError(f"{self.path / which} is damaged: it should name a checkpoint, such as 000800.")
        return name

    def _about(self) -> dict[str, object]:
        return read_json(self.path / "config.json")


def refuse_taken(path: Path, force: bool) -> None:
    """Raises RunError if a run cannot be made at `path`: something is there, and `force` does not apply to it."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not (path / "config.json").is_file() or not (path / "checkpoints").is_dir():
        raise RunError(f"{path} is there already and is no run: it is left alone. Choose another --out.")
    if not force:
        raise RunError(f"{path} holds a run: go on with it (--resume), replace it (--force) or choose another --out.")


def made_with() -> dict[str, str]:
    """The versions and the machine that decide whether a run repeats to the last bit."""
    versions = {"wavetree": version("wavetree"), "torch": torch.__version__, "numpy": np.__version__}
    about = {**versions, "python": platform.python_version(), "machine": platform.machine()}
    return {**about, "revision": revision} if (revision := _git_revision()) else about


def _git_revision() -> str | None:
    """The revision of the working folder's repository, if it is one and git is there."""
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None


def _json_bytes(document: Mapping[str, object]) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
