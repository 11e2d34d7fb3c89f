"""The models, by the one contract they all keep. A model speaks ids, never strings, and reads no file."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import overload

import torch

from wavetree.config import FlatConfig, ModelConfig, TransformerConfig, TreeConfig, WaveNetConfig
from wavetree.errors import SettingError
from wavetree.models.contract import AnyModel, SequenceModel, Stage, evaluating
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
    "outline",
    "parameter_count",
    "tree_from_layers",
]


SMALL = 50_000_000
"""A model whose three largest sizes multiply to less has some 100 MB of weights at most."""


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
    sizes = sorted(value for value in config.model_dump().values() if type(value) is int)
    large = math.prod(sizes[-3:]) > SMALL
    with torch.device("meta") if large else nullcontext():
        return build(config, vocab_size, 0, given_size)


def parameter_count(model: torch.nn.Module) -> int:
    """How many numbers training sets."""
    return sum(p.numel() for p in model.parameters())
