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

    Where several processes share a batch, `total` adds up over them, and the statistics are those of the whole batch
    (on GPUs torch.nn.SyncBatchNorm has that).
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
        """Shape (..., C) to the same. Where processes share a batch, the first `counted` vectors of x (N, C) are in the
        statistics, and the others are counted elsewhere; all of them, if not given or in one process."""
        flat = x.reshape(-1, x.shape[-1])  # (N, C)
        if self.training and self.total is not None:
            flat = flat.to(self.weight.dtype)
            shared: Tensor = _Normalised.apply(flat, self.weight, self.bias, self, counted)  # type: ignore[no-untyped-call]
            return shared.reshape(x.shape)
        training = self.training and flat.shape[0] > 1  # one vector has no variance to learn from
        normed = F.batch_norm(
            flat, self.running_mean, self.running_var, self.weight, self.bias, training, self.momentum, self.eps
        )
        return normed.reshape(x.shape)

    def by_batch(self, x: Tensor, scale: Tensor, shift: Tensor, counted: int | None) -> tuple[Tensor, Statistics]:
        """What training does, where the backward is written by hand: x (N, C) brought to mean 0 and variance 1, times
        `scale` plus `shift`, (C,) each; and the statistics, which know the gradients. One process has to have two
        vectors."""
        if self.total is None:
            normed, mean, slope = torch.native_batch_norm(
                x, scale, shift, self.running_mean, self.running_var, True, self.momentum, self.eps
            )
            return normed, OwnStatistics(mean, slope, self.eps)
        shared = self._shared(x, self.total, len(x) if counted is None else counted)
        return F.batch_norm(x, shared.mean, shared.variance, scale, shift, eps=self.eps), shared

    def _shared(self, x: Tensor, total: Total, counted: int) -> SharedStatistics:
        """Of all counted vectors of all processes; the running ones move towards them."""
        found = torch.zeros(
            2, 1 + x.shape[1], dtype=torch.float64, device=x.device
        )  # how many, and sums: of x; of squares
        if counted:
            # One pass over memory; torch.var_mean over the leading axis takes 25 times as long (docs/log.md).
            moments = torch.stack(torch.batch_norm_update_stats(x[:counted], None, None, 0.0)).double()  # (2, C)
            moments[1].addcmul_(moments[0], moments[0])
            found[:, 0] = counted
            found[:, 1:] = moments.mul_(counted)
        found = total(found)
        count = found[0, 0].item()
        if count < 2:
            return SharedStatistics(self.running_mean.clone(), self.running_var.clone(), self.eps, count, 0, total)
        moments = found[:, 1:] / count
        moments[1].addcmul_(moments[0], moments[0], value=-1)
        mean, variance = moments.to(x.dtype)  # (C,) each
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        return SharedStatistics(mean, variance, self.eps, count, counted, total)


@dataclass(frozen=True)
class OwnStatistics:
    """Mean and 1 / standard deviation, (C,) each, of all vectors of the one process."""

    mean: Tensor
    slope: Tensor
    eps: float

    def gradients(self, g: Tensor, x: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Those of x (N, C), scale and shift (C,), from g (N, C), that of the result."""
        statistics = (None, None, self.mean, self.slope, True, self.eps)
        found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.native_batch_norm_backward(
            g, x, scale, *statistics, [True, True, True]
        )
        return found


@dataclass(frozen=True)
class SharedStatistics:
    """Mean and biased variance, (C,) each, of `count` vectors of all processes; the first `counted` here are among
    them. Fewer than two have no variance: then these are the running ones, and constants."""

    mean: Tensor
    variance: Tensor
    eps: float
    count: float
    counted: int
    total: Total

    def gradients(self, g: Tensor, x: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As OwnStatistics. With slope = 1 / deviation, u = (x - mean) slope and n counted vectors, that of x is

            scale slope (g - [counted] (sum of g + u sum of g u) / n)

        where both sums are over all vectors of all processes.
        """
        constants = (self.mean, self.variance, None, None, False, self.eps)
        # As if mean and slope were constants: of_x (N, C) is scale slope g; the sums (C,) are of this process alone.
        of_x, of_scale, of_shift = torch.ops.aten.native_batch_norm_backward(
            g, x, scale, *constants, [True, True, True]
        )
        if self.count >= 2:
            all_scale, all_shift = (self.total(torch.cat([of_scale, of_shift])) / self.count).chunk(2)
            slope = (self.variance + self.eps).rsqrt()
            by_x = scale * slope.square() * all_scale  # (C,): what is left, by way of the statistics, is linear in x
            own = slice(0, self.counted)
            of_x[own] -= torch.addcmul(scale * slope * all_shift - self.mean * by_x, x[own], by_x)
        return of_x, of_scale, of_shift


Statistics = OwnStatistics | SharedStatistics


class _Normalised(torch.autograd.Function):
    """`BatchNorm.forward` where processes share a batch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, norm: BatchNorm, counted: int | None) -> Tensor:
        normed, ctx.statistics = norm.by_batch(x, scale, shift, counted)
        ctx.save_for_backward(x, scale)
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, scale = ctx.saved_tensors
        return *ctx.statistics.gradients(g, x, scale), None, None


def make_norm(kind: str, channels: int) -> nn.Module:
    """`batch`: BatchNorm. `layer`: each vector by its own statistics, causal in training too (Ba et al. 2016)."""
    return BatchNorm(channels) if kind == "batch" else nn.LayerNorm(channels)


def normed(norm: nn.Module, x: Tensor, counted: int | None) -> Tensor:
    """x (N, C) by either norm; only a batch norm asks how many of the vectors count."""
    result: Tensor = norm(x, counted) if isinstance(norm, BatchNorm) else norm(x)
    return result
