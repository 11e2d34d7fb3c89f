"""The one equation of the product: two vectors, a left (earlier) and a right (later), become one."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from wavetree.layers.norm import BatchNorm, make_norm, normed


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

        Where processes share a batch, a batch norm counts the first `counted` nodes, and others the rest.
        """
        norm = self.norm
        if isinstance(norm, BatchNorm) and norm.training and len(left) > 1 and x.device.type == "cpu":
            parameters = (self.weight, norm.weight, norm.bias)
            nodes: Tensor = _Nodes.apply(x, *parameters, left, right, norm, counted)  # type: ignore[no-untyped-call]
            return nodes
        from_left, from_right = self.halves(x, x)  # (M, H) each
        pairs = from_left.index_select(0, left) + from_right.index_select(0, right)  # (N, H)
        return torch.tanh(normed(norm, pairs, counted))


class _Nodes(torch.autograd.Function):
    """`Fuse.between` in training, with a batch norm: the same in fewer passes over memory.

    Both halves of W are one matrix above the other, so that there is one product, forward and for either gradient. Row
    2m of `halves` is W_left x[m], row 2m + 1 W_right x[m]; a node is a bag of two rows. And tanh(u) is
    2 sigmoid(2u) - 1: torch's sigmoid takes a third of the time of its tanh, and the norm can double what it gives.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        scale: Tensor,
        shift: Tensor,
        left: Tensor,
        right: Tensor,
        norm: BatchNorm,
        counted: int | None,
    ) -> Tensor:
        stacked = torch.cat(weight.chunk(2, dim=1))  # (2H, C)
        halves = (x @ stacked.T).view(2 * len(x), len(weight))  # (2M, H)
        rows = 2 * left, 2 * right + 1  # (N,) each
        pairs = F.embedding_bag(torch.stack(rows, dim=1), halves, mode="sum").to(x.dtype)  # (N, H)
        doubled, ctx.statistics = norm.by_batch(pairs, 2 * scale, 2 * shift, counted)
        nodes = doubled.sigmoid_().mul_(2).sub_(1)  # (N, H)
        ctx.precision = halves.dtype
        ctx.save_for_backward(x, stacked, *rows, pairs, scale, nodes)
        return nodes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, stacked, *rows, pairs, scale, nodes = ctx.saved_tensors
        g_pairs, g_scale, g_shift = ctx.statistics.gradients(torch.ops.aten.tanh_backward(g, nodes), pairs, scale)
        g_halves = g.new_zeros(2 * len(x), g.shape[1])  # (2M, H)
        for row in rows:
            g_halves.index_add_(0, row, g_pairs)
        g_both = g_halves.view(len(x), len(stacked)).to(ctx.precision)  # (M, 2H)
        g_x = g_both @ stacked.to(ctx.precision)  # (M, C)
        g_stacked = g_both.T @ x.to(ctx.precision)  # (2H, C)
        g_weight = torch.cat(g_stacked.to(x.dtype).chunk(2), dim=1)  # (H, 2C)
        return g_x.to(x.dtype), g_weight, g_scale, g_shift, None, None, None, None
