"""The bend between two linear layers, without which they would be one."""

from __future__ import annotations

import torch
from torch import Tensor

from wavetree.layers.scratch.shapes import need_tensor


class Tanh:
    """Each number squashed into (-1, 1); any shape."""

    def __call__(self, x: Tensor) -> Tensor:
        need_tensor(self, x)
        self.out = torch.tanh(x)
        return self.out

    def parameters(self) -> list[Tensor]:
        """There are none."""
        return []

    def __repr__(self) -> str:
        return "Tanh()"
