"""The flat model: all symbols of the context side by side, and one wide look at them (Bengio et al. 2003).

To see more it must widen its input: R symbols of E numbers make a first layer of R E x H weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from wavetree.config import FlatConfig
from wavetree.layers import make_norm, normed
from wavetree.models.contract import Stage
from wavetree.models.history import HistoryModel, Windows
from wavetree.models.tree import OUTPUT_SCALE


class Flat(HistoryModel):
    """Embeddings of the last `context` symbols, concatenated; `layers` of linear, norm and tanh; the output layer."""

    def __init__(self, config: FlatConfig, vocab_size: int) -> None:
        super().__init__()
        self.config, self.vocab_size = config, vocab_size
        widths = [config.context * config.embedding] + [config.hidden] * config.layers
        self.embedding = nn.Embedding(vocab_size, config.embedding)
        self.linears = [nn.Linear(a, b, bias=False) for a, b in pairwise(widths)]
        self.layers = nn.ModuleList(self.linears)
        self.norms = nn.ModuleList(make_norm(config.norm, width) for width in widths[1:])
        self.output = nn.Linear(config.hidden, vocab_size)
        with torch.no_grad():
            for linear in self.linears:
                linear.weight.normal_(std=1 / linear.in_features**0.5)
            self.output.weight.normal_(std=OUTPUT_SCALE / config.hidden**0.5)
            self.output.bias.zero_()

    @property
    def receptive_field(self) -> int:
        """R: the context."""
        return self.config.context

    @property
    def matrices(self) -> Mapping[Parameter, int]:
        """The weights of the hidden layers."""
        return {cast(Parameter, linear.weight): 1 for linear in self.linears}

    @property
    def stages(self) -> list[Stage]:
        """The embedding, the hidden layers, the output: the first of them sees everything."""
        field = self.receptive_field
        hidden = [Stage(f"hidden {number}", linear, field) for number, linear in enumerate(self.linears)]
        return [Stage("embedding", self.embedding, 1), *hidden, Stage("output", self.output, field)]

    def window(self, ids: Tensor, given: Tensor | None = None) -> Tensor:
        """Ids (B, R) to logits (B, V)."""
        return self._counting(ids, None)

    def packed(self, prepared: Windows, given: Tensor | None = None) -> Tensor:
        """Every output of a packed row of N symbols: logits (N, V)."""
        return self._counting(prepared.distinct, prepared.counted).index_select(0, prepared.chosen)

    def _counting(self, ids: Tensor, counted: int | None) -> Tensor:
        """Ids (B, R) to logits (B, V), with only the first `counted` windows in the statistics of the norms."""
        x = self.embedding(ids).flatten(1)  # (B, R E)
        for linear, norm in zip(self.linears, self.norms, strict=True):
            x = torch.tanh(normed(norm, linear(x), counted))  # (B, H)
        logits: Tensor = self.output(x)  # (B, V)
        return logits
