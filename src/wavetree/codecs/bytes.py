"""Text to ids and back by its UTF-8 bytes: no text has a symbol that the model never met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from wavetree.codecs.alphabet import PAD
from wavetree.errors import DamagedError, SymbolError

_BYTES = 256


@dataclass(frozen=True)
class BytesCodec:
    """The bytes of UTF-8 (RFC 3629); byte `i` has id `i + 1`, and id 0 is the mark.

    A character takes one to four ids, so that a model may draw bytes that are no UTF-8: `decode` shows each of those
    as U+FFFD, the replacement character, and only then do ids not come back from the text.
    """

    unit: ClassVar[str] = "byte"
    """What one id stands for."""
    pad_is_symbol: ClassVar[bool] = False
    """The mark stands for no byte, so it is never drawn inside a stream."""

    @property
    def vocab_size(self) -> int:
        """V: the bytes and the mark."""
        return _BYTES + 1

    def encode(self, text: str) -> npt.NDArray[np.int64]:
        """The ids of `text`, shape (T,), one a byte. Raises SymbolError for half a surrogate pair."""
        try:
            raw = text.encode()
        except UnicodeEncodeError as error:
            raise SymbolError(
                f"character {error.start + 1} is half a surrogate pair (U+{ord(text[error.start]):04X}), which has no "
                "UTF-8. Decode the text again from its bytes."
            ) from None
        return np.frombuffer(raw, np.uint8).astype(np.int64) + 1

    def decode(self, ids: Sequence[int] | npt.NDArray[np.int64]) -> str:
        """The text of `ids`. Raises ValueError for the mark, and for an id that no byte has."""
        raw = np.asarray(ids, dtype=np.int64)  # (T,)
        outside = raw[(raw <= PAD) | (raw > _BYTES)]
        if outside.size:
            raise ValueError(f"id {outside[0]} is no byte: bytes have ids 1 to {_BYTES}.")
        return (raw - 1).astype(np.uint8).tobytes().decode(errors="replace")

    def describe(self) -> str:
        """The alphabet for a person."""
        return f"{_BYTES} bytes (UTF-8)"

    def to_json(self) -> dict[str, object]:
        """What `codec.json` holds."""
        return {"kind": "bytes", "pad": PAD}

    @classmethod
    def from_json(cls, document: dict[str, object]) -> BytesCodec:
        """The codec that `to_json` wrote. Raises DamagedError for anything else."""
        if document != cls().to_json():
            raise DamagedError("codec.json does not describe bytes; copy the run folder again from its source.")
        return cls()
