"""A new run folder, made whole beside its place; and what must not be replaced by one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from wavetree.codecs import Codec
from wavetree.config import Config
from wavetree.data import Fields, Labels, Split
from wavetree.data.split import SIDES
from wavetree.errors import DamagedError, RunError, SaveError
from wavetree.runs.checkpoint import PARTIAL, flush_folder, read_json, write_file
from wavetree.runs.environment import made_with
from wavetree.runs.folder import FORMAT, OURS, RunFolder, json_bytes, sha256
from wavetree.runs.lock import alone


def create_run(
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
    is made beside its place: a run that it replaces is whole until then, and gone only after that. One that another
    process works on is not replaced.
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
        "sha256": {name: sha256(content) for name, content in files.items()},
        "made_with": made_with(config.train.device),
    }
    files |= {"metrics.jsonl": b"", "config.json": json_bytes(about)}
    with alone(place) if is_run(place) else nullcontext():
        try:
            for left in (beside, aside):
                clear_left(left)
            (beside / "checkpoints").mkdir(parents=True)
            for name, content in files.items():
                write_file(beside / name, content)
            if force and place.exists():
                place.rename(aside)
            beside.rename(place)  # fails where another process has just made a run there
            flush_folder(place.parent)
            shutil.rmtree(aside, ignore_errors=True)
        except SaveError:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            reason = (error.strerror or str(error)).lower()
            raise SaveError(f"could not make the run folder {path}: {reason}. Choose another --out.") from error
    return RunFolder(path)


def clear_left(left: Path) -> None:
    """Removes what a death left of a run that was being made or replaced. Raises RunError where it is no such thing."""
    if left.is_dir() and not left.is_symlink() and not foreign_in(left):
        shutil.rmtree(left, ignore_errors=True)
    elif left.exists() or left.is_symlink():
        raise RunError(f"{left} is in the way, and is no run: it is left alone. Move it away, or choose another --out.")


def foreign_in(path: Path) -> list[str]:
    """What lies in a folder, and belongs to no run."""
    return sorted(entry.name for entry in path.iterdir() if not _is_ours(entry.name))


def refuse_taken(path: Path, force: bool) -> None:
    """Raises RunError if a run cannot be made at `path`: something is there, and `force` does not apply to it."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not is_run(path):
        raise RunError(f"{path} is there already and is no run: it is left alone. Choose another --out.")
    if not force:
        raise RunError(f"{path} holds a run: go on with it (--resume), replace it (--force) or choose another --out.")
    if foreign := foreign_in(path):
        raise RunError(f"{path} holds more than a run, {foreign[0]!r}: move that away before --force replaces the run.")
    if Path.cwd().is_relative_to(path.resolve()):
        raise RunError(f"{path} is the folder you are in: leave it before --force replaces it.")


def is_run(path: Path) -> bool:
    """Whether this is a folder that `create` made."""
    try:
        about = read_json(path / "config.json")
    except DamagedError:
        return False
    versions = about.get("made_with")
    return isinstance(versions, dict) and "wavetree" in versions and (path / "checkpoints").is_dir()


def _is_ours(name: str) -> bool:
    return name in OURS or (name.startswith(".") and name.endswith(PARTIAL))


def _lines(items: Sequence[str], labels: Sequence[Labels]) -> bytes:
    rows = zip(items, labels, strict=True) if labels else ((item, ()) for item in items)
    return "".join("\t".join((item, *told)) + "\n" for item, told in rows).encode()
