"""Normalisation of vectors, by one interface: shape (..., C) in, shape (..., C) out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Total = Callable[[Tensor], Tensor]
"""The sum of a tensor over all processes, in its place."""


class BatchNorm(nn.Module):
    """Each channel normalised over every other axis (Ioffe and Szegedy 2015, algorithm 1).

    Training: mean and biased variance of this call, over all leading axes at once; the running mean and (unbiased)
    variance move by `momentum` towards them. So an output depends on every position of the batch, later ones
    included: a model with this norm is causal in evaluation only. Evaluation: the running statistics, a constant.

    Where several processes share a batch, `total` adds up over them, and the statistics are those of the whole batch.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.total: Total | None = None
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor, counted: Tensor | None = None) -> Tensor:
        """Shape (..., C) to the same; of x (N, C) only the vectors `counted` (N,) are in the statistics, if given."""
        flat = x.reshape(-1, x.shape[-1])  # (N, C)
        if self.training and self.total is not None:
            return self._shared(flat, self.total, counted).reshape(x.shape)
        training = self.training and flat.shape[0] > 1  # one vector has no variance to learn from
        normed = F.batch_norm(
            flat, self.running_mean, self.running_var, self.weight, self.bias, training, self.momentum, self.eps
        )
        return normed.reshape(x.shape)

    def _shared(self, x: Tensor, total: Total, counted: Tensor | None) -> Tensor:
        """x (N, C) normalised by the mean and variance of all counted vectors of all processes."""
        x = x.to(self.weight.dtype)
        own = (x if counted is None else x[counted]).detach()
        number = x.new_full((1,), len(own), dtype=torch.float64)
        variance, mean = torch.var_mean(own, 0, correction=0) if len(own) else own.new_zeros(2, x.shape[1])  # (C,) each
        mean = mean.double()
        found = total(torch.cat([number, number * mean, number * (variance + mean.square())]))  # (1 + 2C,)
        count = found[0]
        if count.item() < 2:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        mean, square = (found[1:] / count).chunk(2)  # (C,) each
        variance = square - mean.square()
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(x.dtype), self.momentum)
            self.running_var.lerp_((variance * count / (count - 1)).to(x.dtype), self.momentum)
        slope = (variance + self.eps).rsqrt()
        statistics = [each.to(x.dtype) for each in (mean, slope, count)]
        normed: Tensor = _Normalised.apply(x, self.weight, self.bias, statistics, total, counted)  # type: ignore[no-untyped-call]
        return normed


class _Normalised(torch.autograd.Function):
    """(x - mean) slope weight + bias, with gradients that pass through mean and slope, across all processes.

    With u = (x - mean) slope, n counted vectors in all, and g the gradient of the result, that of x is
    weight slope (g - [counted] (sum of g + u sum of g u) / n), where both sums are over all vectors of all processes.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        statistics: list[Tensor],
        total: Total,
        counted: Tensor | None,
    ) -> Tensor:
        mean, slope, count = statistics
        u = (x - mean).mul_(slope)  # (N, C)
        ctx.total = total
        ctx.save_for_backward(u, weight, slope, count, counted)
        return torch.addcmul(bias, u, weight)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        u, weight, slope, count, counted = ctx.saved_tensors
        of_weight, of_bias = (g * u).sum(0), g.sum(0)  # (C,) each: of this process alone
        all_weight, all_bias = (ctx.total(torch.cat([of_weight, of_bias])) / count).chunk(2)
        past = torch.addcmul(all_bias, u, all_weight)  # (N, C): by way of the statistics
        if counted is not None:
            past.mul_(counted[:, None])
        return (g - past).mul_(weight * slope), of_weight, of_bias, None, None, None


def make_norm(kind: str, channels: int) -> nn.Module:
    """`batch`: BatchNorm. `layer`: each vector by its own statistics, causal in training too (Ba et al. 2016)."""
    return BatchNorm(channels) if kind == "batch" else nn.LayerNorm(channels)


def normed(norm: nn.Module, x: Tensor, counted: Tensor | None) -> Tensor:
    """x (N, C) by either norm; only a batch norm asks which of the vectors count."""
    result: Tensor = norm(x, counted) if isinstance(norm, BatchNorm) else norm(x)
    return result
