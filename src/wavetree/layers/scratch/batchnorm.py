"""Batch norm: each channel brought to mean 0 and variance 1 over the batch (Ioffe and Szegedy 2015)."""

from __future__ import annotations

import torch
from torch import Tensor

from wavetree.layers.scratch.shapes import ShapeError


class BatchNorm1d:
    """gamma * (x - mean) / sqrt(variance + eps) + beta, for (N, C) or (B, T, C), each channel by itself.

    Training: the statistics of this batch, over every axis but the last one; running ones move towards them by
    `momentum`, outside of the gradient. Evaluation: the running ones. As the lecture does it, the variance is the
    unbiased one (a sum divided by N - 1) throughout; torch.nn.BatchNorm1d normalises with the biased one (N), keeps the
    unbiased one as its running variance, and wants the channels of three axes in the middle, (B, C, T).

    `dims` overrides the axes, so that the famous mistake can be run: `dims=(0,)` on (B, T, C) keeps statistics apart
    for each position t, with running ones of shape (1, T, C) instead of (1, 1, C), and nothing complains.
    """

    def __init__(
        self, channels: int, eps: float = 1e-5, momentum: float = 0.1, dims: tuple[int, ...] | None = None
    ) -> None:
        self.eps, self.momentum, self.dims = eps, momentum, dims
        self.training = True
        self.gamma = torch.ones(channels).requires_grad_()
        self.beta = torch.zeros(channels).requires_grad_()
        self.running_mean = torch.zeros(channels)
        self.running_var = torch.ones(channels)

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim not in (2, 3) or x.shape[-1] != len(self.gamma):
            raise ShapeError(self, x, f"(N, {len(self.gamma)}) or (B, T, {len(self.gamma)})")
        mean, var = self.running_mean, self.running_var
        if self.training:
            dims = self.dims or tuple(range(x.ndim - 1))
            mean, var = x.mean(dims, keepdim=True), x.var(dims, keepdim=True)  # (1, C) or (1, 1, C)
            with torch.no_grad():
                self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
                self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var
        self.out = self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta  # the shape of x
        return self.out

    def parameters(self) -> list[Tensor]:
        """Gamma and beta."""
        return [self.gamma, self.beta]

    def __repr__(self) -> str:
        return f"BatchNorm1d({len(self.gamma)}{'' if self.dims is None else f', dims={self.dims}'})"
