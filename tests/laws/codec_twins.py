"""Codecs that are broken on purpose, each in one place. Law 4 must say so."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from wavetree.codecs import AlphabetCodec, BytesCodec, MuLawCodec

Ids = npt.NDArray[np.int64]


class IdsFromZero(AlphabetCodec):
    """The first symbol has the id of the mark."""

    def encode(self, text: str) -> Ids:
        return super().encode(text) - 1

    def decode(self, ids: Sequence[int] | Ids) -> str:
        return super().decode([int(i) + 1 for i in ids])


class CaseFolding(AlphabetCodec):
    """Tidies what it is given."""

    def encode(self, text: str) -> Ids:
        return super().encode("".join(c.lower() if c.lower() in self.symbols else c for c in text))


class Reversing(AlphabetCodec):
    """Reads backwards and writes forwards."""

    def encode(self, text: str) -> Ids:
        return super().encode(text[::-1])


class BytesFromZero(BytesCodec):
    """Byte 0 has the id of the mark."""

    def encode(self, text: str) -> Ids:
        return super().encode(text) - 1

    def decode(self, ids: Sequence[int] | Ids) -> str:
        return super().decode([int(i) + 1 for i in ids])


class Latin(BytesCodec):
    """One byte a character, whatever the character."""

    def encode(self, text: str) -> Ids:
        return np.array([ord(c) % 256 + 1 for c in text], np.int64)

    def decode(self, ids: Sequence[int] | Ids) -> str:
        return "".join(chr(int(i) - 1) for i in ids)


class Composing(BytesCodec):
    """Tidies accents that stand alone."""

    def encode(self, text: str) -> Ids:
        return super().encode(unicodedata.normalize("NFC", text))


class Truncating(MuLawCodec):
    """The popular one: no half is added before the fraction is cut, so that half the levels sink by one each time."""

    def encode(self, samples: npt.ArrayLike) -> Ids:
        return _mulaw_ids(np.floor((_companded(samples) + 1) / 2 * 255))


class Bins(MuLawCodec):
    """Encodes into 256 bins, and decodes as if they were 256 points from end to end."""

    def encode(self, samples: npt.ArrayLike) -> Ids:
        return _mulaw_ids(np.minimum(np.floor((_companded(samples) + 1) / 2 * 256 + 0.5), 255))


class SilenceInTheMiddle(MuLawCodec):
    """All levels come back, but the mark is the deepest of them: before every clip lies a bang."""

    def encode(self, samples: npt.ArrayLike) -> Ids:
        return (super().encode(samples) + 128) % 256

    def decode(self, ids: Sequence[int] | Ids) -> npt.NDArray[np.float32]:
        return super().decode((np.asarray(ids, dtype=np.int64) + 128) % 256)


class ForgetsTheRate(MuLawCodec):
    """Writes down another rate than its own."""

    def to_json(self) -> dict[str, object]:
        return super().to_json() | {"rate": 8_000}


def _companded(samples: npt.ArrayLike) -> npt.NDArray[np.float64]:
    given = np.clip(np.asarray(samples, dtype=np.float64), -1, 1)
    return np.sign(given) * np.log1p(255 * np.abs(given)) / np.log(256)


def _mulaw_ids(codes: npt.NDArray[np.float64]) -> Ids:
    return (codes.astype(np.int64) - 128) % 256
