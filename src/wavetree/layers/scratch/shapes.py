"""The one error of these layers."""

from __future__ import annotations

from torch import Tensor

from wavetree.errors import InputError


class ShapeError(InputError):
    """A layer was given a tensor that it cannot take."""

    def __init__(self, layer: object, given: Tensor, wanted: str) -> None:
        super().__init__(f"{layer!r} got a tensor of shape {tuple(given.shape)}, and takes {wanted}.")

    def inside(self, number: int, layers: int) -> ShapeError:
        """The same error, with the layer's place in its Sequential in front."""
        self.args = (f"layer {number} of {layers} (counted from 0): {self}",)
        return self
