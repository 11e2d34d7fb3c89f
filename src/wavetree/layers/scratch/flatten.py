"""Neighbours side by side: the step that turns a row of vectors into a row of pairs."""

from __future__ import annotations

from torch import Tensor

from wavetree.layers.scratch.shapes import ShapeError


class FlattenConsecutive:
    """Each `n` consecutive vectors become one: (B, T, C) to (B, T / n, n C), and to (B, n C) when only one is left.

    No number is changed or moved, since a row of vectors lies in memory end to end.
    """

    def __init__(self, n: int) -> None:
        self.n = n

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim != 3:
            why = " (the time axis is used up: T symbols halve log2(T) times, 8 symbols 3 times)" if x.ndim == 2 else ""
            raise ShapeError(self, x, f"(B, T, C) with T a multiple of {self.n}{why}")
        batch, time, channels = x.shape
        if time % self.n or time == 0:
            raise ShapeError(self, x, f"(B, T, C) with T a multiple of {self.n}")
        x = x.reshape(batch, time // self.n, self.n * channels)  # (B, T / n, n C)
        self.out = x.squeeze(1) if x.shape[1] == 1 else x  # one vector left: (B, n C)
        return self.out

    def parameters(self) -> list[Tensor]:
        """There are none."""
        return []

    def __repr__(self) -> str:
        return f"FlattenConsecutive({self.n})"
