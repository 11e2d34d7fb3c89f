"""Exact losses: every symbol of a split counted once, sums kept in float64 and divided once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from wavetree.data.packing import PackedItems
from wavetree.models import AnyModel, evaluating

CHUNK_NUMBERS = 1 << 25
"""Positions of a packed row times the width of its widest result: bounds the memory, and changes no figure."""
LEAST_WIDTH = 256
"""Hidden vectors are about this wide, however few symbols there are."""


@dataclass(frozen=True)
class Loss:
    """The surprise of `symbols` symbols, `nats` in all; the mark that ends an item is a symbol."""

    nats: float
    symbols: int

    @property
    def mean(self) -> float:
        """Nats a symbol."""
        return self.nats / self.symbols


def exact_loss(model: AnyModel, items: PackedItems) -> Loss:
    """The loss over all `items`, in evaluation mode; the model is left as it was."""
    nats = 0.0
    with evaluating(model):
        for chosen in items.chunks(CHUNK_NUMBERS // max(LEAST_WIDTH, model.vocab_size)):
            row = items.row(chosen)
            logits = model.packed(model.prepare(row.ids, row.ages))  # (N, V)
            losses = F.cross_entropy(logits, torch.from_numpy(row.targets), reduction="none")  # (N,)
            nats += losses.sum(dtype=torch.float64).item()
    return Loss(nats, items.symbols)
