"""Which nodes a packed row of whole items needs: every distinct fusion once.

A node of level l stands for the symbols that it sees. Two positions that see the same symbols share the node, so the
items of a batch share the nodes of their common beginnings, and most nodes of the low levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from wavetree.models.contract import Ids
from wavetree.models.history import distinct_rows
from wavetree.models.share import Share, marked


@dataclass(frozen=True)
class FusionGraph:
    """Node n of level l + 1 fuses the nodes `children[l][k][n]` of level l, the oldest first.

    Leaf n is the symbol `leaves[n]` under the conditions number `groups[n]`. `top` (N,) is the node of the last level
    that each of the N positions ends in.
    """

    leaves: Tensor
    groups: Tensor
    children: tuple[tuple[Tensor, ...], ...]
    top: Tensor
    counted: tuple[int | None, ...]
    """For each level how many of its nodes a norm counts, the first ones, where others count the rest; None is all."""

    def after(self, position: int) -> FusionGraph:
        """What the positions from this one on need. Counted are the nodes that no position before it needs."""
        *below, size = len(self.leaves), *(len(level[0]) for level in self.children)
        top = self.top.numpy()
        before = marked(size, top[:position])
        share = Share.of(marked(size, top[position:]), before)
        places, children, counted = share.places[top[position:]], [], []
        for level, size in zip(self.children[::-1], below[::-1], strict=True):
            rows = np.stack([child.numpy() for child in level])  # (K, nodes)
            counted.append(share.counted)
            needed, before = rows[:, share.needed], marked(size, rows[:, before])
            if level is self.children[0]:  # a leaf is a symbol, and no work: all stay, where they are
                share = Share.of(np.ones(size, dtype=np.bool_), np.zeros(size, dtype=np.bool_))
            else:
                share = Share.of(marked(size, needed), before)
            children.append(tuple(torch.from_numpy(child) for child in share.places[needed]))
        top_places = torch.from_numpy(places)
        return replace(self, children=tuple(children[::-1]), top=top_places, counted=tuple(counted[::-1]))


def fusion_graph(
    ids: Ids, ages: Ids, groups: Ids | None, reaches: Sequence[Sequence[int]], vocab_size: int
) -> FusionGraph:
    """The graph of a packed row: `ids` (N,) its symbols, `ages` (N,) how many symbols of the same item lie before each.

    `groups` (N,) numbers the conditions that hold at each position, where there are any. `reaches` says for each level
    how far back its left children lie, the oldest first. Every item begins with the pad symbol, at age 0. A left child
    that would lie before its item is the node of that first symbol: pad, with nothing but pad before it, at each level.
    """
    position = np.arange(len(ids))
    leaves, node = np.arange(vocab_size), ids
    if groups is not None:
        leaves, node = np.unique(groups * vocab_size + ids, return_inverse=True)
    count = len(leaves)
    children = []
    for reach in reaches:
        row = np.stack([*(node[position - np.minimum(ages, back)] for back in reach), node], axis=1)  # (N, K)
        first, node = distinct_rows(row, count)
        count = len(first)
        children.append(tuple(torch.from_numpy(column) for column in row[first].T.copy()))
    symbols, conditions = torch.from_numpy(leaves % vocab_size), torch.from_numpy(leaves // vocab_size)
    whole = (None,) * len(children)
    return FusionGraph(symbols, conditions, tuple(children), torch.from_numpy(node), whole)
