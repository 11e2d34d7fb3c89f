"""A network that was snapped together from scratch layers, as the tree that it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import torch
from pydantic import ValidationError

from wavetree.config import TreeConfig
from wavetree.errors import InputError
from wavetree.layers import BatchNorm
from wavetree.layers.scratch import BatchNorm1d, Embedding, FlattenConsecutive, Linear, Sequential, Tanh
from wavetree.models.tree import Tree

Kind = TypeVar("Kind")


def tree_from_layers(network: Sequential) -> Tree:
    """The tree with the weights of `network`, in its precision and mode. They share no memory.

    The network is an Embedding; for each level FlattenConsecutive(2), Linear without bias, BatchNorm1d, Tanh; and a
    Linear. Nested Sequentials are read through. Gamma, beta, eps, momentum and the running statistics are taken over as
    they are, so in evaluation mode the logits are equal, in every run of the tree. Trained on, the two part: the
    scratch batch norm divides by the unbiased variance. Run folders do not keep eps, which is 1e-5 there.

    Raises InputError if the network is no tree, with the layer that is in the way; so it does for a batch norm over the
    wrong axes, which treats the positions of a window differently, and no tree does.
    """
    row = _Row(network)
    embedding = row.take(Embedding)
    vocab_size, channels = embedding.weight.shape
    levels: list[tuple[Linear, BatchNorm1d]] = []
    while row.nears(FlattenConsecutive) or not levels:
        if row.take(FlattenConsecutive).n != 2:
            raise row.error("a tree fuses 2 neighbours at a time")
        linear = row.take(Linear)
        fan_in, fan_out = linear.weight.shape
        hidden = levels[0][0].weight.shape[1] if levels else fan_out
        if (fan_in, fan_out) != (2 * channels, hidden):
            raise row.error(f"a tree would have Linear({2 * channels}, {hidden}, bias=False) there")
        if linear.bias is not None:
            raise row.error("a tree has no bias there, since the batch norm subtracts it again: set bias=False")
        norm = row.take(BatchNorm1d)
        if len(norm.gamma) != hidden:
            raise row.error(f"the layer before it makes {hidden} channels")
        row.take(Tanh)
        above = row.nears(FlattenConsecutive)  # at the last level time may be used up, and axis 0 be all there is
        if norm.running_mean.numel() != hidden or (above and norm.dims is not None and set(norm.dims) != {0, 1}):
            raise row.error(
                "its statistics are not taken over both batch and time: they differ from position to position, "
                "and no tree does. Leave out dims, and train again",
                back=1,
            )
        levels.append((linear, norm))
        channels = hidden
    output = row.take(Linear)
    if output.weight.shape != (channels, vocab_size):
        raise row.error(f"a tree would have Linear({channels}, {vocab_size}) there")
    if output.bias is None:
        raise row.error("the output layer of a tree has a bias")
    row.end()

    try:
        config = TreeConfig(levels=len(levels), embedding=embedding.weight.shape[1], hidden=channels)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"this network is too large for a tree: {first['loc'][0]}: {first['msg'].lower()}.") from None
    tree = Tree(config, vocab_size).to(embedding.weight.dtype)
    with torch.no_grad():
        tree.embedding.weight.copy_(embedding.weight)
        for fuse, (linear, norm) in zip(tree.fusions, levels, strict=True):
            fuse.weight.copy_(linear.weight.T)  # (H, 2C)
            fuse.norm = _batch_norm(norm)
        tree.output.weight.copy_(output.weight.T)  # (V, H)
        tree.output.bias.copy_(output.bias)
    return tree.train(levels[0][1].training)


def _batch_norm(norm: BatchNorm1d) -> BatchNorm:
    """The same norm as a torch module; its running statistics (C,), (1, C) or (1, 1, C) become (C,)."""
    made = BatchNorm(len(norm.gamma), norm.eps, norm.momentum).to(norm.gamma.dtype)
    made.weight.copy_(norm.gamma)
    made.bias.copy_(norm.beta)
    made.running_mean.copy_(norm.running_mean.flatten())
    made.running_var.copy_(norm.running_var.flatten())
    return made


class _Row:
    """The layers of a network, taken one after the other."""

    def __init__(self, network: Sequential) -> None:
        self.layers = list(_inner(network))
        self.next = 0

    def nears(self, kind: type[object]) -> bool:
        """Whether the next layer is of this kind."""
        return self.next < len(self.layers) and isinstance(self.layers[self.next], kind)

    def take(self, kind: type[Kind]) -> Kind:
        """The next layer, which has to be of this kind."""
        if self.next == len(self.layers):
            raise InputError(
                f"this network is no tree: it ends after {self.next} layers, where a tree has {kind.__name__}."
            )
        layer = self.layers[self.next]
        self.next += 1
        if not isinstance(layer, kind):
            raise self.error(f"a tree has {kind.__name__} there")
        return layer

    def error(self, why: str, back: int = 0) -> InputError:
        """What to raise about the layer taken last, or `back` before it."""
        number = self.next - 1 - back
        layer = repr(self.layers[number])
        return InputError(
            f"this network is no tree: layer {number} of {len(self.layers)} (counted from 0) is {layer}, and {why}."
        )

    def end(self) -> None:
        """Raises InputError if a layer is left."""
        if self.next < len(self.layers):
            self.next += 1
            raise self.error("a tree ends before it")


def _inner(network: Sequential) -> Iterator[object]:
    """The layers in order, those of nested Sequentials too."""
    for layer in network.layers:
        if isinstance(layer, Sequential):
            yield from _inner(layer)
        else:
            yield layer
