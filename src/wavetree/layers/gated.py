"""The fusion of the WaveNet paper: a gate decides how much of each fused value passes, and the right child goes on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class GatedBlock(nn.Module):
    """One level of a WaveNet (van den Oord et al. 2016, sections 2.3 and 2.4), over K neighbours instead of two.

        [a ; b] = W [u_1 ; ... ; u_K] + bias        u_k = norm(x_k), W of shape (2H, K C)
        z       = tanh(a) * sigmoid(b)
        x'      = x_K + residual(z)                  the right child goes on; the last level has no x'
        s'      = s_K + skip(z)                      what the output gets to see

    B batch   C channels   H hidden   S skip   K kernel
    """

    def __init__(
        self, channels: int, hidden: int, skip: int, kernel: int, norm: str, dropout: float, last: bool
    ) -> None:
        super().__init__()
        self.norm: nn.Module = nn.LayerNorm(channels) if norm == "layer" else nn.Identity()
        self.weight = nn.Parameter(torch.randn(2 * hidden, kernel * channels) / (kernel * channels) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(2 * hidden))
        self.residual = None if last else nn.Linear(hidden, channels)
        self.skip = nn.Linear(hidden, skip)
        self.dropout = nn.Dropout(dropout)

    def gate(self, children: Sequence[Tensor]) -> Tensor:
        """K normed vectors (..., C), the oldest first, to z (..., H)."""
        a, b = F.linear(torch.cat(list(children), dim=-1), self.weight, self.bias).chunk(2, dim=-1)  # (..., H) each
        return torch.tanh(a) * torch.sigmoid(b)

    def forward(self, children: Sequence[Tensor], right: Tensor, skips: Tensor) -> tuple[Tensor, Tensor]:
        """The normed children, the right one as it was (..., C), and its skips (..., S) to the new vector and skips."""
        z = self.dropout(self.gate(children))  # (..., H)
        return right if self.residual is None else right + self.residual(z), skips + self.skip(z)
