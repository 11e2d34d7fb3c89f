"""A stack of gated blocks at once, for rows of a stream: what layers/gated.py says, in fewer passes over memory.

    B rows   T positions   N = B T   C channels   H hidden   S skip   K kernel

A child that would lie before its row is the row's first position. Where that is pad it has, at every level, nothing but
pad below it, and so stands for all that lies before the row. Where it is not, the first R - 1 outputs are not right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from wavetree.layers.compiled import load_kernels
from wavetree.layers.gated import GatedBlock

BITS = 1 << 32
KERNELS = "wavetree.layers.kernels"


@dataclass(frozen=True)
class Level:
    """A block as products and sums. `weight` (2H, K C) and `bias` are those of the gate, the norm's own scale and shift
    multiplied in; `out` (C + S, H) and `out_bias` residual and skip, one above the other, the last level without C."""

    weight: Tensor
    bias: Tensor
    out: Tensor
    out_bias: Tensor

    @classmethod
    def of(cls, block: GatedBlock, kernel: int) -> Level:
        """The same function of what is normed but not yet scaled and shifted."""
        weight: Tensor = block.weight
        bias: Tensor = block.bias
        if isinstance(block.norm, nn.LayerNorm):
            bias = bias + weight @ block.norm.bias.repeat(kernel)
            weight = weight * block.norm.weight.repeat(kernel)
        if block.residual is None:
            return cls(weight, bias, block.skip.weight, block.skip.bias)
        out = torch.cat([block.residual.weight, block.skip.weight])
        return cls(weight, bias, out, torch.cat([block.residual.bias, block.skip.bias]))


@dataclass(frozen=True)
class FusedPlan:
    """What is not learnt: how far back the left children of each level lie, the norm's epsilon (below 0: none), the
    precision of the products, and what dropout leaves out: a share of each z, by `seed` and the place in the batch, of
    which position number `first` is the first one here. And whether what the gradients need is kept."""

    reaches: tuple[tuple[int, ...], ...]
    epsilon: float
    precision: torch.dtype
    dropout: float = 0.0
    seed: int = 0
    first: int = 0
    learning: bool = True


def fused_skips(x: Tensor, blocks: Sequence[GatedBlock], plan: FusedPlan) -> Tensor:
    """x (B, T, C), rows as above, to the sum of their skips (B, T, S). Conditions have to be in x already."""
    levels = [Level.of(block, len(plan.reaches[0]) + 1) for block in blocks]
    weights = [tensor for level in levels for tensor in (level.weight, level.bias, level.out, level.out_bias)]
    skips: Tensor = _Stack.apply(x, plan, *weights)  # type: ignore[no-untyped-call]
    return skips


class _Stack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, plan: FusedPlan, *weights: Tensor) -> Tensor:
        kernels = load_kernels(KERNELS)

        batch, time, channels = x.shape
        positions, last = batch * time, len(plan.reaches) - 1
        row = x.detach().reshape(positions, channels).clone()  # (N, C)
        skips = torch.zeros(positions, weights[-1].shape[0])  # (N, S)
        coarse = [tensor.detach().to(plan.precision) for tensor in weights]
        kept = []
        for level, reaches in enumerate(plan.reaches):
            weight, bias, out, out_bias = coarse[4 * level : 4 * level + 4]
            children = torch.empty(positions, weight.shape[1], dtype=plan.precision)  # (N, K C)
            spreads = torch.empty(positions)
            kernels.spread(
                row.numpy(), _numbers(children), spreads.numpy(), np.array(reaches), time, np.float64(plan.epsilon)
            )
            h = torch.addmm(bias, children, weight.T)  # (N, 2H)
            z = torch.empty(positions, out.shape[1], dtype=plan.precision)
            kernels.gate(_numbers(h), _numbers(z), *_noise(plan, level))
            made = torch.addmm(out_bias, z, out.T)  # (N, C + S)
            kernels.add(row.numpy(), skips.numpy(), _numbers(made), 0 if level == last else channels)
            if plan.learning:
                kept += [children, spreads, h]
        ctx.plan, ctx.time, ctx.coarse, ctx.kept = plan, time, coarse, kept
        return skips.view(batch, time, -1)

    @staticmethod
    def backward(ctx: Any, g_skips: Tensor) -> tuple[Tensor | None, ...]:
        kernels = load_kernels(KERNELS)

        plan, time, coarse = ctx.plan, ctx.time, ctx.coarse
        if ctx.kept is None:
            raise RuntimeError("a fused stack gives its gradients once: what it kept for them is worked on in place")
        saved, ctx.kept = ctx.kept, None
        batch, _, skip = g_skips.shape
        positions = batch * time
        channels = coarse[0].shape[1] // (len(plan.reaches[0]) + 1)
        g_row = torch.zeros(positions, channels)
        g_made = torch.empty(positions, channels + skip, dtype=plan.precision)  # (N, C + S): those of x and of skips
        g_made[:, channels:] = g_skips.reshape(positions, skip)
        g_last = g_made[:, channels:].contiguous()
        g_skip, g_sum = g_skips.sum((0, 1)), torch.empty(0)
        gradients: list[Tensor | None] = []
        for level in range(len(plan.reaches) - 1, -1, -1):
            weight, _, out, _ = coarse[4 * level : 4 * level + 4]
            children, spreads, h = saved[3 * level : 3 * level + 3]
            g_out = g_last if level == len(plan.reaches) - 1 else g_made
            gz = g_out @ out  # (N, H)
            z = torch.empty_like(gz)
            g_bias = torch.empty(h.shape[1])
            kernels.gate_back(_numbers(gz), _numbers(h), _numbers(z), g_bias.numpy(), *_noise(plan, level))
            g_out_bias = g_skip if level == len(plan.reaches) - 1 else torch.cat([g_sum, g_skip])
            gradients[:0] = [(h.T @ children).float(), g_bias, (g_out.T @ z).float(), g_out_bias]  # h: its gradient now
            g_sum = torch.empty(channels)
            kernels.spread_back(
                _numbers(h @ weight),
                _numbers(children),
                spreads.numpy(),
                np.array(plan.reaches[level]),
                time,
                plan.epsilon >= 0,
                g_row.numpy(),
                _numbers(g_made),
                g_sum.numpy(),
            )
        return g_row.view(batch, time, channels), None, *gradients


def _noise(plan: FusedPlan, level: int) -> tuple[np.uint32, np.uint32, np.uint32]:
    """Seed and threshold of dropout in a level, and the number of the first position."""
    seed = np.random.SeedSequence((plan.seed, level)).generate_state(1)[0]
    return seed, np.uint32(min(plan.dropout * BITS, BITS - 1)), np.uint32(plan.first % BITS)


def _numbers(tensor: Tensor) -> npt.NDArray[Any]:
    """The memory of a tensor, bfloat16 as uint16."""
    array: npt.NDArray[Any] = (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array
