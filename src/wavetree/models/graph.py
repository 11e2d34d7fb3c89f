"""Which nodes a packed row of whole items needs: every distinct fusion once.

A node of level l stands for the 2**l symbols that it sees. Two positions that see the same symbols share the node, so
the items of a batch share the nodes of their common beginnings, and most nodes of the low levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wavetree.models.contract import Ids


@dataclass(frozen=True)
class FusionGraph:
    """Node n of level l + 1 fuses `children[l][0][n]` and `children[l][1][n]` of level l; level 0 is the alphabet.

    `top` (N,) is the node of the last level that each of the N positions ends in.
    """

    children: tuple[tuple[Tensor, Tensor], ...]
    top: Tensor


def fusion_graph(ids: Ids, ages: Ids, levels: int, vocab_size: int) -> FusionGraph:
    """The graph of a packed row: `ids` (N,) its symbols, `ages` (N,) how many symbols of the same item lie before each.

    Every item begins with the pad symbol, at age 0. A left neighbour that would lie before its item is the node of that
    first symbol: pad, with nothing but pad before it, at every level.
    """
    position = np.arange(len(ids))
    node, count = ids, vocab_size
    children = []
    for level in range(levels):
        left = node[position - np.minimum(ages, 1 << level)]
        pairs, node = np.unique(left * count + node, return_inverse=True)
        children.append((torch.from_numpy(pairs // count), torch.from_numpy(pairs % count)))
        count = len(pairs)
    return FusionGraph(tuple(children), torch.from_numpy(node))
