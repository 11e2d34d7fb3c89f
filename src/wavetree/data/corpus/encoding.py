"""Files to ids, a block at a time, and the file that the ids go to.

Text is one symbol a code point, exactly as a file has it: a byte order mark and CR stay, and are symbols. Until all
files are read symbols have provisional ids, in the order in which they are met; then ids.bin, and no source, is gone
through once more. Bytes are whatever a file holds. Sound is mixed to mono, brought to one rate, and made mu-law.
"""

from __future__ import annotations

import codecs
import hashlib
import os
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from wavetree.codecs import AlphabetCodec, BytesCodec, Codec, MuLawCodec
from wavetree.data.audio import Loudness, LoudnessMeter, blocks, read_header, resampled_blocks
from wavetree.data.corpus.folder import CorpusSettings
from wavetree.data.corpus.sources import CHUNK, Source, read_chunks
from wavetree.data.lists import MAX_ALPHABET
from wavetree.errors import InputError

Block = npt.NDArray[np.integer[Any]]
See = Callable[[bytes], object]

_CODE_POINTS = 0x110000
"""As many as Unicode has."""


class Encoder(Protocol):
    """Makes ids of files, one file after the other."""

    def blocks(self, source: Source, see: See) -> Iterator[tuple[Block, float]]:
        """The ids of a file in blocks (T,), each with the share of the file, 0 to 1, that is worked off with it.

        `see` is called with the whole content, chunk by chunk. Raises InputError or AudioError.
        """
        ...

    def heard(self) -> Loudness | None:
        """How loud the last file is, if it is one that can be heard."""
        ...

    def finish(self) -> tuple[Codec, Block | None]:
        """The codec of all files; and the final id of every provisional one, if they differ."""
        ...


def encoder_of(settings: CorpusSettings) -> Encoder:
    """A new encoder."""
    if settings.kind == "audio":
        return _Sound(settings.rate)
    return _Text() if settings.kind == "text" else _Bytes()


class _Text:
    def __init__(self) -> None:
        self._provisional = np.zeros(_CODE_POINTS, dtype=np.uint16)  # the id of each code point, 0 where it was not met
        self._met: list[int] = []

    def blocks(self, source: Source, see: See) -> Iterator[tuple[Block, float]]:
        rest, at, size = b"", 0, source.path.stat().st_size
        for raw in chain(read_chunks(source), [b""]):
            see(raw)
            data = rest + raw
            if at == 0 and data and 4 * data.count(0) >= len(data):
                raise InputError(f"{source.name}: a quarter or more of the bytes are zero. {_UTF16}")
            try:
                text, used = codecs.utf_8_decode(data, "strict", not raw)
            except UnicodeDecodeError as error:
                raise _not_utf8(source, at + error.start) from None
            rest, at = data[used:], at + used
            if text:
                yield self._ids(text, source), min(1.0, at / size)

    def heard(self) -> None:
        return None

    def finish(self) -> tuple[Codec, Block | None]:
        final = np.zeros(len(self._met) + 1, dtype=np.uint16)
        final[np.argsort(self._met) + 1] = np.arange(1, len(self._met) + 1)
        return AlphabetCodec("".join(map(chr, sorted(self._met)))), final

    def _ids(self, text: str, source: Source) -> Block:
        points = np.frombuffer(text.encode("utf-32-le"), "<i4")
        ids = self._provisional.take(points, mode="clip")
        if not ids.all():
            self._meet(np.unique(points[ids == 0]), source)
            ids = self._provisional.take(points, mode="clip")
        return ids

    def _meet(self, points: Block, source: Source) -> None:
        first = len(self._met) + 1
        self._met += points.tolist()
        if len(self._met) > MAX_ALPHABET:
            raise InputError(
                f"the text has more than {MAX_ALPHABET:,} distinct symbols, of which {source.name} has the last; an "
                "alphabet may have no more. Check that it is text, or take it as a corpus of the kind bytes."
            )
        self._provisional[points] = np.arange(first, len(self._met) + 1)


class _Bytes:
    def blocks(self, source: Source, see: See) -> Iterator[tuple[Block, float]]:
        at, size = 0, source.path.stat().st_size
        for raw in read_chunks(source):
            see(raw)
            at += len(raw)
            yield np.frombuffer(raw, np.uint8) + np.uint16(1), min(1.0, at / size)

    def heard(self) -> None:
        return None

    def finish(self) -> tuple[Codec, Block | None]:
        return BytesCodec(), None


class _Sound:
    def __init__(self, rate: int) -> None:
        self._codec = MuLawCodec(rate)
        self._heard: Loudness | None = None

    def blocks(self, source: Source, see: See) -> Iterator[tuple[Block, float]]:
        for raw in read_chunks(source):
            see(raw)
        header = read_header(source.path)
        meter = LoudnessMeter(header.rate, header.step)
        seconds, done = header.seconds, 0
        for block in resampled_blocks(blocks(source.path, meter=meter), header.rate, self._codec.rate):
            done += len(block)
            if len(block):
                yield self._codec.encode(block), min(1.0, done / (seconds * self._codec.rate)) if seconds else 0.0
        self._heard = meter.facts()

    def heard(self) -> Loudness | None:
        return self._heard

    def finish(self) -> tuple[Codec, Block | None]:
        return self._codec, None


class IdsFile:
    """ids.bin while it is made. An id takes one byte, and as soon as one is above 255, two."""

    def __init__(self, path: Path) -> None:
        self.symbols = 0
        self.width = 1
        self._path = path

    def __enter__(self) -> IdsFile:
        self._file = self._path.open("w+b", buffering=0)
        return self

    def __exit__(self, *raised: object) -> None:
        if raised[0] is None:
            os.fsync(self._file.fileno())
        self._file.close()

    def add(self, ids: Block) -> None:
        """Appends ids (T,)."""
        if self.width == 1 and ids.max() > 255:
            self._rewrite(np.arange(256), 2)
        self._put(self.symbols, ids.astype(f"<u{self.width}"))
        self.symbols += len(ids)

    def cut(self, symbols: int) -> None:
        """Drops all ids after the first `symbols`."""
        self.symbols = symbols
        self._file.truncate(symbols * self.width)

    def recode(self, table: Block) -> None:
        """Replaces every id `i` by `table[i]`."""
        self._rewrite(table, self.width)

    def sha256(self) -> str:
        """The SHA-256 of the file, in hex."""
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").hexdigest()

    def _rewrite(self, table: Block, width: int) -> None:
        """In place, from the end: where ids become wider, no block is written over one that is still to be read."""
        old, self.width = self.width, width
        table = table.astype(f"<u{width}")
        for begin in reversed(range(0, self.symbols, CHUNK)):
            count = min(CHUNK, self.symbols - begin)
            self._file.seek(begin * old)
            ids = np.frombuffer(self._file.read(count * old), f"<u{old}")
            self._put(begin, table.take(ids, mode="clip"))

    def _put(self, begin: int, ids: Block) -> None:
        self._file.seek(begin * self.width)
        left = memoryview(ids.tobytes())
        while left:  # a nearly full disk may take less than all
            left = left[self._file.write(left) :]


_UTF16 = "It looks like UTF-16: save it as UTF-8."


def _not_utf8(source: Source, at: int) -> InputError:
    """What to say of byte `at` of a file, counted from 0. The file is read again, to count its lines."""
    line, start, begin = 1, 0, 0
    wide, byte = False, b""
    for raw in read_chunks(source):
        wide = wide or (begin == 0 and raw.startswith((b"\xff\xfe", b"\xfe\xff")))
        upto = raw[: at - begin]
        line += upto.count(b"\n")
        if (last := upto.rfind(b"\n")) >= 0:
            start = begin + last + 1
        byte = byte or raw[at - begin : at - begin + 1]
        begin += len(raw)
        if begin > at:
            break
    way_out = (
        _UTF16
        if wide
        else (
            f"Save it as UTF-8; if it is Latin-1, `iconv -f latin1 -t utf-8 {source.name}` converts it. Or take it as "
            "a corpus of the kind bytes."
        )
    )
    where = f"{source.name}, line {line}: byte {at - start + 1} of the line (0x{byte.hex()})"
    return InputError(f"{where} is not valid UTF-8. {way_out}")
