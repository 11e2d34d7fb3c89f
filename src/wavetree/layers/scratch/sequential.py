"""Layers one after the other."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Protocol

from torch import Tensor

from wavetree.errors import InputError
from wavetree.layers.scratch.shapes import ShapeError


class Layer(Protocol):
    """What every layer here can do."""

    out: Tensor

    def __call__(self, x: Tensor, /) -> Tensor:
        """The layer's answer, which it also keeps in `out`."""

    def parameters(self) -> list[Tensor]:
        """The tensors that training changes."""


class Sequential:
    """The first layer's output is the second one's input, and so on.

    A layer that cannot take what it is given is named with its number, the shape it got and the shape it takes.
    """

    def __init__(self, layers: Sequence[Layer], *others: Layer) -> None:
        if others or not isinstance(layers, Iterable):  # the habit of torch.nn
            inside = ", ".join(map(repr, [layers, *others]))
            raise InputError(f"Sequential takes one list of layers: write Sequential([{inside}]).")
        self.layers = list(layers)

    def __call__(self, x: Tensor) -> Tensor:
        for number, layer in enumerate(self.layers):
            try:
                x = layer(x)
            except ShapeError as error:
                error.inside(number, self.layers)
                raise
        self.out = x
        return self.out

    def parameters(self) -> list[Tensor]:
        """Those of all layers, in order."""
        return [parameter for layer in self.layers for parameter in layer.parameters()]

    def train(self, training: bool = True) -> Sequential:
        """Puts every layer that has a `training` flag in training mode, or in evaluation mode (False)."""
        for layer in self.layers:
            if isinstance(layer, Sequential):
                layer.train(training)
            elif hasattr(layer, "training"):
                layer.training = training
        return self

    def __repr__(self) -> str:
        return "\n".join(["Sequential(", *(textwrap.indent(f"{layer!r},", "  ") for layer in self.layers), ")"])
