"""A table of vectors, one for each symbol."""

from __future__ import annotations

import torch
from torch import Tensor

from wavetree.layers.scratch.shapes import ShapeError, need_tensor


class Embedding:
    """A row of the table for every id: ids (...), whole numbers, to vectors (..., channels). Rows start as N(0, 1)."""

    def __init__(self, symbols: int, channels: int, generator: torch.Generator | None = None) -> None:
        self.weight = torch.randn(symbols, channels, generator=generator).requires_grad_()

    def __call__(self, ids: Tensor) -> Tensor:
        need_tensor(self, ids)
        symbols = len(self.weight)
        if ids.dtype not in (torch.int64, torch.int32):
            why = f"These are of {ids.dtype}; ids say which row of the table."
            raise ShapeError(self, ids, "(...) of whole numbers (torch.int64), the ids of symbols", why)
        lowest, highest = (x.item() for x in ids.aminmax()) if ids.numel() else (0, 0)
        if lowest < 0 or highest >= symbols:  # indexing would take -1 for the last row
            why = f"One of them is {lowest if lowest < 0 else highest}."
            raise ShapeError(self, ids, f"(...) of ids from 0 to {symbols - 1}", why)
        self.out = self.weight[ids]  # (..., channels)
        return self.out

    def parameters(self) -> list[Tensor]:
        """The table."""
        return [self.weight]

    def __repr__(self) -> str:
        return f"Embedding({self.weight.shape[0]}, {self.weight.shape[1]})"
