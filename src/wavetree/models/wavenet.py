"""The WaveNet: fusions with a gate, at any dilations, with residuals that go up and skips that go out.

    B batch   T time   N positions of a packed row   K kernel   d_l dilation of level l   L levels   V vocabulary
    C channels of the residual   H hidden, behind the gate   S skip

    x_0[t]     = embedding of symbol t, and of what is given with it (layers/embedding.py)
    z_l[t]     = gate_l(x_l[t - (K - 1) d_l], ..., x_l[t - d_l], x_l[t])           (layers/gated.py)
    x_l+1[t]   = x_l[t] + residual_l(z_l[t])                                       l = 0 ... L - 2
    s[t]       = skip_0(z_0[t]) + ... + skip_L-1(z_L-1[t])
    logits[t]  = W2 relu(W1 relu(s[t]) + b1) + b2                                  for the symbol at t + 1

It sees R = 1 + (K - 1) (d_0 + ... + d_L-1) symbols. The runs are those of models/tree.py, over another fusion: with
K = 2 and dilations 1, 2, 4 ... the window halves at every level just as there; with others `window` keeps of each level
what the levels above it need. What lies before the beginning is pad, for ever, and so each level's response to pad.
Source: van den Oord et al. 2016. Where `norm` is "layer", x is normed by position before it is fused (Ba et al. 2016),
and s before the output; the paper has no norm.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import cached_property, reduce
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Parameter

from wavetree.codecs import PAD
from wavetree.config import WaveNetConfig
from wavetree.layers import FusedPlan, GatedBlock, SymbolEmbedding, fused_skips
from wavetree.models import ring
from wavetree.models.contract import Ids, SequenceModel, Stage
from wavetree.models.graph import FusionGraph, fusion_graph
from wavetree.models.history import MOST
from wavetree.models.ring import Ring
from wavetree.models.tree import OUTPUT_SCALE

WaveNetState = tuple[Ring, ...]
"""For each level the last (K - 1) d normed vectors."""


class WaveNet(SequenceModel[WaveNetState, FusionGraph]):
    """A gated block for each dilation, over a vocabulary of `vocab_size` ids of which 0 is the pad symbol."""

    def __init__(self, config: WaveNetConfig, vocab_size: int, given_size: int = 0) -> None:
        super().__init__()
        self.config, self.vocab_size, self.given_size = config, vocab_size, given_size
        self.dilations = config.all_dilations
        self.embedding = SymbolEmbedding(vocab_size, config.channels, given_size)
        self.blocks = [
            GatedBlock(
                config.channels,
                config.hidden,
                config.skip,
                config.kernel,
                config.norm,
                config.dropout,
                last=level == len(self.dilations) - 1,
            )
            for level in range(len(self.dilations))
        ]
        self.levels = nn.ModuleList(self.blocks)
        self.norm: nn.Module = nn.LayerNorm(config.skip) if config.norm == "layer" else nn.Identity()
        self.head = nn.Linear(config.skip, config.skip)
        self.output = nn.Linear(config.skip, vocab_size)
        with torch.no_grad():
            self.output.weight.normal_(std=OUTPUT_SCALE / config.skip**0.5)
            self.output.bias.zero_()

    @property
    def receptive_field(self) -> int:
        """R: every level reaches (K - 1) d symbols further back."""
        return 1 + (self.config.kernel - 1) * sum(self.dilations)

    @property
    def matrices(self) -> Mapping[Parameter, int]:
        """The weights of the gates (each two), the residuals and the skips, and of the first layer of the output."""
        linears = [linear for block in self.blocks for linear in (block.residual, block.skip) if linear is not None]
        gates = {block.weight: 2 for block in self.blocks}
        return gates | {cast(Parameter, each.weight): 1 for each in (*linears, self.head)}

    @property
    def stages(self) -> list[Stage]:
        """The embedding, the blocks, the norm of the skips, where there is one, and the two layers of the output."""
        seen, stages = 1, [Stage("embedding", self.embedding, 1)]  # bit k of `seen`: the symbol k back
        for level, (block, dilation) in enumerate(zip(self.blocks, self.dilations, strict=True)):
            seen = reduce(operator.or_, (seen << k * dilation for k in range(self.config.kernel)))
            stages.append(Stage(f"level {level} gate, {dilation} apart", block, seen.bit_count()))
        last = {"norm": self.norm, "head": self.head, "output": self.output}
        if self.config.norm == "none":
            del last["norm"]
        return [*stages, *(Stage(name, layer, self.receptive_field) for name, layer in last.items())]

    @property
    def reaches(self) -> list[list[int]]:
        """For each level how far back its left children lie, the oldest first: (K - 1) d, ..., d."""
        return [[k * dilation for k in range(self.config.kernel - 1, 0, -1)] for dilation in self.dilations]

    @cached_property
    def _window_children(self) -> list[list[Tensor]]:
        """For each level the places of its K children among the vectors that the window run keeps of the level below.

        From the top down: the output needs the last vector, and each vector needs its children.
        """
        needed, levels = [0], []  # how far back from the last symbol, the oldest first
        for reach in reversed(self.reaches):
            below = sorted({back + far for back in needed for far in (*reach, 0)}, reverse=True)
            place = {back: i for i, back in enumerate(below)}
            levels.append([torch.tensor([place[back + far] for back in needed]) for far in (*reach, 0)])
            needed = below
        return levels[::-1]

    def window(self, ids: Tensor, given: Tensor | None = None) -> Tensor:
        """The definition. Ids (B, R), exactly the symbols that a prediction sees, to logits (B, V); given (B, R, G)."""
        x = self.embedding(ids, given)  # (B, R, C)
        skips = x.new_zeros(1, ids.shape[1], self.config.skip)  # (1, R, S)
        for block, children in zip(self.blocks, self._window_children, strict=True):
            places = [child.to(x.device) for child in children]
            u, right = block.norm(x), places[-1]
            x, skips = block([u[:, place] for place in places], x[:, right], skips[:, right])  # (B, fewer, C and S)
        return self.predict(skips[:, 0])

    def start(self, given: Tensor | None = None) -> WaveNetState:
        """The state before the first symbol: each level's response to nothing but pad. Given (B, G), it fits that B."""
        x = self.embedding(torch.full((1,), PAD, device=self.device), given)  # (1 or B, C)
        skips = x.new_zeros(1, self.config.skip)
        rings = []
        for block, dilation in zip(self.blocks, self.dilations, strict=True):
            u = block.norm(x)
            rings.append((u,) * ((self.config.kernel - 1) * dilation))
            x, skips = block([u] * self.config.kernel, x, skips)
        return tuple(rings)

    def stream(self, ids: Tensor, state: WaveNetState, given: Tensor | None = None) -> tuple[Tensor, WaveNetState]:
        """The dense run from a state on: ids (B, T) and a state to logits (B, T, V) and the state after them."""
        x = self.embedding(ids, given)  # (B, T, C)
        batch, time = ids.shape
        skips = x.new_zeros(1, 1, self.config.skip)
        after = []
        for block, dilation, past in zip(self.blocks, self.dilations, state, strict=True):
            row = torch.cat([ring.in_a_row(past, batch), block.norm(x)], dim=1)  # (B, (K - 1) d + T, C)
            after.append(row[:, time:].unbind(1))
            children = [row[:, k * dilation : k * dilation + time] for k in range(self.config.kernel)]
            x, skips = block(children, x, skips)  # (B, T, C and S)
        return self.predict(skips), tuple(after)

    def rows(
        self, ids: Tensor, seed: int, given: Tensor | None = None, before: Tensor | None = None, first: int = 0
    ) -> Tensor:
        """Ids (B, T) to logits (B, T, V): see the contract. In fewer passes over memory than `dense` (layers/fused.py);
        and without dropout and conditions the first level once for positions that fuse the same symbols.

        Where conditions change within a row, the pad before it is another than the row's first, and it is `dense`; so
        it is on a GPU and in float64, since the fused stack is compiled for float32 on the CPU. Dropout is torch's own
        then, which draws for the pad before the rows once for all of them.
        """
        fused = ids.device.type == "cpu" and self.output.weight.dtype == torch.float32
        if not fused or (given is not None and given.shape[1] > 1):
            return self.dense(ids, given, before)
        precision = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
        norm, dropout = self.blocks[0].norm, self.config.dropout if self.training else 0.0
        alike = self._alike(ids) if given is None and not dropout and len(self.blocks) > 1 else None
        below = 0 if alike is None else 1
        plan = FusedPlan(
            reaches=tuple(tuple(reach) for reach in self.reaches[below:]),
            epsilon=norm.eps if isinstance(norm, nn.LayerNorm) else -1.0,
            precision=precision,
            dropout=dropout,
            seed=seed,
            first=first * ids.shape[1],
            learning=torch.is_grad_enabled(),
        )
        if alike is None:
            return self.predict(fused_skips(self.embedding(ids, given), self.blocks, plan))  # (B, T, V)
        x, skips = self._first_level(*alike)
        return self.predict(skips + fused_skips(x, self.blocks[below:], plan))  # (B, T, V)

    def _alike(self, ids: Tensor) -> tuple[list[Tensor], Tensor] | None:
        """The different K symbols that the first level fuses in rows (B, T), K of (M,), the oldest first; and which of
        them each position has, (B, T). None where more than half of the positions differ. Of the pairs in 768 symbols
        of text some 330 are different ones."""
        size, at = self.vocab_size, torch.arange(ids.shape[1])
        if size**self.config.kernel > MOST:
            return None
        fused = [ids[:, (at - back).clamp(min=0)] for back in (*self.reaches[0], 0)]
        codes, place = torch.unique(reduce(lambda code, symbol: code * size + symbol, fused), return_inverse=True)
        if 2 * len(codes) > place.numel():
            return None
        return [codes // size**k % size for k in range(len(fused) - 1, -1, -1)], place

    def _first_level(self, symbols: Sequence[Tensor], place: Tensor) -> tuple[Tensor, Tensor]:
        """The first block once for the different symbols, put where they belong: x (B, T, C), skips (B, T, S)."""
        block = self.blocks[0]
        u = block.norm(self.embedding.weight)  # (V, C)
        right = F.embedding(symbols[-1], self.embedding.weight)  # (M, C)
        x, skips = block([F.embedding(symbol, u) for symbol in symbols], right, u.new_zeros(1, self.config.skip))
        return F.embedding(place, x), F.embedding(place, skips)

    def step(self, ids: Tensor, state: WaveNetState, given: Tensor | None = None) -> tuple[Tensor, WaveNetState]:
        """One symbol on: ids (B,) and a state to logits (B, V) for the next symbol and the state after this one."""
        x = self.embedding(ids, given)  # (B, C)
        skips = x.new_zeros(1, self.config.skip)
        after = []
        for block, dilation, past in zip(self.blocks, self.dilations, state, strict=True):
            u = block.norm(x)
            after.append((*past[1:], u))
            children = [vector.expand_as(u) for vector in past[::dilation]]
            x, skips = block([*children, u], x, skips)  # (B, C and S)
        return self.predict(skips), tuple(after)

    def select(self, state: WaveNetState, keep: Tensor) -> WaveNetState:
        """The state of the chosen members of a batch; a vector that all share stays shared."""
        return ring.select(state, keep)

    def prepare(self, ids: Ids, ages: Ids, groups: Ids | None = None) -> FusionGraph:
        """What `packed` needs of a row of whole items; touches no weight, so it can be made ahead."""
        return fusion_graph(ids, ages, groups, self.reaches, self.vocab_size)

    def packed(self, graph: FusionGraph, given: Tensor | None = None) -> Tensor:
        """Every output of a packed row of N symbols: logits (N, V)."""
        x = self.embedding(graph.leaves, None if given is None else given[graph.groups])  # (leaves, C)
        skips = x.new_zeros(len(x), self.config.skip)
        for block, nodes in zip(self.blocks, graph.children, strict=True):
            u, right = block.norm(x), nodes[-1]
            x, skips = block([u[node] for node in nodes], x[right], skips[right])  # (distinct nodes, C and S)
        return self.predict(skips).index_select(0, graph.top)  # (N, V)

    def predict(self, skips: Tensor) -> Tensor:
        """The sum of the skips (..., S) to logits (..., V)."""
        logits: Tensor = self.output(F.relu(self.head(F.relu(self.norm(skips)))))
        return logits
