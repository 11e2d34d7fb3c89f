"""The shape after every layer, and what it costs: time halves while what a vector has seen doubles."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from wavetree.layers import Fuse
from wavetree.models import AnyModel, Stage, evaluating


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


def layer_table(model: AnyModel) -> list[LayerRow]:
    """A row for every layer, in order; of a fusion also the pairs, side by side, that it is given.

    The shapes come from a window run of a batch of two, watched from outside.
    """
    rows: list[LayerRow] = []

    def row(name: str, x: Tensor, sees: int, parameters: int, weights: int) -> None:
        vectors = x.shape[1] if x.ndim == 3 else 1
        shape = f"(B, {', '.join(map(str, x.shape[1:]))})"
        rows.append(LayerRow(name, shape, sees, parameters, weights, weights * vectors))

    def after(stage: Stage) -> Callable[[nn.Module, Any, Tensor | tuple[Tensor, Any]], None]:
        numbers = [p.numel() for p in stage.layer.parameters()]
        looked_up = isinstance(stage.layer, nn.Embedding)  # and not multiplied
        weights = 0 if looked_up else sum(p.numel() for p in stage.layer.parameters() if p.ndim == 2)
        return lambda _, __, x: row(stage.name, x if isinstance(x, Tensor) else x[0], stage.sees, sum(numbers), weights)

    def before(stage: Stage) -> Callable[[nn.Module, tuple[Tensor, Tensor]], None]:
        name = stage.name.replace("fuse", "pairs")
        return lambda _, pair: row(name, torch.cat(pair, dim=-1), stage.sees, 0, 0)

    with evaluating(model), ExitStack() as hooks:
        for stage in model.stages:
            if isinstance(stage.layer, Fuse):
                hooks.callback(stage.layer.register_forward_pre_hook(before(stage)).remove)
            hooks.callback(stage.layer.register_forward_hook(after(stage)).remove)
        model.window(torch.zeros(2, model.receptive_field, dtype=torch.int64))
    return rows
