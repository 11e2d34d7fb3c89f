"""Sound to ids and back: 256 levels, fine where it is quiet and coarse where it is loud.

    s        a sample, -1 to 1
    F(s)     sign(s) ln(1 + mu |s|) / ln(1 + mu), with mu = 255: the companding law of ITU-T G.711, not its piecewise
             lines but the curve that they follow, as van den Oord et al. take it (2016, section 2.2)
    code     floor((F(s) + 1) / 2 * 255 + 1/2), 0 to 255: the nearest of 256 equal steps of F
    id       (code - 128) mod 256

Silence has code 128 and therefore id 0: what lies before a clip is silence, for ever, and silence may also be drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from wavetree.codecs.alphabet import PAD
from wavetree.errors import AudioError, DamagedError

MIN_RATE, MAX_RATE = 1_000, 768_000
"""Sample rates in Hz: what is slower is no sound (500 Hz at most is heard of it), and no converter is faster."""

_MU = 255
_LEVELS = _MU + 1
_SILENCE = 128


@dataclass(frozen=True)
class MuLawCodec:
    """Mono samples at `rate` Hz as 8-bit mu-law. All 256 ids are levels; id 0, the mark, is silence."""

    unit: ClassVar[str] = "sample"
    """What one id stands for."""
    pad_is_symbol: ClassVar[bool] = True
    """The mark is silence, a level like any other."""

    rate: int

    def __post_init__(self) -> None:
        if not MIN_RATE <= self.rate <= MAX_RATE:
            raise ValueError(f"rate is {self.rate} Hz; it must be {MIN_RATE:,} to {MAX_RATE:,}.")

    @property
    def vocab_size(self) -> int:
        """V: the levels, silence among them."""
        return _LEVELS

    def encode(self, samples: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The ids of mono `samples` (-1 to 1, shape (T,); what lies beyond is clipped), shape (T,).

        Raises AudioError for another shape, and for a sample that is no number.
        """
        given = np.asarray(samples, dtype=np.float64)  # (T,)
        if given.ndim != 1:
            raise AudioError(f"the samples have the shape {given.shape}. Give mono samples, shape (T,).")
        if np.isnan(given).any():
            raise AudioError(f"sample {int(np.isnan(given).argmax()) + 1:,} is not a number (nan). Replace it.")
        companded = np.copysign(np.log1p(_MU * np.minimum(np.abs(given), 1)) / np.log1p(_MU), given)
        codes: npt.NDArray[np.int64] = np.floor((companded + 1) / 2 * _MU + 0.5).astype(np.int64)
        return np.mod(codes - _SILENCE, _LEVELS)

    def decode(self, ids: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The samples of `ids`, -1 to 1, shape (T,). Raises ValueError for an id that no level has."""
        given = np.asarray(ids, dtype=np.int64)  # (T,)
        outside = given[(given < 0) | (given >= _LEVELS)]
        if outside.size:
            raise ValueError(f"id {outside[0]} is no level: levels have ids 0 to {_LEVELS - 1}.")
        return _SAMPLES[given]

    def describe(self) -> str:
        """The levels for a person."""
        return f"{_LEVELS} levels (mu-law) at {self.rate:,} Hz"

    def to_json(self) -> dict[str, object]:
        """What `codec.json` holds."""
        return {"kind": "mulaw", "rate": self.rate, "pad": PAD}

    @classmethod
    def from_json(cls, document: dict[str, object]) -> MuLawCodec:
        """The codec that `to_json` wrote. Raises DamagedError for anything else."""
        rate = document.get("rate")
        if type(rate) is not int or not MIN_RATE <= rate <= MAX_RATE or document != cls(rate).to_json():
            raise DamagedError("codec.json does not describe mu-law; copy the run folder again from its source.")
        return cls(rate)


def _expanded() -> npt.NDArray[np.float32]:
    """The sample of every id, shape (256,): F undone at the middle of each step."""
    codes = (np.arange(_LEVELS) + _SILENCE) % _LEVELS
    companded = 2 * codes / _MU - 1
    samples: npt.NDArray[np.float64] = np.copysign(np.expm1(np.abs(companded) * np.log1p(_MU)) / _MU, companded)
    return samples.astype(np.float32)


_SAMPLES = _expanded()
