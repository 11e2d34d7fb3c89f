"""Exact losses: every symbol of a split counted once, sums kept in float64 and divided once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import singledispatch
from itertools import islice

import torch
import torch.nn.functional as F

from wavetree.data.corpus import Stream
from wavetree.data.packing import PackedItems
from wavetree.data.rows import NO_TARGET, rows_in_order
from wavetree.evaluate.predictions import Piece, predictions
from wavetree.models import AnyModel, evaluating
from wavetree.runs import Side

CHUNK_NUMBERS = 1 << 25
"""Positions of a packed row times the width of its widest result: bounds the memory, and changes no figure."""
LEAST_WIDTH = 256
"""Hidden vectors are about this wide, however few symbols there are."""
ROW_POSITIONS = 1 << 11
"""Positions of the rows of a stream that are measured at once: nothing is shared between rows, so more gain nothing."""
ROW_FIELDS = 4
"""A row of a stream has this many times as many predictions as symbols of context: reading those costs little."""
LEAST_ROW = 1024


@dataclass(frozen=True)
class Loss:
    """The surprise of `symbols` symbols, `nats` in all; the mark that ends an item is a symbol."""

    nats: float
    symbols: int

    @property
    def mean(self) -> float:
        """Nats a symbol."""
        return self.nats / self.symbols


def exact_loss(model: AnyModel, side: Side, most: int | None = None, share: tuple[int, int] = (0, 1)) -> Loss:
    """The loss over all of `side`, in evaluation mode; the model is left as it was.

    Every symbol of a stream is predicted from the R before it, as far as its span goes back: one pass over each span
    gives the same. Of a stream with more than `most` symbols about that many are measured, the same ones each time.
    A share (k, n) is about an n-th of it, one of n that add up.
    """
    nats, symbols = 0.0, 0
    with evaluating(model):
        mine = islice(pieces(side, model, most), share[0], None, share[1])
        aside = isinstance(side, Stream) and model.device.type == "cpu"
        for part in _side_by_side(model, mine) if aside else (_loss(model, piece) for piece in mine):
            nats, symbols = nats + part.nats, symbols + part.symbols
    return Loss(nats, symbols)


def _loss(model: AnyModel, piece: Piece) -> Loss:
    logits, targets = predictions(model, piece)  # (N, V), (N,)
    losses = F.cross_entropy(logits, targets, reduction="none").cpu()  # (N,): not every device has float64
    return Loss(losses.sum(dtype=torch.float64).item(), int((targets != NO_TARGET).sum()))


def _side_by_side(model: AnyModel, some: Iterator[Piece]) -> Iterator[Loss]:
    """The losses of pieces in their order: rows of a stream are small, and a thread for each piece beats all for one."""
    threads = torch.get_num_threads()

    def of(piece: Piece) -> Loss:
        with torch.no_grad():  # what a thread keeps of gradients is its own affair
            return _loss(model, piece)

    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            while at_once := list(islice(some, threads)):
                yield from pool.map(of, at_once)
    finally:
        torch.set_num_threads(threads)


@singledispatch
def pieces(side: Side, model: AnyModel, most: int | None) -> Iterator[Piece]:
    """All of a side in pieces that fit in memory; of a stream no more than `most` symbols."""
    raise TypeError(f"{type(side).__name__} is no side of a split")


@pieces.register
def _(side: PackedItems, model: AnyModel, most: int | None) -> Iterator[Piece]:
    return (side.row(chosen) for chosen in side.chunks(CHUNK_NUMBERS // max(LEAST_WIDTH, model.vocab_size)))


@pieces.register
def _(side: Stream, model: AnyModel, most: int | None) -> Iterator[Piece]:
    context = model.receptive_field - 1
    length = max(LEAST_ROW, ROW_FIELDS * context)
    return rows_in_order(side, context, length, max(1, ROW_POSITIONS // (context + length)), most)
