"""Exact losses: every symbol of a split counted once, sums kept in float64 and divided once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial, singledispatch
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

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
"""Positions of the rows of a stream that are measured at once: little is shared between rows, so more gain little."""
ROW_FIELDS = 4
"""A row of a stream has this many times as many predictions as symbols of context: reading those costs little."""
LEAST_ROW = 1024


P = TypeVar("P", bound=Piece)


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
        for piece, found in losses(model, mine, isinstance(side, Stream)):
            nats += found.sum(dtype=torch.float64).item()
            symbols += int(np.count_nonzero(piece.targets != NO_TARGET))
    return Loss(nats, symbols)


def losses(model: AnyModel, some: Iterator[P], streamed: bool) -> Iterator[tuple[P, Tensor]]:
    """Pieces, in their order, with the losses (N,) of their predictions in nats; 0 where there is no target.

    Rows of a stream are small, and on the CPU a thread for each piece beats all threads for one piece: torch's own are
    reduced to one meanwhile, for the whole process. The model has to be in evaluation mode.
    """
    threads = torch.get_num_threads()
    if not streamed or threads == 1 or model.device.type != "cpu":
        for piece in some:
            yield piece, _losses(model, piece)
        return
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            while at_once := list(islice(some, threads)):
                yield from zip(at_once, pool.map(partial(_losses, model), at_once), strict=True)
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()  # which holds for a thread, and not for those that it begins
def _losses(model: AnyModel, piece: Piece) -> Tensor:
    logits, targets = predictions(model, piece)  # (N, V), (N,)
    return F.cross_entropy(logits, targets, reduction="none").cpu()  # not every device has float64


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
