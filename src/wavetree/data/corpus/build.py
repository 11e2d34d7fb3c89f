"""From files to a corpus on disk: found where it was made before, and else made in one pass, at constant memory.

It lies in the cache: $WAVETREE_CACHE, or wavetree in $XDG_CACHE_HOME, or ~/.cache/wavetree. All of that may be deleted.

    sources.json        what each file held when it was last read (sources.py)
    corpora/<digest>/   a corpus (folder.py), named for the settings and the contents of the sources
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
import tokenize
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from wavetree.data.columns import checked_names
from wavetree.data.corpus.encoding import IdsFile, encoder_of
from wavetree.data.corpus.folder import (
    ABOUT,
    FORMAT,
    FRAMES,
    IDS,
    Corpus,
    CorpusFile,
    CorpusSettings,
    Piece,
    fields_of,
    frames_of,
    labels_of,
    load_corpus_file,
)
from wavetree.data.corpus.sources import Contents, Source, find_sources, stamp
from wavetree.errors import DamagedError, InputError, SaveError

Progress = Callable[[float], None]
"""Told the share of the sources that is worked off, 0 to 1."""

_UNFINISHED = ".new-"
_ABANDONED = 86_400
"""Seconds after which what an interrupted start has left is deleted."""
_FRAMES_AT_ONCE = 4096
_NO_ARRAY = (
    OSError,
    ValueError,
    EOFError,
    ArithmeticError,
    TypeError,
    SyntaxError,
    RecursionError,
    tokenize.TokenError,
)
"""What numpy lets through when it reads the head of a file that is no array."""


def open_corpus(
    given: Sequence[str | Path],
    settings: CorpusSettings,
    fields: Sequence[str] = (),
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Corpus:
    """The corpus of the files and folders `given`, made now if there is none yet of what they hold.

    A file that has the size and the time of change that it had before is not read; one that was only touched is read,
    and nothing is made anew. With `fields`, names such as ("speaker",), each file has as label the name of the folder
    that it lies in, and for the fields before the last those of the folders around that. Raises InputError, AudioError
    or SettingError for what cannot be used, SaveError if the cache cannot be written to.
    """
    names = checked_names(fields)
    sources = find_sources(given, settings.kind)
    home = cache or cache_folder()
    contents = Contents(home / "sources.json")
    found = [_content(source, settings, contents.find) for source in sources]
    whole = [content for content in found if content]
    folder = home / "corpora" / _digest(settings, whole)
    about = load_corpus_file(folder) if len(whole) == len(sources) else None
    if about is None:
        with _saving(home):
            folder, whole = _build(sources, settings, contents, home, progress or (lambda share: None))
        about = load_corpus_file(folder)
        if about is None:
            raise DamagedError(f"{folder} is damaged as soon as it is written. Check the disk.")
    contents.save()
    distinct, duplicates = _distinct(sources, whole)
    pieces = tuple(
        replace(piece, name=source.name, labels=labels_of(source.folders, names))
        for piece, source in zip(about.pieces, distinct, strict=True)
    )
    return Corpus(folder, about, pieces, duplicates, fields_of(pieces, names))


def cache_folder() -> Path:
    """Where corpora are kept, unless another place is asked for."""
    if told := os.environ.get("WAVETREE_CACHE"):
        return Path(told).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache") / "wavetree"


_Content = tuple[str, ...]
"""The SHA-256 of a file and, with local conditions, that of its frames."""


def _content(source: Source, settings: CorpusSettings, find: Callable[[Source], str | None]) -> _Content | None:
    files = [source, _frames_source(source)] if settings.local else [source]
    sums = tuple(sha256 for sha256 in map(find, files) if sha256)
    return sums if len(sums) == len(files) else None


def _frames_source(source: Source) -> Source:
    """The file with the frames of a clip: beside it, named like it, with .npy at the end."""
    path, name = source.path.with_suffix(".npy"), str(Path(source.name).with_suffix(".npy"))
    if not path.is_file():
        raise InputError(
            f"{source.name} has no frames beside it: there is no file {name}. Make it, or leave the clip out."
        )
    return Source(path, name, source.folders)


def _digest(settings: CorpusSettings, contents: Sequence[_Content]) -> str:
    once: dict[str, _Content] = {}
    for content in contents:
        once.setdefault(content[0], content)
    return hashlib.sha256(json.dumps([FORMAT, asdict(settings), list(once.values())]).encode()).hexdigest()


def _distinct(
    sources: Sequence[Source], contents: Sequence[_Content]
) -> tuple[list[Source], tuple[tuple[str, str], ...]]:
    """The sources without those that hold what an earlier one does; and the names of these, with the earlier's."""
    first: dict[str, Source] = {}
    duplicates = []
    for source, (sha256, *_) in zip(sources, contents, strict=True):
        if first.setdefault(sha256, source) is not source:
            duplicates.append((source.name, first[sha256].name))
    return list(first.values()), tuple(duplicates)


@contextmanager
def _saving(home: Path) -> Iterator[None]:
    """In here what goes wrong with a file goes wrong in the cache: reading the sources raises errors of its own."""
    try:
        yield
    except OSError as error:
        raise SaveError(
            f"the corpus could not be written to the cache {home} ({error.strerror or error}). Make room there, or set "
            "WAVETREE_CACHE to a folder that can be written to."
        ) from error


def _build(
    sources: Sequence[Source], settings: CorpusSettings, contents: Contents, home: Path, progress: Progress
) -> tuple[Path, list[_Content]]:
    """Makes a corpus beside its place and moves it there. Its folder, and what the sources held."""
    corpora = home / "corpora"
    corpora.mkdir(parents=True, exist_ok=True)
    _sweep(corpora)
    beside = corpora / f"{_UNFINISHED}{secrets.token_hex(8)}"
    beside.mkdir()
    try:
        found = _write(sources, settings, contents, beside, progress)
        place = corpora / _digest(settings, found)
        _move(beside, place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return place, found


def _write(
    sources: Sequence[Source], settings: CorpusSettings, contents: Contents, folder: Path, progress: Progress
) -> list[_Content]:
    """Writes the files of a corpus in one pass over the sources. Gives what these held."""
    encoder = encoder_of(settings)
    pieces: dict[str, Piece] = {}
    found: list[_Content] = []
    total, done = sum(stamp(source)[0] for source in sources) or 1, 0
    with IdsFile(folder / IDS) as ids:
        for source in sources:
            before, digest, begin = stamp(source), hashlib.sha256(), ids.symbols
            for block, share in encoder.blocks(source, digest.update):
                ids.add(block)
                progress(min(1.0, (done + share * before[0]) / total))
            done += before[0]
            sha256, count = digest.hexdigest(), ids.symbols - begin
            contents.remember(source, before, sha256)
            if not count:
                advice = "Leave it out." if len(sources) > 1 else "There is nothing to learn."
                raise InputError(f"{source.name} is empty. {advice}")
            found.append((sha256, contents.read(_frames_source(source))) if settings.local else (sha256,))
            if sha256 in pieces:
                ids.cut(begin)
                continue
            pieces[sha256] = Piece(source.name, sha256, before[0], begin, ids.symbols, encoder.heard())
            if settings.local:
                _append_frames(_frames_source(source), source, count, settings, folder / FRAMES)
        codec, table = encoder.finish()
        if table is not None:
            ids.recode(table)
        about = CorpusFile(settings, codec.to_json(), ids.width, ids.symbols, ids.sha256(), tuple(pieces.values()))
    with (folder / ABOUT).open("w") as file:
        json.dump(asdict(about), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return found


def _append_frames(source: Source, clip: Source, samples: int, settings: CorpusSettings, to: Path) -> None:
    """Adds the frames of a clip of that many samples to a file. Raises InputError if they are not what they must be."""
    shape = (frames_of(samples, settings.hop), settings.local)
    wanted = (
        f"float32 of the shape {shape} was expected: a frame of {settings.local} for every {settings.hop:,} of the "
        f"{samples:,} samples that {clip.name} has at {settings.rate:,} Hz"
    )
    try:
        frames = np.lib.format.open_memmap(source.path, mode="r")
    except _NO_ARRAY as error:
        reason = str(error).rstrip(".")
        raise InputError(f"{source.name} is no array that numpy can read ({reason}); {wanted}.") from None
    if frames.shape != shape or frames.dtype != np.float32:
        raise InputError(f"{source.name} holds {frames.dtype} of the shape {frames.shape}; {wanted}.")
    with to.open("ab") as file:
        for begin in range(0, len(frames), _FRAMES_AT_ONCE):
            block = np.ascontiguousarray(frames[begin : begin + _FRAMES_AT_ONCE], "<f4")
            if not np.isfinite(block).all():
                row = begin + int(np.isfinite(block).all(axis=1).argmin())
                raise InputError(f"{source.name}, frame {row} (counted from 0) is not finite. Make the frames again.")
            file.write(block.tobytes())
        file.flush()
        os.fsync(file.fileno())


def _move(beside: Path, place: Path) -> None:
    """Moves a finished corpus to its place. What another process has put there stays, unless it is damaged."""
    for _ in range(3):
        try:
            beside.rename(place)
            return
        except OSError:
            if not place.exists():
                raise
        if load_corpus_file(place) is not None:
            return
        aside = place.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}")
        with suppress(OSError):  # where another process was quicker
            place.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def _sweep(corpora: Path) -> None:
    """Deletes what starts that were interrupted have left, if it is old enough to belong to none that still goes on."""
    for left in corpora.glob(f"{_UNFINISHED}*"):
        with suppress(OSError):
            newest = max(path.stat().st_mtime for path in (left, *left.iterdir()))
            if time.time() - newest > _ABANDONED:
                shutil.rmtree(left, ignore_errors=True)
