"""A linear layer: every output is a weighted sum of all inputs."""

from __future__ import annotations

import torch
from torch import Tensor

from wavetree.layers.scratch.shapes import ShapeError, need_tensor


class Linear:
    """x @ weight + bias, over the last axis: (..., fan_in) to (..., fan_out).

    `weight` (fan_in, fan_out) starts as N(0, 1) / sqrt(fan_in), so that the outputs of unit inputs have unit variance;
    torch.nn.Linear keeps the transpose. Leave the bias out before a batch norm, which subtracts it again.
    """

    def __init__(self, fan_in: int, fan_out: int, bias: bool = True, generator: torch.Generator | None = None) -> None:
        self.weight = torch.randn(fan_in, fan_out, generator=generator) / fan_in**0.5
        self.bias = torch.zeros(fan_out) if bias else None
        for parameter in self.parameters():
            parameter.requires_grad_()

    def __call__(self, x: Tensor) -> Tensor:
        need_tensor(self, x)
        fan_in = self.weight.shape[0]
        if not x.is_floating_point():
            why = "These are whole numbers: ids become vectors in an Embedding first."
            raise ShapeError(self, x, f"(..., {fan_in}) of real numbers", why)
        if x.shape[-1:] != (fan_in,):
            neighbours = x.ndim > 1 and x.shape[-1] * x.shape[-2] == fan_in
            why = "Its vectors lie in a row, not side by side: is a FlattenConsecutive missing before it?"
            raise ShapeError(self, x, f"(..., {fan_in})", why if neighbours else "")
        self.out: Tensor = x @ self.weight  # (..., fan_out)
        if self.bias is not None:
            self.out = self.out + self.bias
        return self.out

    def parameters(self) -> list[Tensor]:
        """The weight, and the bias if there is one."""
        return [self.weight] if self.bias is None else [self.weight, self.bias]

    def __repr__(self) -> str:
        return f"Linear({self.weight.shape[0]}, {self.weight.shape[1]}{', bias=False' if self.bias is None else ''})"
