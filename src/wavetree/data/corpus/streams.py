"""The sides of a corpus: what is learnt from and what is held out, cut so that no window lies on two sides.

    S spans   B rows   T positions of a row   F fields   D numbers in a frame

A side is a list of spans, each a run of ids within one file. Its positions are numbered from 0 over all of its spans,
so that a number below `symbols` is a place to begin at. A row shows one span and no other: what lies outside is pad.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from wavetree.codecs import PAD
from wavetree.data.corpus.folder import FRAMES, Corpus, Frames, Ids
from wavetree.errors import InputError, SettingError

SplitKind = Literal["blocks", "files", "tail"]
SHARES = (0.8, 0.9)
"""Where train ends and validation ends."""
MIN_FILES = 3
"""The fewest files that can be split by file: one for each side."""


@dataclass(frozen=True, eq=False)
class Stream:
    """One side. Span `s` is the ids `begins[s]` to `ends[s]` (exclusive) of the corpus, part of the file `pieces[s]`.

    Rows are read from disk at every call, so that a stream costs no memory and may be used by many threads.
    """

    corpus: Corpus
    begins: Ids
    ends: Ids
    pieces: Ids

    @cached_property
    def symbols(self) -> int:
        """How many positions there are."""
        return int(self.lengths.sum())

    @cached_property
    def lengths(self) -> Ids:
        """The positions of each span, shape (S,)."""
        return self.ends - self.begins

    @cached_property
    def firsts(self) -> Ids:
        """The number of each span's first position, shape (S,)."""
        return np.cumsum(self.lengths) - self.lengths

    def positions(self, numbers: Ids) -> tuple[Ids, Ids]:
        """The span of each position, and how far into it the position lies; both of the shape of `numbers`.

        Raises ValueError for a number outside 0 ... symbols - 1.
        """
        numbers = np.asarray(numbers, dtype=np.int64)
        if ((numbers < 0) | (numbers >= self.symbols)).any():
            raise ValueError(f"positions are numbered 0 to {self.symbols - 1:,}, and one is outside.")
        spans = np.searchsorted(self.firsts, numbers, side="right") - 1
        return spans, numbers - self.firsts[spans]

    def rows(self, starts: Ids, length: int, before: int = 0) -> Ids:
        """`length` ids from `before` symbols before each of the positions `starts` (B,) on, shape (B, length).

        Where a row reaches beyond the ends of its span, it has PAD.
        """
        ids = np.full((len(starts), length), PAD, dtype=np.int64)
        with self.corpus.reading() as file:
            for row, (begin, first, last) in zip(ids, self._cuts(starts, length, before), strict=True):
                if first < last:
                    row[first:last] = self.corpus.read_ids(file, begin + first, last - first)
        return ids

    def inside(self, starts: Ids, length: int, before: int = 0) -> npt.NDArray[np.bool_]:
        """For the same rows, which positions lie in the span and are not pad, shape (B, length)."""
        spans, offsets = self.positions(starts)
        places = offsets[:, None] - before + np.arange(length)  # (B, length)
        return (places >= 0) & (places < self.lengths[spans, None])

    def classes(self, starts: Ids) -> Ids:
        """The class ids of the files in which the positions `starts` (B,) lie, shape (B, F)."""
        return self.corpus.classes[self.pieces[self.positions(starts)[0]]]

    def frames(self, starts: Ids, length: int, before: int = 0) -> Frames:
        """For the same rows, the frame that lies at each position, shape (B, length, D); zeros outside of the span."""
        corpus, hop = self.corpus, self.corpus.settings.hop
        if not hop:
            raise ValueError("the corpus has no frames: it was opened without local conditions.")
        frames = np.zeros((len(starts), length, corpus.settings.local), dtype=np.float32)
        owners = self.pieces[self.positions(starts)[0]]
        with corpus.reading(FRAMES) as file:
            for row, piece, (begin, first, last) in zip(
                frames, owners, self._cuts(starts, length, before), strict=True
            ):
                if first < last:
                    places = np.arange(begin + first, begin + last) - corpus.pieces[piece].begin
                    numbers = places // hop  # of the frame at each position, within the file
                    count = int(numbers[-1] - numbers[0]) + 1
                    read = corpus.read_frames(file, int(corpus.frame_begins[piece] + numbers[0]), count)
                    row[first:last] = read[numbers - numbers[0]]
        return frames

    def blocks(self, span: int, size: int) -> Iterator[Ids]:
        """The ids of a span in order, in blocks (T,) of `size`, of which the last may be shorter."""
        for begin in range(int(self.begins[span]), int(self.ends[span]), size):
            with self.corpus.reading() as file:
                count = min(size, int(self.ends[span]) - begin)
                yield self.corpus.read_ids(file, begin, count).astype(np.int64)

    def _cuts(self, starts: Ids, length: int, before: int) -> Iterator[tuple[int, int, int]]:
        """For each row: the place in the corpus at which it would begin, and from where to where it is in its span."""
        spans, offsets = self.positions(starts)
        begins = self.begins[spans] + offsets - before
        firsts = np.clip(self.begins[spans] - begins, 0, length)
        lasts = np.clip(self.ends[spans] - begins, firsts, length)
        return zip(begins.tolist(), firsts.tolist(), lasts.tolist(), strict=True)


@dataclass(frozen=True)
class StreamSplit:
    """The sides of a corpus. `kind` is how they were cut; where it is not what was asked for, `note` says why."""

    train: Stream
    validation: Stream
    test: Stream
    kind: SplitKind
    note: str = ""


def split_stream(corpus: Corpus, kind: SplitKind | None = None) -> StreamSplit:
    """The sides of `corpus`. They have no position in common, and all of them together.

    `blocks` cuts each file: its first 80% are train, the next 10% validation, the last 10% test. `files` takes whole
    files: in the order of their SHA-256, a file is train if its middle lies in the first 80% of all symbols, and so on,
    but each side has one. With fewer than three files it falls back to `blocks`. `tail` cuts the corpus as one row,
    int(0.9 n) symbols of train and the rest validation, with an empty test: as nanoGPT prepares its texts, to compare.
    Without a `kind`, sound is split by files and text by blocks.

    Raises InputError if a side is empty, SettingError for another `kind`.
    """
    used: SplitKind = kind or ("files" if corpus.settings.kind == "audio" else "blocks")
    if used not in get_args(SplitKind):
        raise SettingError(f"There is no split {used!r} of a corpus. Choose one of {', '.join(get_args(SplitKind))}.")
    n, note = len(corpus.pieces), ""
    if used == "files" and n < MIN_FILES:
        used = "blocks"
        note = (
            f"{n} distinct file{'s' if n > 1 else ''} cannot be split by file: each is cut into blocks, so that what "
            "is held out is more of the same."
        )
    begins = np.array([piece.begin for piece in corpus.pieces], dtype=np.int64)
    lengths = np.array([piece.symbols for piece in corpus.pieces], dtype=np.int64)
    ends = begins + lengths
    if used == "files":
        sides = _by_file(corpus)
        cuts = [np.where(sides < side, ends, begins) for side in (1, 2)]
    elif used == "blocks":
        cuts = [begins + (share * lengths).astype(np.int64) for share in SHARES]
    else:
        cut = np.clip(int(SHARES[1] * corpus.symbols), begins, ends)
        cuts = [cut, ends]
    bounds = [begins, *cuts, ends]
    train, validation, test = (_stream(corpus, first, last) for first, last in pairwise(bounds))
    _refuse_empty(corpus, "train", train)
    _refuse_empty(corpus, "validation", validation)
    if used != "tail":
        _refuse_empty(corpus, "test", test)
    return StreamSplit(train, validation, test, used, note)


def _by_file(corpus: Corpus) -> Ids:
    """The side of each piece, 0 to 2, shape (pieces,)."""
    order = sorted(range(len(corpus.pieces)), key=lambda i: corpus.pieces[i].sha256)
    lengths = np.array([corpus.pieces[i].symbols for i in order])
    middles = (np.cumsum(lengths) - lengths / 2) / corpus.symbols
    first, second = np.searchsorted(middles, SHARES)
    first = min(max(first, 1), len(order) - 2)
    second = min(max(second, first + 1), len(order) - 1)
    sides = np.empty(len(order), dtype=np.int64)
    sides[order] = [0] * first + [1] * (second - first) + [2] * (len(order) - second)
    return sides


def _stream(corpus: Corpus, begins: Ids, ends: Ids) -> Stream:
    kept = np.flatnonzero(begins < ends)
    return Stream(corpus, begins[kept], ends[kept], kept)


def _refuse_empty(corpus: Corpus, name: str, side: Stream) -> None:
    if not side.symbols:
        symbols, files = corpus.symbols, len(corpus.pieces)
        raise InputError(
            f"{symbols:,} symbol{'s' * (symbols > 1)} in {files:,} file{'s' * (files > 1)} leave nothing for {name}. "
            "Give more, or longer files."
        )
