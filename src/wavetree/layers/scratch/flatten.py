"""Neighbours side by side: the step that turns a row of vectors into a row of pairs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from torch import Tensor

from wavetree.errors import InputError
from wavetree.layers.scratch.shapes import ShapeError, need_tensor


class FlattenConsecutive:
    """Each `n` consecutive vectors become one: (B, T, C) to (B, T / n, n C), and to (B, n C) when only one is left.

    No number is changed or moved, since a row of vectors lies in memory end to end. The axis of time is dropped with
    the last vector, and no other axis is: a batch of 1 stays a batch.
    """

    def __init__(self, n: int) -> None:
        if n < 1:
            raise InputError(f"FlattenConsecutive({n}) joins nothing: n says how many vectors become one, 2 for pairs.")
        self.n = n

    def __call__(self, x: Tensor) -> Tensor:
        need_tensor(self, x)
        if x.ndim != 3 or x.shape[1] % self.n or x.shape[1] == 0:
            raise NeighbourError(self, x)
        batch, time, channels = x.shape
        x = x.reshape(batch, time // self.n, self.n * channels)  # (B, T / n, n C)
        self.out = x.squeeze(1) if x.shape[1] == 1 else x  # one vector left: (B, n C)
        return self.out

    def parameters(self) -> list[Tensor]:
        """There are none."""
        return []

    def __repr__(self) -> str:
        return f"FlattenConsecutive({self.n})"


class NeighbourError(ShapeError):
    """There are no `n` neighbours to be put side by side. Where others were joined before, it tells how time went."""

    def __init__(self, layer: FlattenConsecutive, given: Tensor) -> None:
        super().__init__(layer, given, f"(B, T, C) with T a multiple of {layer.n}")
        self.n = layer.n

    def reason(self) -> str:
        """How often the symbols could be joined before, and what to do; of a layer that stands alone, what it lacks."""
        joined = [layer.n for layer in _leaves(self.before) if isinstance(layer, FlattenConsecutive)]
        if len(self.shape) not in (2, 3) or not joined:
            lacks = "a batch of one is (1, T, C); without T, all vectors have become one already"
            return f"It has no axis of time: {lacks}." if len(self.shape) == 2 else ""
        time = self.shape[1] if len(self.shape) == 3 else 1
        times = [time * math.prod(joined[k:]) for k in range(len(joined) + 1)]  # before and after each of them
        verb = "halve" if set(joined) == {2} else "can be joined"
        often = "once" if len(joined) == 1 else f"{len(joined)} times"
        longer = f"begin with a multiple of {math.prod(joined) * self.n} symbols"
        facts = f"{times[0]} symbols {verb} {often} ({', '.join(map(str, times))})"
        if time == 1:
            return f"{facts}: leave this level out, its linear layer and norm too, or {longer}."
        return f"{facts}: {longer}. Without this level and those above it, {time} vectors would be left, not one."


def _leaves(layers: Iterable[object]) -> Iterator[object]:
    """The layers in order, those inside a Sequential too."""
    for layer in layers:
        yield from _leaves(getattr(layer, "layers", ())) if hasattr(layer, "layers") else (layer,)
