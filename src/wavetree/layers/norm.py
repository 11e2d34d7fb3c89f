"""Normalisation of vectors, by one interface: shape (..., C) in, shape (..., C) out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

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

    def constant(self) -> tuple[Tensor, Tensor]:
        """Slope and shift (C,) each: what the norm does to x in evaluation is slope x + shift. In double precision."""
        slope = self.weight.double() / (self.running_var.double() + self.eps).sqrt()
        return slope, self.bias.double() - slope * self.running_mean.double()

    def forward(self, x: Tensor, counted: int | None = None) -> Tensor:
        """Shape (..., C) to the same; of x (N, C) only the first `counted` vectors are in the statistics, if given."""
        flat = x.reshape(-1, x.shape[-1])  # (N, C)
        if self.training and self.total is not None:
            return self._shared(flat, self.total, len(flat) if counted is None else counted).reshape(x.shape)
        training = self.training and flat.shape[0] > 1  # one vector has no variance to learn from
        normed = F.batch_norm(
            flat, self.running_mean, self.running_var, self.weight, self.bias, training, self.momentum, self.eps
        )
        return normed.reshape(x.shape)

    def _shared(self, x: Tensor, total: Total, counted: int) -> Tensor:
        """x (N, C) normalised by the mean and variance of all counted vectors of all processes."""
        x = x.to(self.weight.dtype)
        found = torch.zeros(1 + 2 * x.shape[1], dtype=torch.float64, device=x.device)  # how many, means, squares
        if counted:
            # One pass over memory; torch.var_mean over the leading axis takes 25 times as long (docs/log.md).
            mean, variance = torch.batch_norm_update_stats(x[:counted].detach(), None, None, 0.0)  # (C,) each
            mean, variance = mean.double(), variance.double()
            found = counted * torch.cat([found.new_ones(1), mean, variance + mean.square()])
        found = total(found)
        count = found[0].item()
        if count < 2:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        mean, square = (found[1:] / count).chunk(2)  # (C,) each
        variance = square - mean.square()
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(x.dtype), self.momentum)
            self.running_var.lerp_((variance * (count / (count - 1))).to(x.dtype), self.momentum)
        shared = _Statistics(mean.to(x.dtype), variance.to(x.dtype), self.eps, count, counted, total)
        normed: Tensor = _Normalised.apply(x, self.weight, self.bias, shared)  # type: ignore[no-untyped-call]
        return normed


@dataclass(frozen=True)
class _Statistics:
    """Of `count` vectors of all processes; the first `counted` of this one are among them."""

    mean: Tensor
    variance: Tensor
    eps: float
    count: float
    counted: int
    total: Total


class _Normalised(torch.autograd.Function):
    """(x - mean) slope weight + bias, with gradients that pass through mean and slope, across all processes.

    With u = (x - mean) slope, n counted vectors in all, and g the gradient of the result, that of x is
    weight slope (g - [counted] (sum of g + u sum of g u) / n), where both sums are over all vectors of all processes.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, shared: _Statistics) -> Tensor:
        ctx.shared = shared
        ctx.save_for_backward(x, weight)
        return F.batch_norm(x, shared.mean, shared.variance, weight, bias, eps=shared.eps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        (x, weight), shared = ctx.saved_tensors, ctx.shared
        constant = (weight, shared.mean, shared.variance, None, None, False, shared.eps, [True, True, True])
        # As if mean and slope were constants: of_x (N, C) is weight slope g; the sums (C,) are of this process alone.
        of_x, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(g, x, *constant)
        all_weight, all_bias = (shared.total(torch.cat([of_weight, of_bias])) / shared.count).chunk(2)
        slope = (shared.variance + shared.eps).rsqrt()
        by_x = weight * slope.square() * all_weight  # (C,): what is left, by way of the statistics, is linear in x
        own = slice(0, shared.counted)
        of_x[own] -= torch.addcmul(weight * slope * all_bias - shared.mean * by_x, x[own], by_x)
        return of_x, of_weight, of_bias, None


def make_norm(kind: str, channels: int) -> nn.Module:
    """`batch`: BatchNorm. `layer`: each vector by its own statistics, causal in training too (Ba et al. 2016)."""
    return BatchNorm(channels) if kind == "batch" else nn.LayerNorm(channels)


def normed(norm: nn.Module, x: Tensor, counted: int | None) -> Tensor:
    """x (N, C) by either norm; only a batch norm asks how many of the vectors count."""
    result: Tensor = norm(x, counted) if isinstance(norm, BatchNorm) else norm(x)
    return result
