"""The transformer: stacked refinement like the tree's, with attention as the step (Vaswani et al. 2017).

Each layer lets a position look at itself and at the `context` - 1 positions before it. Where a key lies is told by a
learned bias for each distance (Raffel et al. 2020, section 2.1), not by an absolute position: so pad before the
beginning has one answer at every layer, as in the tree, and the runs agree. R = layers * (context - 1) + 1.

    B batch   T time   C = width   H heads   D = C / H   W = context
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Parameter

from wavetree.codecs import PAD
from wavetree.config import TransformerConfig
from wavetree.models.contract import Ids, SequenceModel, Stage
from wavetree.models.tree import OUTPUT_SCALE

Past = tuple[Tensor, Tensor]
"""Keys and values of the last W - 1 positions, (B, H, W - 1, D) each, or (1, ...) if all B are alike."""
TransformerState = tuple[Past, ...]
"""The past of each layer."""


@dataclass(frozen=True)
class Rectangle:
    """The items of a packed row one above the other, (B, T), and where in it each of the N positions lies."""

    ids: Tensor
    places: Tensor


class Block(nn.Module):
    """One layer: attention, then two linear layers, each added to what came in."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.before_attention, self.before_linear = nn.LayerNorm(width), nn.LayerNorm(width)
        self.projections = nn.Linear(width, 3 * width, bias=False)
        self.join = nn.Linear(width, width, bias=False)
        self.nearness = nn.Parameter(torch.zeros(config.heads, config.context))
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, past: Past) -> tuple[Tensor, Past]:
        """T positions (B, T, C), and the keys and values of the W - 1 before them, to the same after this layer."""
        batch, time, width = x.shape
        context = self.config.context
        queries, new_keys, new_values = self.projected(x)
        keys = torch.cat([past[0].expand(batch, -1, -1, -1), new_keys], dim=2)  # (B, H, W - 1 + T, D)
        values = torch.cat([past[1].expand(batch, -1, -1, -1), new_values], dim=2)
        places = torch.arange(context - 1 + time, device=x.device)  # (W - 1 + T,)
        distance = places[:time, None] + context - 1 - places  # (T, W - 1 + T)
        near = (distance >= 0) & (distance < context)
        bias = self.nearness[:, distance.clamp(0, context - 1)].masked_fill(~near, -torch.inf)  # (H, T, W - 1 + T)
        found = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias[None])  # (B, H, T, D)
        x = x + self.join(found.transpose(1, 2).reshape(batch, time, width))  # (B, T, C)
        x = x + self.narrow(F.gelu(self.widen(self.before_linear(x))))  # (B, T, C)
        return x, (keys[:, :, time:], values[:, :, time:])

    def past(self, x: Tensor) -> Past:
        """Keys and values of the W - 1 positions x (B, W - 1, C)."""
        _, keys, values = self.projected(x)
        return keys, values

    def projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of positions (B, T, C), (B, H, T, D) each."""
        batch, time, width = x.shape
        heads = self.config.heads
        split = self.projections(self.before_attention(x)).view(batch, time, 3, heads, width // heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        return queries, keys, values


class Transformer(SequenceModel[TransformerState, Rectangle]):
    """`layers` blocks over a vocabulary of `vocab_size` ids of which 0 is the pad symbol."""

    def __init__(self, config: TransformerConfig, vocab_size: int) -> None:
        super().__init__()
        self.config, self.vocab_size = config, vocab_size
        self.embedding = nn.Embedding(vocab_size, config.width)
        self.blocks = [Block(config) for _ in range(config.layers)]
        self.layers = nn.ModuleList(self.blocks)
        self.norm = nn.LayerNorm(config.width)
        self.output = nn.Linear(config.width, vocab_size)
        with torch.no_grad():
            self.output.weight.normal_(std=OUTPUT_SCALE / config.width**0.5)
            self.output.bias.zero_()

    @property
    def receptive_field(self) -> int:
        """R: every layer reaches `context` - 1 symbols further back."""
        return self.config.layers * (self.config.context - 1) + 1

    @property
    def matrices(self) -> Mapping[Parameter, int]:
        """The weights of every block's linear layers."""
        linears = [linear for b in self.blocks for linear in (b.projections, b.join, b.widen, b.narrow)]
        return {cast(Parameter, linear.weight): 1 for linear in linears}

    @property
    def stages(self) -> list[Stage]:
        """The embedding, the blocks, each of which reaches W - 1 symbols further back, a norm, the output."""
        reach, field = self.config.context - 1, self.receptive_field
        blocks = [Stage(f"block {k}", block, (k + 1) * reach + 1) for k, block in enumerate(self.blocks)]
        last = [Stage("norm", self.norm, field), Stage("output", self.output, field)]
        return [Stage("embedding", self.embedding, 1), *blocks, *last]

    def window(self, ids: Tensor, given: Tensor | None = None) -> Tensor:
        """Ids (B, R) to logits (B, V). Every layer keeps the positions with all W - 1 before them in the window."""
        x, reach = self.embedding(ids), self.config.context - 1  # (B, R, C)
        for block in self.blocks:
            x, _ = block(x[:, reach:], block.past(x[:, :reach]))  # (B, T - W + 1, C)
        logits: Tensor = self.output(self.norm(x[:, 0]))  # (B, V)
        return logits

    def start(self, given: Tensor | None = None) -> TransformerState:
        """The state before the first symbol: every layer's keys and values of pad with nothing but pad before it."""
        x = self.embedding.weight[None, PAD : PAD + 1]  # (1, 1, C)
        state = []
        for block in self.blocks:
            state.append(block.past(x.expand(-1, self.config.context - 1, -1)))
            x, _ = block(x, state[-1])  # (1, 1, C)
        return tuple(state)

    def stream(
        self, ids: Tensor, state: TransformerState, given: Tensor | None = None
    ) -> tuple[Tensor, TransformerState]:
        """Ids (B, T) and a state to logits (B, T, V) and the state after them. Memory grows with T squared."""
        x = self.embedding(ids)  # (B, T, C)
        after = []
        for block, past in zip(self.blocks, state, strict=True):
            x, now = block(x, past)  # (B, T, C)
            after.append(now)
        return self.output(self.norm(x)), tuple(after)

    def step(
        self, ids: Tensor, state: TransformerState, given: Tensor | None = None
    ) -> tuple[Tensor, TransformerState]:
        """Ids (B,) and a state to logits (B, V) and the state after them; keys and values are not computed again."""
        logits, after = self.stream(ids[:, None], state)
        return logits[:, 0], after

    def select(self, state: TransformerState, keep: Tensor) -> TransformerState:
        """The state of the chosen members of a batch."""
        if len(state[0][0]) == 1:
            return state
        return tuple((keys.index_select(0, keep), values.index_select(0, keep)) for keys, values in state)

    def prepare(self, ids: Ids, ages: Ids, groups: Ids | None = None) -> Rectangle:
        """Items beneath each other, each filled up with pad at its end, which none of its outputs sees."""
        item = np.cumsum(ages == 0) - 1  # (N,)
        shape = (int(item[-1]) + 1, int(ages.max()) + 1) if len(ids) else (0, 0)
        rectangle = np.full(shape, PAD, dtype=np.int64)
        rectangle[item, ages] = ids
        return Rectangle(torch.from_numpy(rectangle), torch.from_numpy(item * shape[1] + ages))

    def packed(self, prepared: Rectangle, given: Tensor | None = None) -> Tensor:
        """Every output of a packed row of N symbols: logits (N, V)."""
        logits = self.dense(prepared.ids)  # (B, T, V)
        return logits.flatten(0, 1).index_select(0, prepared.places)
