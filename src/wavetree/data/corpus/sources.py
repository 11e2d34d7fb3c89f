"""The files of a corpus, and what each held when it was last read, so that an unchanged one is not read again."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wavetree.data.lists import _nearest
from wavetree.errors import InputError

Kind = Literal["text", "bytes", "audio"]
SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "text": (".txt",),
    "bytes": (".txt",),
    "audio": (".wav", ".flac", ".ogg", ".mp3"),
}
"""Which files of a folder belong to a corpus, in upper or lower case. One that is named itself belongs to it anyway."""

CHUNK = 1 << 18
"""Bytes that are read at once: with more, what is made of them no longer fits a processor's cache."""

_SETTLED = 2_000_000_000
"""Nanoseconds. A change that came sooner after the last one might leave the time of change as it was: no file system
tells times that lie further apart from each other than this as one."""


@dataclass(frozen=True)
class Source:
    """A file of a corpus: where it lies, its `name` for a person, and the names of the folders it lies in, innermost
    last: from the given folder (itself the first) down, or all of them for a file that was named itself."""

    path: Path
    name: str
    folders: tuple[str, ...]


def find_sources(given: Sequence[str | Path], kind: Kind) -> tuple[Source, ...]:
    """The files of a corpus, those given themselves and those in given folders, at any depth: folders sorted by name.

    What begins with a dot is left out of folders; a file that is met twice is taken once. Raises InputError for a path
    that is not there, or is neither file nor folder; for a folder that cannot be listed, or holds no file of `kind`.
    """
    if not given or isinstance(given, str | Path):
        raise InputError("no files were given. Give a list of files and folders.")
    found: dict[Path, Source] = {}
    for path in map(Path, given):
        if path.is_dir():
            sources = [
                _source(file, (path.resolve().name, *file.relative_to(path).parent.parts))
                for file in _in_folder(path, kind)
            ]
            if not sources:
                raise InputError(
                    f"{path} holds no {' or '.join(SUFFIXES[kind])} file. Give a folder that does, or files."
                )
        elif path.is_file():
            sources = [_source(path, path.resolve().parent.parts[1:])]
        elif path.exists():
            raise InputError(f"{path} is a pipe or a device. Give a file on disk, or a folder.")
        else:
            raise InputError(f"there is no file or folder {path}.{_nearest(path)}")
        for source in sources:
            found.setdefault(source.path, source)
    return tuple(found.values())


def read_chunks(source: Source) -> Iterator[bytes]:
    """The content of a file, CHUNK bytes at a time. Raises InputError."""
    try:
        with source.path.open("rb", buffering=0) as file:
            while raw := file.read(CHUNK):
                yield raw
    except OSError as error:
        raise InputError(
            f"{source.name} cannot be read ({error.strerror}). Check the file and its permissions."
        ) from None


class Contents:
    """The SHA-256 of files, kept in one JSON file: absolute path to size, time of change, time of reading, SHA-256."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = False
        self._entries: dict[str, object] = {}
        with suppress(OSError, ValueError, RecursionError):  # it only saves time: a damaged one is begun afresh
            entries = json.loads(path.read_bytes())
            if isinstance(entries, dict):
                self._entries = entries

    def find(self, source: Source) -> str | None:
        """The SHA-256 of a file that was read before, without reading it where size and time of change are the same.

        Where only the time differs it is read, since most likely it was touched and not changed. None for any other
        file: that it must be read anyway.
        """
        size, changed = stamp(source)
        match self._entries.get(str(source.path)):
            case [int(old_size), int(old_changed), int(read), str(sha256)] if old_size == size:
                if old_changed == changed and read - changed > _SETTLED:
                    return sha256
                return self.read(source)
        return None

    def read(self, source: Source) -> str:
        """The SHA-256 of a file, which is read for it. Raises InputError."""
        before, digest = stamp(source), hashlib.sha256()
        for raw in read_chunks(source):
            digest.update(raw)
        self.remember(source, before, digest.hexdigest())
        return digest.hexdigest()

    def remember(self, source: Source, before: tuple[int, int], sha256: str) -> None:
        """Keeps what was read of a file; `before` is its stamp from then. Raises InputError if it has changed since."""
        now = time.time_ns()
        if stamp(source) != before:
            raise InputError(f"{source.name} changed while it was read. Start again when it is finished.")
        self._entries[str(source.path)] = [*before, now, sha256]
        self._changed = True

    def save(self) -> None:
        """Writes the file, if there is anything new. One that cannot be written is left: it only saves time."""
        if self._changed:
            beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            with suppress(OSError):
                beside.write_text(json.dumps(self._entries, indent=0))
                beside.replace(self._path)


def stamp(source: Source) -> tuple[int, int]:
    """Size in bytes and time of change in nanoseconds. Raises InputError."""
    try:
        found = source.path.stat()
    except OSError as error:
        raise InputError(f"{source.name} cannot be read ({error.strerror}). Check the file.") from None
    return found.st_size, found.st_mtime_ns


def _in_folder(folder: Path, kind: Kind) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"the folder {error.filename} cannot be listed ({error.strerror}). Check its permissions.")

    files = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [
            Path(place, name)
            for name in names
            if name.lower().endswith(SUFFIXES[kind]) and not name.startswith(".") and Path(place, name).is_file()
        ]
    return sorted(files, key=lambda file: file.relative_to(folder).parts)


def _source(file: Path, folders: tuple[str, ...]) -> Source:
    """A source whose names can be printed: what is no Unicode in them is a question mark."""
    printable = [name.encode(errors="replace").decode() for name in (str(file), *folders)]
    return Source(file.resolve(), printable[0], tuple(printable[1:]))
