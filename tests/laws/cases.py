"""The one list of models and the one list of codecs: who joins a list is held to every law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from wavetree.codecs import AlphabetCodec
from wavetree.config import ModelConfig
from wavetree.layers import BatchNorm
from wavetree.models import Tree

VOCAB = 6


@dataclass(frozen=True)
class Case:
    """A tiny model: its settings, and how it is made of them."""

    config: ModelConfig
    make: Callable[[ModelConfig, int], Tree] = Tree

    def build(self, vocab_size: int = VOCAB, seed: int = 1) -> Tree:
        """The model, in single precision and training mode, as a new one is; with weights as a used one has."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return lived_in(self.make(self.config, vocab_size))

    def __str__(self) -> str:
        return f"tree-{self.config.levels}-{self.config.norm}"


def lived_in(model: Tree) -> Tree:
    """The model with scales, biases and statistics that are not those of a new one, which forgive mistakes."""
    with torch.no_grad():
        model.output.weight.normal_()
        model.output.bias.normal_()
        for norm in (fuse.norm for fuse in model.fusions):
            norm.weight.uniform_(0.7, 1.4)
            norm.bias.normal_(std=0.5)
            if isinstance(norm, BatchNorm):
                norm.running_mean.normal_(std=0.3)
                norm.running_var.uniform_(0.5, 2.0)
    return model


def tiny(levels: int, norm: str, make: Callable[[ModelConfig, int], Tree] = Tree) -> Case:
    return Case(ModelConfig(levels=levels, embedding=4, hidden=6, norm=norm), make)


MODELS = [tiny(levels, norm) for levels in (1, 2, 3, 5) for norm in ("batch", "layer")]

CODECS = [
    AlphabetCodec("a"),
    AlphabetCodec("abcdefghijklmnopqrstuvwxyz"),
    AlphabetCodec.of(["zoë", "e\u0301", "ß", "ẞ", "İi̇"]),  # accents that stand alone, letters that change their length
    AlphabetCodec.of(["\t ", "\x00\x7f", "'\"\\", "·", "(end)"]),
    AlphabetCodec.of(["日本", "👩‍🚀", "\U0010ffff"]),
]
