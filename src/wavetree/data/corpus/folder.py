"""A corpus: running text or sound of any size as ids on disk, read where it is needed and never as a whole.

    corpora/<digest>/
      ids.bin        every id in order, uint8 or, where one is above 255, uint16 (little-endian)
      frames.bin     with local conditions, every frame in order, float32 (little-endian)
      corpus.json    what they hold, as `CorpusFile`

The ids are read and not mapped into memory: pages of a mapped file count as memory of the process, all of them in time.
`open_corpus` (build.py) makes this folder or finds it; `split_stream` (streams.py) makes sides of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from wavetree.codecs import MAX_RATE, MIN_RATE, Codec, codec_from_json
from wavetree.data.audio import Loudness
from wavetree.data.columns import checked_names
from wavetree.data.corpus.sources import Kind
from wavetree.data.fields import NOT_TOLD, Fields
from wavetree.errors import DamagedError, SettingError

Ids = npt.NDArray[np.int64]
Frames = npt.NDArray[np.float32]

FORMAT = 1
"""The version of this layout. It is part of the digest, so that another version never finds what it cannot read."""
IDS, FRAMES, ABOUT = "ids.bin", "frames.bin", "corpus.json"

_BLOCK = 1 << 20


@dataclass(frozen=True)
class CorpusSettings:
    """What, besides the sources, decides what is on disk. `rate` in Hz is for audio, 0 otherwise.

    With local conditions there is a frame of `local` numbers for every `hop` samples; without, both are 0. Raises
    SettingError for what does not fit together.
    """

    kind: Kind
    rate: int = 0
    local: int = 0
    hop: int = 0

    def __post_init__(self) -> None:
        if self.kind not in {"text", "bytes", "audio"}:
            raise SettingError(f"there is no corpus of the kind {self.kind!r}. Choose one of text, bytes, audio.")
        if self.kind == "audio" and not MIN_RATE <= self.rate <= MAX_RATE:
            raise SettingError(
                f"an audio corpus cannot have {self.rate:,} samples a second: give {MIN_RATE:,} to {MAX_RATE:,}, such "
                "as 16000."
            )
        if self.kind != "audio" and (self.rate or self.local or self.hop):
            raise SettingError(f"a corpus of the kind {self.kind} has neither sample rate nor frames. Leave them out.")
        if min(self.local, self.hop) < 0 or bool(self.local) != bool(self.hop):
            raise SettingError(
                f"local conditions need both the numbers in a frame (local, here {self.local}) and the samples between "
                f"frames (hop, here {self.hop}). Give both, or neither."
            )


@dataclass(frozen=True)
class Piece:
    """A file of the corpus: ids `begin` to `end` (exclusive) are what it holds, `size` bytes with this SHA-256.

    `labels` are the names of the folders that it lies in, by field; `loudness` what was heard of it as it is on disk,
    None for text.
    """

    name: str
    sha256: str
    size: int
    begin: int
    end: int
    loudness: Loudness | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def symbols(self) -> int:
        """How many ids it has."""
        return self.end - self.begin


@dataclass(frozen=True)
class CorpusFile:
    """What corpus.json holds. `width`: the bytes of an id; `sha256`: of ids.bin; `pieces`: as they were called then."""

    settings: CorpusSettings
    codec: dict[str, object]
    width: int
    symbols: int
    sha256: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Corpus:
    """An open corpus. Two with the same `digest` hold the same ids, whatever their files are called.

    `duplicates` are files that are left out since they hold what another does, each with the name of that one.
    """

    folder: Path
    about: CorpusFile
    pieces: tuple[Piece, ...]
    duplicates: tuple[tuple[str, str], ...]
    fields: Fields

    @property
    def digest(self) -> str:
        """The SHA-256, in hex, of the settings and the contents of the sources."""
        return self.folder.name

    @property
    def settings(self) -> CorpusSettings:
        """What it was made with."""
        return self.about.settings

    @property
    def symbols(self) -> int:
        """How many ids there are."""
        return self.about.symbols

    @cached_property
    def codec(self) -> Codec:
        """Symbols to ids."""
        return codec_from_json(self.about.codec)

    @cached_property
    def classes(self) -> Ids:
        """The class ids of every piece, shape (pieces, F); NOT_TOLD where a piece has no label."""
        names = [name for name, _ in self.fields.tables]
        ids = np.full((len(self.pieces), len(names)), NOT_TOLD, dtype=np.int64)
        for f, (name, classes) in enumerate(self.fields.tables):
            numbers = {label: number for number, label in enumerate(classes, NOT_TOLD + 1)}
            ids[:, f] = [numbers.get(piece.labels.get(name, ""), NOT_TOLD) for piece in self.pieces]
        return ids

    @cached_property
    def frame_begins(self) -> Ids:
        """Where the frames of each piece begin among all, shape (pieces + 1,); the last is how many there are."""
        counts = [frames_of(piece.symbols, self.settings.hop) for piece in self.pieces]
        return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])

    @contextmanager
    def reading(self, name: str = IDS) -> Iterator[BinaryIO]:
        """ids.bin or frames.bin, open for `read_ids` and `read_frames`. Raises DamagedError if it is gone or short."""
        try:
            with (self.folder / name).open("rb", buffering=0) as file:
                yield file
        except OSError as error:
            raise DamagedError(
                f"{self.folder / name} cannot be read any more ({error.strerror}). Start again: the corpus is then "
                "made anew from its sources."
            ) from None

    def read_ids(self, file: BinaryIO, begin: int, count: int) -> npt.NDArray[np.unsignedinteger]:
        """The ids (count,) from `begin` on, of a file that `reading` opened."""
        return np.frombuffer(self._read(file, begin, count, self.about.width), f"<u{self.about.width}")

    def read_frames(self, file: BinaryIO, begin: int, count: int) -> Frames:
        """The frames (count, D) from `begin` on, of the frames.bin that `reading` opened."""
        width = 4 * self.settings.local
        return np.frombuffer(self._read(file, begin, count, width), "<f4").reshape(count, -1)

    def check(self) -> None:
        """Reads all of ids.bin. Raises DamagedError if it is not what was written."""
        digest = hashlib.sha256()
        with self.reading() as file:
            while raw := file.read(_BLOCK):
                digest.update(raw)
        if digest.hexdigest() != self.about.sha256:
            raise DamagedError(f"{self.folder / IDS} was altered. Delete {self.folder}: it is then made anew.")

    def _read(self, file: BinaryIO, begin: int, count: int, width: int) -> bytes:
        file.seek(begin * width)
        raw = file.read(count * width)
        if len(raw) < count * width:
            raise DamagedError(f"{self.folder} was cut short while it was used. Start again: it is then made anew.")
        return raw


def frames_of(samples: int, hop: int) -> int:
    """How many frames a piece has: one for every `hop` samples that are begun. 0 without local conditions."""
    return -(-samples // hop) if hop else 0


def load_corpus_file(folder: Path) -> CorpusFile | None:
    """What corpus.json in `folder` says, if it is there and whole, and fits the files beside it; None otherwise."""
    from pydantic import TypeAdapter

    try:
        about: CorpusFile = TypeAdapter(CorpusFile).validate_json((folder / ABOUT).read_bytes(), strict=True)
        codec_from_json(about.codec)
        ends = [0, *(piece.end for piece in about.pieces)]
        settings = about.settings
        frames = sum(frames_of(piece.symbols, settings.hop) for piece in about.pieces)
        whole = (
            [piece.begin for piece in about.pieces] == ends[:-1]
            and ends[-1] == about.symbols
            and (folder / IDS).stat().st_size == about.symbols * about.width
            and (not settings.hop or (folder / FRAMES).stat().st_size == 4 * settings.local * frames)
        )
    except (OSError, ValueError, DamagedError, SettingError):  # what pydantic raises is a ValueError
        return None
    return about if whole else None


def labels_of(folders: Sequence[str], fields: Sequence[str]) -> dict[str, str]:
    """The class of each field, from the names of folders: the innermost is the class of the last field, and so on."""
    return dict(zip(reversed(fields), reversed(folders), strict=False))


def fields_of(pieces: Sequence[Piece], names: Sequence[str]) -> Fields:
    """The fields of these names, with all classes that the pieces have. Raises SettingError if no piece has any."""
    names = checked_names(names)
    for name in names:
        if not any(name in piece.labels for piece in pieces):
            raise SettingError(
                f"no file lies deep enough in folders to have a {name}: the last field is the folder that a file lies "
                "in, the one before it the folder around that. Name fewer fields."
            )
    return Fields(tuple((name, tuple(sorted({p.labels[name] for p in pieces if name in p.labels}))) for name in names))
