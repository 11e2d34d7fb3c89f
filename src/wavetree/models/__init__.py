"""The models, by the one contract they all keep. A model speaks ids, never strings, and reads no file."""

from __future__ import annotations

from typing import overload

import torch

from wavetree.config import FlatConfig, ModelConfig, TransformerConfig, TreeConfig
from wavetree.models.contract import AnyModel, SequenceModel, Stage, evaluating
from wavetree.models.flat import Flat
from wavetree.models.from_layers import tree_from_layers
from wavetree.models.ngram import Ngram
from wavetree.models.transformer import Transformer
from wavetree.models.tree import Tree

__all__ = [
    "AnyModel",
    "Flat",
    "Ngram",
    "SequenceModel",
    "Stage",
    "Transformer",
    "Tree",
    "build",
    "evaluating",
    "parameter_count",
    "tree_from_layers",
]


@overload
def build(config: TreeConfig, vocab_size: int, seed: int) -> Tree: ...
@overload
def build(config: FlatConfig, vocab_size: int, seed: int) -> Flat: ...
@overload
def build(config: TransformerConfig, vocab_size: int, seed: int) -> Transformer: ...
@overload
def build(config: ModelConfig, vocab_size: int, seed: int) -> AnyModel: ...
def build(config: ModelConfig, vocab_size: int, seed: int) -> AnyModel:
    """A new model, its weights drawn from `seed` alone; torch's own random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if isinstance(config, TreeConfig):
            return Tree(config, vocab_size)
        if isinstance(config, FlatConfig):
            return Flat(config, vocab_size)
        return Transformer(config, vocab_size)


def parameter_count(model: torch.nn.Module) -> int:
    """How many numbers training sets."""
    return sum(p.numel() for p in model.parameters())
