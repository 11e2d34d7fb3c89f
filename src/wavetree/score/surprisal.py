"""How surprising each symbol of many items is, in one packed pass.

    K items   N positions of all of them, end marks included   G numbers of a condition

An item's score is the sum of the surprisals of its symbols and of the mark that ends it, in nats. A symbol that the
model never met has infinite surprisal, and the rest of the item is scored all the same: what follows it sees pad in its
place. Sums are kept in float64, whatever the model computes in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.data.packing import PackedRow
from wavetree.models import AnyModel, evaluating

Ids = npt.NDArray[np.int64]
Wide = npt.NDArray[np.float64]

NATS_A_BIT = float(np.log(2))
CHUNK_NUMBERS = 1 << 26
"""Positions of a pass times the width of its widest result: bounds the memory, and changes no figure."""
LEAST_WIDTH = 256
"""Hidden vectors are about this wide, however few symbols there are."""
_DENSE = 0x3000
"""Code points below this are looked up in a table, others are searched."""


@dataclass(frozen=True)
class ItemScore:
    """One item: the surprisal (T + 1,) of each of its symbols and of the mark that ends it, in nats."""

    item: str
    surprisal: Wide

    @property
    def nats(self) -> float:
        """The score: minus the log of the probability of exactly this item."""
        return float(self.surprisal.sum())

    @property
    def symbols(self) -> int:
        """How many symbols were predicted, the mark among them."""
        return len(self.surprisal)

    @property
    def bits_per_symbol(self) -> float:
        """The mean surprisal in bits."""
        return self.nats / NATS_A_BIT / self.symbols

    @property
    def unknown(self) -> str:
        """The symbols that the model never met, each once."""
        return "".join(dict.fromkeys(s for s, nats in zip(self.item, self.surprisal, strict=False) if np.isinf(nats)))

    def blame(self, count: int = 3) -> list[tuple[int, str, float]]:
        """The `count` most surprising places: index, symbol ("" for the end), nats; the most surprising first."""
        order = np.argsort(-self.surprisal, kind="stable")[:count].tolist()
        return [(place, self.item[place : place + 1], float(self.surprisal[place])) for place in order]


@dataclass(frozen=True)
class Scored:
    """K items: `surprisal` (N,) in nats, item after item; `ends` (K,): where each ends there, exclusive."""

    items: Sequence[str]
    surprisal: Wide
    ends: Ids

    @cached_property
    def starts(self) -> Ids:
        """Where each item begins, (K,)."""
        return np.concatenate([np.zeros(1, np.int64), self.ends[:-1]])[: len(self.ends)]

    @cached_property
    def symbols(self) -> Ids:
        """How many symbols of each item were predicted, the mark among them, (K,)."""
        return self.ends - self.starts

    @cached_property
    def nats(self) -> Wide:
        """The score of each item, (K,)."""
        if not len(self.ends):
            return np.zeros(0)
        sums: Wide = np.add.reduceat(self.surprisal, self.starts)
        return sums

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> ItemScore:
        return ItemScore(self.items[index], self.surprisal[self.starts[index] : self.ends[index]])


def scores(model: AnyModel, codec: AlphabetCodec, items: Sequence[str], given: Tensor | None = None) -> Scored:
    """Every item's surprisals, all in one pass (in several where they would not fit in memory).

    `given` (1, G) holds for all of them. The model computes in its own precision and stays as it was.
    """
    lengths = np.fromiter(map(len, items), dtype=np.int64, count=len(items)) + 1
    ends = np.cumsum(lengths)
    known, unknown = encoded("".join(items), codec)
    most = max(1, CHUNK_NUMBERS // max(LEAST_WIDTH, model.vocab_size))
    nats = np.empty(int(ends[-1]) if len(ends) else 0)
    begin = 0
    while begin < len(items):
        first = int(ends[begin] - lengths[begin])
        end = max(begin + 1, int(np.searchsorted(ends, first + most, side="right")))
        some = slice(first - begin, int(ends[end - 1]) - end)  # of the symbols, which have no marks between them
        nats[first : ends[end - 1]] = _pass(model, known[some], unknown[some], lengths[begin:end], given)
        begin = end
    return Scored(items, nats, ends)


def _pass(model: AnyModel, known: Ids, unknown: npt.NDArray[np.bool_], lengths: Ids, given: Tensor | None) -> Wide:
    """The surprisals (N,) of items whose symbols are `known`, end to end; of an unknown one infinite."""
    ends = np.cumsum(lengths)
    total = int(ends[-1])
    symbol = np.ones(total, dtype=bool)  # the places of targets that are no mark
    symbol[ends - 1] = False
    targets = np.full(total, PAD)
    targets[symbol] = known
    ids = np.full(total, PAD)
    ids[1:][symbol[:-1]] = known
    ages = np.arange(total) - np.repeat(ends - lengths, lengths)
    groups = None if given is None else np.zeros(total, dtype=np.int64)
    told = None if given is None else given.to(next(model.parameters()).dtype).numpy()
    nats = row_surprisal(model, PackedRow(ids, targets, ages, groups, told))
    if unknown.any():
        places = np.flatnonzero(symbol)[unknown]
        nats[places] = np.inf
    return nats


def row_surprisal(model: AnyModel, row: PackedRow) -> Wide:
    """The surprisal (N,) of every target of a packed row, in nats."""
    given = None if row.given is None else torch.from_numpy(row.given).to(next(model.parameters()).dtype)
    with evaluating(model):
        logits = model.packed(model.prepare(row.ids, row.ages, row.groups), given)  # (N, V)
        nats = F.cross_entropy(logits, torch.from_numpy(row.targets), reduction="none")  # (N,)
    wide: Wide = nats.double().numpy()
    return wide


def encoded(text: str, codec: AlphabetCodec) -> tuple[Ids, npt.NDArray[np.bool_]]:
    """The ids (T,) of `text`, with PAD for a symbol that the alphabet lacks; and which ones those are, (T,)."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    table, beyond = _tables(codec.symbols)
    ids: Ids = table.take(points, mode="clip")  # the last place of the table is PAD
    if len(beyond) and (far := np.flatnonzero(points >= _DENSE)).size:
        place = np.searchsorted(beyond, points[far]).clip(max=len(beyond) - 1)
        found = beyond[place] == points[far]
        ids[far] = np.where(found, len(codec.symbols) - len(beyond) + place + 1, PAD)
    return ids, ids == PAD


@lru_cache(maxsize=8)
def _tables(symbols: str) -> tuple[Ids, npt.NDArray[np.uint32]]:
    """The id of each code point below `_DENSE` (and PAD for it), and the code points of an alphabet from there on."""
    points = np.frombuffer(symbols.encode("utf-32-le", "surrogatepass"), "<u4")
    near = points[points < _DENSE]
    table = np.full(_DENSE + 1, PAD, dtype=np.int64)
    table[near] = np.arange(1, len(near) + 1)
    return table, points[points >= _DENSE]
