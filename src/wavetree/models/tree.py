"""The tree of pairwise fusions: one equation, one set of weights, and four places to find the left neighbour in.

    B batch   T time   N positions of a packed row   C channels (E at level 0, H above)   V vocabulary   L levels

    h_0[t]     = embedding of symbol t, and of what is given with it (layers/embedding.py)
    h_l+1[t]   = fuse_l(h_l[t - 2**l], h_l[t])                 l = 0 ... L - 1
    logits[t]  = W h_L[t] + b                                  for the symbol at t + 1

    run      used for               left neighbour                            fusions
    window   the definition         the even half of a window that halves     2**L - 1 an output
    dense    running sequences      the same level, 2**l positions earlier    L an output
    packed   training, scoring      found by index, in whole items            every distinct one once, at most L an outp
    step     generation, streams    the oldest of the last 2**l vectors       L a step (many at once: generate/crowd.py)

What lies before the beginning is the pad symbol, for ever. So each level has one constant response to nothing but pad,
and `start` is the state that is full of it. The hierarchy is that of van den Oord et al. 2016 (WaveNet), section 2.1,
with the fusion of Bengio et al. 2003. The runs agree in evaluation mode; with batch norm, training mode looks at the
whole batch (see layers/norm.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from wavetree.codecs import PAD
from wavetree.config import TreeConfig
from wavetree.layers import Fuse, SymbolEmbedding
from wavetree.models import ring
from wavetree.models.contract import Ids, SequenceModel, Stage
from wavetree.models.graph import FusionGraph, fusion_graph
from wavetree.models.ring import Ring

TreeState = tuple[Ring, ...]
"""For each level l the last 2**l vectors."""

OUTPUT_SCALE = 0.1
"""The output layer starts this much smaller, so that the first predictions are unsure rather than wrong."""


class Tree(SequenceModel[TreeState, FusionGraph]):
    """`levels` fusions deep, over a vocabulary of `vocab_size` ids of which 0 is the pad symbol."""

    def __init__(self, config: TreeConfig, vocab_size: int, given_size: int = 0) -> None:
        super().__init__()
        self.config, self.vocab_size, self.given_size = config, vocab_size, given_size
        widths = [config.embedding] + [config.hidden] * config.levels
        self.embedding = SymbolEmbedding(vocab_size, config.embedding, given_size)
        self.fusions = [Fuse(c, h, config.norm) for c, h in pairwise(widths)]
        self.levels = nn.ModuleList(self.fusions)
        self.output = nn.Linear(config.hidden, vocab_size)
        with torch.no_grad():
            self.output.weight.normal_(std=OUTPUT_SCALE / config.hidden**0.5)
            self.output.bias.zero_()

    @property
    def receptive_field(self) -> int:
        """R: how many symbols a prediction sees, 2**L."""
        return 1 << len(self.levels)

    @property
    def matrices(self) -> Mapping[Parameter, int]:
        """The L weight matrices of the fusions."""
        return {fuse.weight: 1 for fuse in self.fusions}

    @property
    def stages(self) -> list[Stage]:
        """The embedding, a fusion for each level, the output."""
        levels = [Stage(f"level {level} fuse", fuse, 2 << level) for level, fuse in enumerate(self.fusions)]
        return [Stage("embedding", self.embedding, 1), *levels, Stage("output", self.output, self.receptive_field)]

    def window(self, ids: Tensor, given: Tensor | None = None) -> Tensor:
        """The definition. Ids (B, R), exactly the symbols that a prediction sees, to logits (B, V); given (B, R, G)."""
        x = self.embedding(ids, given)  # (B, R, E)
        for fuse in self.fusions:
            x = fuse(x[:, 0::2], x[:, 1::2])  # (B, T / 2, H)
        logits: Tensor = self.output(x[:, 0])  # (B, V)
        return logits

    def start(self, given: Tensor | None = None) -> TreeState:
        """The state before the first symbol: each level's response to nothing but pad. Given (B, G), it fits that B."""
        x = self.embedding(torch.full((1,), PAD, device=self.device), given)  # (1 or B, E)
        rings = []
        for level, fuse in enumerate(self.fusions):
            rings.append((x,) * (1 << level))
            x = fuse(x, x)  # (1 or B, H)
        return tuple(rings)

    def stream(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        """The dense run from a state on: ids (B, T) and a state to logits (B, T, V) and the state after them."""
        x = self.embedding(ids, given)  # (B, T, E)
        batch, time = ids.shape
        after = []
        for fuse, past in zip(self.fusions, state, strict=True):
            row = torch.cat([ring.in_a_row(past, batch), x], dim=1)  # (B, 2**l + T, C)
            after.append(row[:, time:].unbind(1))
            x = fuse(row[:, :time], x)  # (B, T, H)
        return self.output(x), tuple(after)

    def step(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        """One symbol on: ids (B,) and a state to logits (B, V) for the next symbol and the state after this one."""
        x = self.embedding(ids, given)  # (B, E)
        after = []
        for fuse, past in zip(self.fusions, state, strict=True):
            after.append((*past[1:], x))
            x = fuse(past[0], x)  # (B, H)
        return self.output(x), tuple(after)

    def select(self, state: TreeState, keep: Tensor) -> TreeState:
        """The state of the chosen members of a batch; a vector that all share stays shared."""
        return ring.select(state, keep)

    def prepare(self, ids: Ids, ages: Ids, groups: Ids | None = None) -> FusionGraph:
        """What `packed` needs of a row of whole items; touches no weight, so it can be made ahead."""
        return fusion_graph(ids, ages, groups, [[1 << level] for level in range(len(self.levels))], self.vocab_size)

    def packed(self, graph: FusionGraph, given: Tensor | None = None) -> Tensor:
        """Every output of a packed row of N symbols: logits (N, V)."""
        x = self.embedding(graph.leaves, None if given is None else given[graph.groups])  # (leaves, E)
        for fuse, (left, right), counted in zip(self.fusions, graph.children, graph.counted, strict=True):
            x = fuse.between(x, left, right, counted)  # (distinct nodes of this level, H)
        logits: Tensor = self.output(x)  # (distinct nodes of the last level, V)
        return logits.index_select(0, graph.top)  # (N, V)
