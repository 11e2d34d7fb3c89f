"""Batch norm: each channel brought to mean 0 and variance 1 over the batch (Ioffe and Szegedy 2015)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wavetree.layers.scratch.shapes import ShapeError, need_tensor


class BatchNorm1d:
    """gamma * (x - mean) / sqrt(variance + eps) + beta, for (N, C) or (B, T, C), each channel by itself.

    Training: the statistics of this batch, over every axis but the last one; running ones move towards them by
    `momentum`, outside of the gradient. Evaluation: the running ones. As the lecture does it, the variance is the
    unbiased one (a sum divided by N - 1) throughout; torch.nn.BatchNorm1d normalises with the biased one (N), keeps the
    unbiased one as its running variance, and wants the channels of three axes in the middle, (B, C, T). So in training
    a number here is sqrt((N - 1) / N) of torch's, up to eps; in evaluation the two are equal.

    `dims`, an axis or several, overrides this, so that the famous mistake can be run: `dims=(0,)` on (B, T, C) keeps
    statistics apart for each position t, with running ones of shape (1, T, C) instead of (1, 1, C), and nothing
    complains.
    """

    def __init__(
        self, channels: int, eps: float = 1e-5, momentum: float = 0.1, dims: int | tuple[int, ...] | None = None
    ) -> None:
        self.eps, self.momentum = eps, momentum
        self.dims = (dims,) if isinstance(dims, int) else None if dims is None else tuple(dims)
        self.training = True
        self.gamma = torch.ones(channels).requires_grad_()
        self.beta = torch.zeros(channels).requires_grad_()
        self.running_mean = torch.zeros(channels)
        self.running_var = torch.ones(channels)

    def __call__(self, x: Tensor) -> Tensor:
        need_tensor(self, x)
        dims = tuple(range(x.ndim - 1)) if self.dims is None else self.dims
        self._check(x, dims)
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean(dims, keepdim=True), x.var(dims, keepdim=True)  # (1, C) or (1, 1, C)
            with torch.no_grad():
                self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
                self.running_var = (1 - self.momentum) * self.running_var + self.momentum * var
        out = self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta
        self.out = out if out.ndim == x.ndim else out.reshape(x.shape)  # statistics of (B, T, C), and an x (N, C)
        return self.out

    def parameters(self) -> list[Tensor]:
        """Gamma and beta."""
        return [self.gamma, self.beta]

    def _check(self, x: Tensor, dims: tuple[int, ...]) -> None:
        """Raises ShapeError for an x that has no answer, or one that is not what it seems."""
        channels = len(self.gamma)
        takes = f"(N, {channels}) or (B, T, {channels})"
        if x.ndim not in (2, 3) or x.shape[-1] != channels:
            raise ShapeError(self, x, takes)
        if not dims or not set(dims) <= set(range(x.ndim - 1)):
            raise ShapeError(self, x, takes, f"Statistics over axes {dims} of it are not those of each channel.")
        kept = tuple(self.running_mean.shape)  # (C,), (1, C) or (1, 1, C); by mistake (1, T, C)
        fits = x.ndim == len(kept) and all(of in (1, size) for of, size in zip(kept, x.shape, strict=True))
        if self.running_mean.numel() > channels and not fits:
            why = f"Its running statistics are of shape {kept}: they are not taken over all axes but the last."
            raise ShapeError(self, x, f"(B, T, {channels}) with the T that it has met before", why)
        if self.training and math.prod(x.shape[axis] for axis in dims) < 2:
            raise ShapeError(self, x, f"{takes}, in training with two vectors or more", "One has no variance.")

    def __repr__(self) -> str:
        return f"BatchNorm1d({len(self.gamma)}{'' if self.dims is None else f', dims={self.dims}'})"
