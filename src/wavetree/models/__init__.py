"""The models, by the one contract they all keep. A model speaks ids, never strings, and reads no file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from typing import overload

import torch
from torch import Tensor

from wavetree.config import FlatConfig, ModelConfig, TransformerConfig, TreeConfig, WaveNetConfig
from wavetree.errors import SettingError
from wavetree.models.contract import AnyModel, SequenceModel, Stage, evaluating, moved
from wavetree.models.flat import Flat
from wavetree.models.from_layers import tree_from_layers
from wavetree.models.ngram import Ngram
from wavetree.models.transformer import Transformer
from wavetree.models.tree import Tree
from wavetree.models.wavenet import WaveNet

__all__ = [
    "AnyModel",
    "Flat",
    "Ngram",
    "SequenceModel",
    "Stage",
    "Transformer",
    "Tree",
    "WaveNet",
    "build",
    "evaluating",
    "fits",
    "moved",
    "outline",
    "parameter_count",
    "tree_from_layers",
]


SMALL = 25_000_000
"""Weights; 100 MB of them."""
REPEATS = ("levels", "layers", "stacks", "kernel", "context")
"""Of a model's sizes, those by which matrices become more, or one of them longer; all others are widths."""


@overload
def build(config: TreeConfig, vocab_size: int, seed: int, given_size: int = 0) -> Tree: ...
@overload
def build(config: FlatConfig, vocab_size: int, seed: int, given_size: int = 0) -> Flat: ...
@overload
def build(config: TransformerConfig, vocab_size: int, seed: int, given_size: int = 0) -> Transformer: ...
@overload
def build(config: WaveNetConfig, vocab_size: int, seed: int, given_size: int = 0) -> WaveNet: ...
@overload
def build(config: ModelConfig, vocab_size: int, seed: int, given_size: int = 0) -> AnyModel: ...
def build(config: ModelConfig, vocab_size: int, seed: int, given_size: int = 0) -> AnyModel:
    """A new model, its weights drawn from `seed` alone; torch's own random state is left as it was.

    Raises SettingError for conditions (`given_size`) with a kind of model that takes none.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if isinstance(config, TreeConfig):
            return Tree(config, vocab_size, given_size)
        if isinstance(config, WaveNetConfig):
            return WaveNet(config, vocab_size, given_size)
        if given_size:
            raise SettingError(f"model.kind {config.kind!r} takes no conditions: choose tree or wavenet.")
        if isinstance(config, FlatConfig):
            return Flat(config, vocab_size)
        return Transformer(config, vocab_size)


def outline(config: ModelConfig, vocab_size: int, given_size: int = 0) -> AnyModel:
    """A model to look at the sizes of. A large one holds no weights, which takes a second and 80 MB of torch."""
    with torch.device("meta") if most_weights(config, vocab_size + given_size) > SMALL else nullcontext():
        return build(config, vocab_size, 0, given_size)


def most_weights(config: ModelConfig, symbols: int) -> int:
    """A bound on the weights of a model, from its sizes alone: for each repeat, so many matrices of widths x widths."""
    sizes = {name: value for name, value in config.model_dump().items() if type(value) is int}
    if isinstance(config, WaveNetConfig):
        sizes |= {"levels": len(config.all_dilations), "stacks": 1}
    widths = sum(value for name, value in sizes.items() if name not in REPEATS)
    matrices = (13 if isinstance(config, TransformerConfig) else 3) * math.prod(sizes.get(name, 1) for name in REPEATS)
    return matrices * widths**2 + symbols * (widths + 1)


def fits(model: AnyModel, tensors: Mapping[str, Tensor]) -> bool:
    """Whether these are the weights and buffers of `model`, by name, shape and type."""
    wanted = {name: (tensor.shape, tensor.dtype) for name, tensor in model.state_dict().items()}
    return wanted == {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}


def parameter_count(model: torch.nn.Module) -> int:
    """How many numbers training sets."""
    return sum(p.numel() for p in model.parameters())
