"""WaveNets, broken on purpose in one place each: the laws must say so, and where."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from wavetree.models import WaveNet
from wavetree.models.graph import FusionGraph, fusion_graph
from wavetree.models.wavenet import WaveNetState

Ids = npt.NDArray[np.int64]


class ZeroPadding(WaveNet):
    """What lies before the beginning is zeros."""

    def start(self, given: Tensor | None = None) -> WaveNetState:
        return tuple(tuple(torch.zeros_like(x) for x in ring) for ring in super().start(given))


class PadEverywhere(WaveNet):
    """What lies before the beginning is the embedded pad, at every level."""

    def start(self, given: Tensor | None = None) -> WaveNetState:
        lowest, *others = super().start(given)
        return (lowest, *(lowest[:1] * len(ring) for ring in others))


class RingShort(WaveNet):
    """Rings one vector short, so that the oldest child is one too near."""

    def start(self, given: Tensor | None = None) -> WaveNetState:
        return tuple(ring[1:] if len(ring) > 1 else ring for ring in super().start(given))


class LeftResidual(WaveNet):
    """In one run it is the oldest child that goes on, and not the newest."""

    def packed(self, graph: FusionGraph, given: Tensor | None = None) -> Tensor:
        x = self.embedding(graph.leaves, None if given is None else given[graph.groups])
        skips = x.new_zeros(len(x), self.config.skip)
        for block, nodes in zip(self.blocks, graph.children, strict=True):
            u = block.norm(x)
            x, skips = block([u[node] for node in nodes], x[nodes[0]], skips[nodes[-1]])
        return self.predict(skips).index_select(0, graph.top)


class LeftSkip(WaveNet):
    """In the window run the skips are those of the oldest child."""

    def window(self, ids: Tensor, given: Tensor | None = None) -> Tensor:
        x = self.embedding(ids, given)
        skips = x.new_zeros(1, ids.shape[1], self.config.skip)
        for block, places in zip(self.blocks, self._window_children, strict=True):
            u = block.norm(x)
            x, skips = block([u[:, place] for place in places], x[:, places[-1]], skips[:, places[0]])
        return self.predict(skips[:, 0])


class ReversedWindow(WaveNet):
    """The kernel from the newest to the oldest, in one run."""

    def window(self, ids: Tensor, given: Tensor | None = None) -> Tensor:
        with reversed_kernels(self):
            return super().window(ids, given)


class ReversedDense(WaveNet):
    """The kernel from the newest to the oldest, in one run."""

    def stream(self, ids: Tensor, state: WaveNetState, given: Tensor | None = None) -> tuple[Tensor, WaveNetState]:
        with reversed_kernels(self):
            return super().stream(ids, state, given)


class ReversedPacked(WaveNet):
    """The kernel from the newest to the oldest, in one run."""

    def packed(self, graph: FusionGraph, given: Tensor | None = None) -> Tensor:
        with reversed_kernels(self):
            return super().packed(graph, given)


class ReversedStep(WaveNet):
    """The kernel from the newest to the oldest, in one run."""

    def step(self, ids: Tensor, state: WaveNetState, given: Tensor | None = None) -> tuple[Tensor, WaveNetState]:
        with reversed_kernels(self):
            return super().step(ids, state, given)


class reversed_kernels:
    """In here the K parts of every gate's weights are in the other order."""

    def __init__(self, model: WaveNet) -> None:
        self.model = model

    def __enter__(self) -> None:
        with torch.no_grad():
            for block in self.model.blocks:
                apart = block.weight.unflatten(1, (self.model.config.kernel, -1))  # (2H, K, C)
                block.weight.copy_(apart.flip(1).flatten(1))

    def __exit__(self, *_: object) -> None:
        self.__enter__()


class TurnedDilations(WaveNet):
    """One run has the dilations from the top down: it sees as much, but by other paths."""

    def prepare(self, ids: Ids, ages: Ids, groups: Ids | None = None) -> FusionGraph:
        return fusion_graph(ids, ages, groups, self.reaches[::-1], self.vocab_size)


class KernelForgotten(WaveNet):
    """The formula for a kernel of 2, whatever the kernel."""

    @property
    def receptive_field(self) -> int:
        return 1 + sum(self.dilations)


class FieldTooLong(WaveNet):
    """A formula that is one off."""

    @property
    def receptive_field(self) -> int:
        return super().receptive_field + 1


class DeafTop(WaveNet):
    """The last level does not listen to its oldest child."""

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        with torch.no_grad():
            self.blocks[-1].weight[:, : self.config.channels] = 0


class LastResidual(WaveNet):
    """The last level has a residual too, which nobody reads."""

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self.blocks[-1].residual = nn.Linear(self.config.hidden, self.config.channels)
