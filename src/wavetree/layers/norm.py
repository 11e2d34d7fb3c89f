"""Normalisation of vectors, by one interface: shape (..., C) in, shape (..., C) out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm(nn.Module):
    """Each channel normalised over every other axis (Ioffe and Szegedy 2015, algorithm 1).

    Training: mean and biased variance of this call, over all leading axes at once; the running mean and (unbiased)
    variance move by `momentum` towards them. So an output depends on every position of the batch, later ones
    included: a model with this norm is causal in evaluation only. Evaluation: the running statistics, a constant.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])  # (N, C)
        training = self.training and flat.shape[0] > 1  # one vector has no variance to learn from
        normed = F.batch_norm(
            flat, self.running_mean, self.running_var, self.weight, self.bias, training, self.momentum, self.eps
        )
        return normed.reshape(x.shape)


def make_norm(kind: str, channels: int) -> nn.Module:
    """`batch`: BatchNorm. `layer`: each vector by its own statistics, causal in training too (Ba et al. 2016)."""
    return BatchNorm(channels) if kind == "batch" else nn.LayerNorm(channels)
