"""Items to ids and back: one id a symbol, and one mark for "outside the item"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from wavetree.errors import DamagedError, SymbolError

PAD = 0
"""The id of the mark: it is what lies before an item for ever, and what ends it."""


@dataclass(frozen=True)
class AlphabetCodec:
    """The symbols of a list, sorted; symbol `i` has id `i + 1`, and id 0 is the mark.

    A symbol is one Unicode code point. The mark is no symbol, so that any symbol may be in an item.
    """

    unit: ClassVar[str] = "symbol"
    """What one id stands for."""
    pad_is_symbol: ClassVar[bool] = False
    """The mark stands for no symbol, so it is never drawn inside a stream."""

    symbols: str
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ids", {symbol: i + 1 for i, symbol in enumerate(self.symbols)})

    @classmethod
    def of(cls, items: Iterable[str]) -> AlphabetCodec:
        """The codec of all symbols that occur in `items`."""
        return cls("".join(sorted(set("".join(items)))))

    @property
    def vocab_size(self) -> int:
        """V: the symbols and the mark."""
        return len(self.symbols) + 1

    def encode(self, text: str) -> npt.NDArray[np.int64]:
        """The ids of `text`, shape (T,), without any mark. Raises SymbolError for a symbol outside the alphabet."""
        try:
            return np.array([self._ids[symbol] for symbol in text], dtype=np.int64)
        except KeyError:
            place = next(i for i, symbol in enumerate(text) if symbol not in self._ids)
            raise SymbolError(
                f"{text[place]!r} (character {place + 1} of {_around(text, place)!r}) is not in the model's alphabet: "
                f"it knows {self.describe()}. Leave it out, or train on a list that has it."
            ) from None

    def decode(self, ids: Sequence[int] | npt.NDArray[np.int64]) -> str:
        """The text of `ids`. Raises ValueError for the mark, and for an id that no symbol has."""
        outside = [int(i) for i in ids if not 0 < i < self.vocab_size]
        if outside:
            raise ValueError(f"id {outside[0]} is no symbol: symbols have ids 1 to {len(self.symbols)}.")
        return "".join(self.symbols[i - 1] for i in ids)

    def describe(self) -> str:
        """The alphabet for a person, shortened where it is long."""
        if len(self.symbols) <= 40:
            return f"{len(self.symbols)} symbols, {self.symbols!r}"
        return f"{len(self.symbols)} symbols, {self.symbols[:40]!r} ..."

    def to_json(self) -> dict[str, object]:
        """What `codec.json` holds."""
        return {"kind": "alphabet", "symbols": self.symbols, "pad": PAD}

    @classmethod
    def from_json(cls, document: dict[str, object]) -> AlphabetCodec:
        """The codec that `to_json` wrote. Raises DamagedError for anything else."""
        symbols = document.get("symbols")
        if not isinstance(symbols, str) or document != cls("".join(sorted(set(symbols)))).to_json():
            raise DamagedError("codec.json does not describe an alphabet; copy the run folder again from its source.")
        return cls(symbols)


def _around(text: str, place: int, reach: int = 20) -> str:
    """The part of `text` near `place`, so that a message about a long text shows what it speaks of."""
    return text[max(0, place - reach) : place + reach]
