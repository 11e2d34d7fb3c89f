"""The one equation of the product: two vectors, a left (earlier) and a right (later), become one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wavetree.layers.norm import make_norm, normed


class Fuse(nn.Module):
    """fuse(left, right) = tanh(norm(W [left ; right])), with W of shape (H, 2C), no bias (the norm has one).

    W acts on the pair as two halves that are added, W [left ; right] = W_left left + W_right right. So a vector that
    is the child of many nodes is multiplied once for each side, and the nodes only add (`between`).
    """

    def __init__(self, channels: int, hidden: int, norm: str) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(hidden, 2 * channels) / (2 * channels) ** 0.5)
        self.norm = make_norm(norm, hidden)

    def halves(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """W_left left and W_right right: (..., C) and (..., C) to (..., H) and (..., H)."""
        w_left, w_right = self.weight.chunk(2, dim=1)  # (H, C) each
        return left @ w_left.T, right @ w_right.T

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Shapes (..., C) and (..., C), which broadcast, to (..., H)."""
        from_left, from_right = self.halves(left, right)
        return torch.tanh(self.norm(from_left + from_right))

    def between(self, x: Tensor, left: Tensor, right: Tensor, counted: int | None = None) -> Tensor:
        """Nodes over the children x (M, C): node n fuses x[left[n]] and x[right[n]]. Indices (N,), result (N, H).

        Only the first `counted` nodes are in the statistics of a batch norm, if given.
        """
        from_left, from_right = self.halves(x, x)  # (M, H) each
        pairs = from_left.index_select(0, left) + from_right.index_select(0, right)  # (N, H)
        return torch.tanh(normed(self.norm, pairs, counted))
