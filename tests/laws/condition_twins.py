"""Broken on purpose, in what they make of conditions: the laws about what is told must say so, and where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wavetree.models import Tree
from wavetree.models.graph import FusionGraph
from wavetree.models.tree import TreeState

Ids = npt.NDArray[np.int64]


class LateInStream(Tree):
    """Within a chunk each symbol gets the condition of the symbol before it."""

    def stream(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        if given is not None and given.shape[1] > 1:
            given = torch.cat([given[:, :1], given[:, :-1]], dim=1)
        return super().stream(ids, state, given)


class EarlyInStream(Tree):
    """Within a chunk each symbol gets the condition of the symbol after it."""

    def stream(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        if given is not None and given.shape[1] > 1:
            given = torch.cat([given[:, 1:], given[:, -1:]], dim=1)
        return super().stream(ids, state, given)


class FirstOfChunk(Tree):
    """A chunk takes the condition of its first symbol for all."""

    def stream(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        return super().stream(ids, state, None if given is None else given[:, :1])


class NeverForgets(Tree):
    """A symbol is told all that was given in its chunk so far."""

    def stream(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        return super().stream(ids, state, None if given is None else given.cumsum(dim=1))


class ToldBothWays(Tree):
    """What held before the beginning holds after it too."""

    def stream(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        if given is not None:
            given = given + getattr(self, "held", 0)
        return super().stream(ids, state, given)

    def start(self, given: Tensor | None = None) -> TreeState:
        self.held = 0 if given is None else given[:, None]
        return super().start(given)


class ForgetsBefore(Tree):
    """What held before the beginning is forgotten."""

    def start(self, given: Tensor | None = None) -> TreeState:
        return super().start()


class OneBeforeForAll(Tree):
    """What held before the first row of a batch is taken for all of them."""

    def start(self, given: Tensor | None = None) -> TreeState:
        return super().start(None if given is None else given[:1])


class SwappedMembers(Tree):
    """A step gives each member of a batch the condition of another."""

    def step(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        return super().step(ids, state, None if given is None else given.flip(0))


class DeafStep(Tree):
    """A step does not listen."""

    def step(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        return super().step(ids, state)


class OneGroup(Tree):
    """A packed row is prepared as if one condition held everywhere."""

    def prepare(self, ids: Ids, ages: Ids, groups: Ids | None = None) -> FusionGraph:
        return super().prepare(ids, ages)


class SharedNodes(Tree):
    """Items under other conditions share the nodes of the symbols that they have in common."""

    def prepare(self, ids: Ids, ages: Ids, groups: Ids | None = None) -> FusionGraph:
        graph = super().prepare(ids, ages)
        if groups is None:
            return graph
        symbols, first = np.unique(ids, return_index=True)
        chosen = torch.zeros_like(graph.groups)
        chosen[symbols] = torch.from_numpy(groups[first])
        return replace(graph, groups=chosen)


class SharedAbove(Tree):
    """Only from the second level on: what a symbol itself is told is kept apart."""

    def prepare(self, ids: Ids, ages: Ids, groups: Ids | None = None) -> FusionGraph:
        apart, shared = super().prepare(ids, ages, groups), super().prepare(ids, ages)
        if groups is None:
            return apart
        symbols = [apart.leaves[children].tolist() for children in apart.children[0]]
        met = dict(zip(zip(*symbols, strict=True), torch.stack(apart.children[0], dim=1), strict=True))
        pairs = torch.stack(shared.children[0], dim=1).tolist()  # of symbols, since these are the leaves
        below = torch.stack([met[left, right] for left, right in pairs]).unbind(1)
        return replace(apart, children=(below, *shared.children[1:]), top=shared.top)


class OrderedGroups(Tree):
    """The conditions of a packed row are taken in the order in which its items come."""

    def prepare(self, ids: Ids, ages: Ids, groups: Ids | None = None) -> FusionGraph:
        return super().prepare(ids, ages, None if groups is None else np.cumsum(ages == 0) - 1)


class MixedPacked(Tree):
    """What one item of a packed row is told, the others overhear."""

    def packed(self, graph: FusionGraph, given: Tensor | None = None) -> Tensor:
        return super().packed(graph, None if given is None else given + 0.1 * given.mean(dim=0))
