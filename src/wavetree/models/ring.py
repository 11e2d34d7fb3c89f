"""The last few vectors of a level, as a value: a step returns a new one and leaves the old one good."""

from __future__ import annotations

import torch
from torch import Tensor

Ring = tuple[Tensor, ...]
"""Oldest first, each (B, C), or (1, C) where all B are alike. What a step copies is references, and no vector."""


def in_a_row(ring: Ring, batch: int) -> Tensor:
    """The vectors of a ring as (B, len(ring), C)."""
    if all(vector is ring[0] for vector in ring):  # a ring of nothing but pad
        return ring[0][:, None].expand(batch, len(ring), -1)
    return torch.stack([vector.expand(batch, -1) for vector in ring], dim=1)


def select(rings: tuple[Ring, ...], keep: Tensor) -> tuple[Ring, ...]:
    """The chosen members of a batch; a vector that all share stays shared."""
    return tuple(tuple(x if len(x) == 1 else x.index_select(0, keep) for x in ring) for ring in rings)
