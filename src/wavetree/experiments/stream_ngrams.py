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
DISCOUNTS = (0.65, 0.75, 0.85, 0.9, 0.95)
"""The estimate by how many grams were seen once and twice, 0.65 for speech, is not the best one (docs/log.md)."""


def stream_counts(side: Stream, order: int) -> Ids:
    """How often each gram occurs in a side, shape (V,) * order: the last axis is the symbol, before it its context."""
    vocab = side.corpus.codec.vocab_size
    counts = np.zeros(vocab**order, dtype=np.int64)
    digits = vocab ** np.arange(order - 1, -1, -1)
    for contexts, symbols in _positions(side, order - 1):
        np.add.at(counts, contexts @ digits[:-1] + symbols, 1)
    return counts.reshape((vocab,) * order)


def ngram_of(counts: Ids, discount: float) -> Ngram:
    """The n-gram that has seen these counts (V,) * order."""
    model = Ngram(NgramConfig(order=counts.ndim, discount=discount), counts.shape[-1])
    seen = np.flatnonzero(counts)
    model.learn(seen, counts.ravel()[seen])
    return model


def best_ngram(counts: Ids, side: Stream) -> tuple[Loss, float]:
    """The least loss of an n-gram on a side, and its discount, which is chosen there: this favours the n-gram."""
    losses = [(ngram_loss(ngram_of(counts, discount), side), discount) for discount in DISCOUNTS]
    return min(losses, key=lambda found: found[0].nats)


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
