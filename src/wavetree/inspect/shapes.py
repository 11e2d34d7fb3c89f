"""The shape after every layer, and what it costs: time halves while what a vector has seen doubles."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from wavetree.models import Tree, evaluating


@dataclass(frozen=True)
class LayerRow:
    """One layer in the window run, for one output.

    `shape` is what the layer hands on, as the run showed it; each of its vectors has seen `sees` symbols.
    `multiply_adds` are those of one output in the dense run, where each level fuses once and finds the rest done;
    `window_multiply_adds` those of the same output in the window run, which does every fusion anew. Only products of
    matrices are counted: norm and tanh are some 1% at the usual widths.
    """

    name: str
    shape: str
    sees: int
    parameters: int
    multiply_adds: int
    window_multiply_adds: int


def layer_table(model: Tree) -> list[LayerRow]:
    """A row for every layer, in order: the embedding; each level's pairs, side by side, and their fusion; the output.

    The shapes come from a window run of a batch of two, watched from outside.
    """
    field = model.receptive_field
    rows: list[LayerRow] = []

    def row(name: str, x: Tensor, parameters: int, weights: int) -> None:
        vectors = x.shape[1] if x.ndim == 3 else 1
        shape = f"(B, {', '.join(map(str, x.shape[1:]))})"
        rows.append(LayerRow(name, shape, field // vectors, parameters, weights, weights * vectors))

    def after(name: str, weights: int) -> Callable[[nn.Module, Any, Tensor], None]:
        return lambda layer, _, x: row(name, x, sum(p.numel() for p in layer.parameters()), weights)

    def before(name: str) -> Callable[[nn.Module, tuple[Tensor, Tensor]], None]:
        return lambda _, pair: row(name, torch.cat(pair, dim=-1), 0, 0)

    with evaluating(model), ExitStack() as hooks:
        hooks.callback(model.embedding.register_forward_hook(after("embedding", 0)).remove)  # looked up, not multiplied
        for level, fuse in enumerate(model.fusions):
            hooks.callback(fuse.register_forward_pre_hook(before(f"level {level} pairs")).remove)
            hooks.callback(fuse.register_forward_hook(after(f"level {level} fuse", fuse.weight.numel())).remove)
        hooks.callback(model.output.register_forward_hook(after("output", model.output.weight.numel())).remove)
        model.window(torch.zeros(2, field, dtype=torch.int64))
    return rows
