"""The one list of models and the one list of codecs: who joins a list is held to every law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from wavetree.codecs import AlphabetCodec, BytesCodec, Codec, MuLawCodec
from wavetree.config import FlatConfig, NgramConfig, TransformerConfig, TreeConfig, WaveNetConfig
from wavetree.data.packing import PackedItems
from wavetree.inspect.laws import Model
from wavetree.layers import BatchNorm
from wavetree.models import Tree, WaveNet
from wavetree.models.flat import Flat
from wavetree.models.ngram import Ngram
from wavetree.models.transformer import Transformer

VOCAB = 6
Norm = Literal["batch", "layer"]


@dataclass(frozen=True)
class Case:
    """A tiny model: its name, and how it is made for a vocabulary."""

    name: str
    make: Callable[[int], Model]

    def build(self, vocab_size: int = VOCAB, seed: int = 1) -> Model:
        """The model, in single precision and training mode, as a new one is; with weights as a used one has."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return lived_in(self.make(vocab_size))

    def __str__(self) -> str:
        return self.name


def lived_in(model: Model) -> Model:
    """The model with scales, biases and statistics that are not those of a new one, which forgive mistakes."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name == "output.weight":
                parameter.normal_()
            elif (parameter == parameter.flatten()[0]).all():  # all ones or all zeros
                parameter.add_(torch.empty_like(parameter).uniform_(-0.5, 0.5))
        for module in model.modules():
            if isinstance(module, BatchNorm):
                module.running_mean.normal_(std=0.3)
                module.running_var.uniform_(0.5, 2.0)
    return model


def tree(
    levels: int,
    norm: Norm = "batch",
    kind: type[Tree] = Tree,
    vocab_size: int = VOCAB,
    seed: int = 1,
    given_size: int = 0,
) -> Tree:
    """A tiny tree, lived in; `kind` may be a broken one."""
    built = Case("tree", lambda v: kind(TreeConfig(levels=levels, embedding=4, hidden=6, norm=norm), v, given_size))
    model = built.build(vocab_size, seed)
    assert isinstance(model, Tree)
    return model


def tree_case(levels: int, norm: Norm, given_size: int = 0) -> Case:
    name = f"tree-{levels}-{norm}{'-conditioned' if given_size else ''}"
    return Case(name, lambda v: Tree(TreeConfig(levels=levels, embedding=4, hidden=6, norm=norm), v, given_size))


def flat_case(context: int, layers: int, norm: Norm) -> Case:
    settings = FlatConfig(context=context, embedding=3, hidden=6, layers=layers, norm=norm)
    return Case(f"flat-{context}-{layers}-{norm}", lambda v: Flat(settings, v))


def transformer_case(context: int, layers: int) -> Case:
    settings = TransformerConfig(context=context, layers=layers, width=8, heads=2)
    return Case(f"transformer-{context}-{layers}", lambda v: Transformer(settings, v))


def ngram_case(order: int) -> Case:
    """One that has counted so many random items that it met every context."""

    def make(vocab_size: int) -> Ngram:
        codec = AlphabetCodec("abcdefgh"[: vocab_size - 1])
        rng = np.random.default_rng(1)
        texts = [codec.decode(rng.integers(1, vocab_size, length)) for length in rng.integers(0, 12, 800)]
        row = PackedItems(texts, codec).row(np.arange(len(texts)))
        model = Ngram(NgramConfig(order=order), vocab_size)
        model.count(row.ids, row.targets, row.ages)
        return model

    return Case(f"ngram-{order}", make)


def wavenet_case(name: str, given_size: int = 0, kind: type[WaveNet] = WaveNet, **settings: object) -> Case:
    config = WaveNetConfig.model_validate({"channels": 4, "hidden": 5, "skip": 6, **settings})
    return Case(f"wavenet-{name}", lambda v: kind(config, v, given_size))


def wavenet(kind: type[WaveNet] = WaveNet, given_size: int = 0, **settings: object) -> WaveNet:
    """A tiny WaveNet, lived in; `kind` may be a broken one."""
    model = wavenet_case("", given_size, kind, **settings).build()
    assert isinstance(model, WaveNet)
    return model


NORMS: tuple[Norm, ...] = ("batch", "layer")
TREES = [tree_case(levels, norm) for levels in (1, 2, 3, 5) for norm in NORMS]
MODELS = [
    *TREES,
    tree_case(levels=2, norm="batch", given_size=3),
    tree_case(levels=3, norm="layer", given_size=3),
    flat_case(context=1, layers=1, norm="batch"),
    flat_case(context=5, layers=2, norm="layer"),
    transformer_case(context=1, layers=1),
    transformer_case(context=4, layers=1),
    transformer_case(context=3, layers=3),
    wavenet_case("1-stack", levels=3),
    wavenet_case("2-stacks", stacks=2, levels=2),
    wavenet_case("kernel-3", stacks=2, levels=2, kernel=3, norm="none"),
    wavenet_case("any-dilations", dilations=(4, 1, 1, 2), dropout=0.3),
    wavenet_case("conditioned", given_size=3, levels=2),
    wavenet_case("kernel-3-conditioned", given_size=1, dilations=(1, 3, 2), kernel=3),
    ngram_case(order=2),
    ngram_case(order=4),
]

CODECS: list[Codec] = [
    AlphabetCodec("a"),
    AlphabetCodec("abcdefghijklmnopqrstuvwxyz"),
    AlphabetCodec.of(["zoë", "e\u0301", "ß", "ẞ", "İi̇"]),  # accents that stand alone, letters that change their length
    AlphabetCodec.of(["\t ", "\x00\x7f", "'\"\\", "·", "(end)"]),
    AlphabetCodec.of(["日本", "👩‍🚀", "\U0010ffff"]),
    BytesCodec(),
    MuLawCodec(16_000),
]
