"""N-grams of a stream: counted over one side, a block at a time, and judged at every position of another.

    V symbols   N positions of a block   C symbols of context, the order less one

Before each span lies pad, as for every model. The counts are one number for each possible gram, V to the power of the
order: for the 256 levels of sound and order 3 they take 134 MB, however long the sound.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from wavetree.codecs import PAD
from wavetree.config import NgramConfig
from wavetree.data.corpus import Stream
from wavetree.evaluate import Loss
from wavetree.models import Ngram
from wavetree.models.contract import Ids

BLOCK = 1 << 15
"""Positions: with 256 symbols a table of what each predicts takes 32 MiB."""
LEAST_DISCOUNT = 0.05
"""Where all was seen often, or all once, the estimate says 0 or 1, which the model cannot work with."""


def stream_counts(side: Stream, order: int) -> Ids:
    """How often each gram occurs in a side, shape (V,) * order: the last axis is the symbol, before it its context."""
    vocab = side.corpus.codec.vocab_size
    counts = np.zeros(vocab**order, dtype=np.int64)
    digits = vocab ** np.arange(order - 1, -1, -1)
    for contexts, symbols in _positions(side, order - 1):
        np.add.at(counts, contexts @ digits[:-1] + symbols, 1)
    return counts.reshape((vocab,) * order)


def ngram_of(counts: Ids) -> Ngram:
    """The n-gram that has seen these counts (V,) * order, with the discount that they call for."""
    seen = np.flatnonzero(counts)
    times = counts.ravel()[seen]
    model = Ngram(NgramConfig(order=counts.ndim, discount=discount_of(times)), counts.shape[-1])
    model.learn(seen, times)
    return model


def discount_of(times: Ids) -> float:
    """n1 / (n1 + 2 n2), of how many grams were seen once and twice (Ney, Essen and Kneser 1994); kept within limits."""
    once, twice = (int(np.count_nonzero(times == n)) for n in (1, 2))
    return min(max(once / max(1, once + 2 * twice), LEAST_DISCOUNT), 1 - LEAST_DISCOUNT)


def ngram_loss(model: Ngram, side: Stream) -> Loss:
    """The loss over all of a side: `exact_loss` for a model that needs no conditions and is quicker in windows."""
    nats, symbols = 0.0, 0
    for contexts, targets in _positions(side, model.receptive_field):
        logits = model.window(torch.from_numpy(contexts))  # (N, V), log probabilities
        nats -= float(logits.gather(1, torch.from_numpy(targets)[:, None]).sum(dtype=torch.float64))
        symbols += len(targets)
    return Loss(nats, symbols)


def _positions(side: Stream, context: int) -> Iterator[tuple[Ids, Ids]]:
    """Every position of a side, in blocks: the symbols before it (N, C), the nearest last, and the one there (N,)."""
    for span in range(len(side.lengths)):
        before = np.full(context, PAD, dtype=np.int64)
        for block in side.blocks(span, BLOCK):
            row = np.concatenate([before, block])  # (C + N,)
            windows = np.lib.stride_tricks.sliding_window_view(row, context + 1)  # (N, C + 1)
            yield windows[:, :-1].copy(), block
            before = row[len(row) - context :]
