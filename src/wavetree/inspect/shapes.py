"""The shape after every layer, and what it costs: time halves while what a vector has seen doubles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from wavetree.layers import Fuse, GatedBlock
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

    Of a gated block the shape of what goes up and that of what goes out. The shapes come from a window run of a batch
    of two, watched from outside.
    """
    rows: list[LayerRow] = []

    def row(name: str, made: Sequence[Tensor], sees: int, parameters: int, weights: int) -> None:
        vectors = made[0].shape[1] if made[0].ndim == 3 else 1
        shape = ", ".join(f"(B, {', '.join(map(str, x.shape[1:]))})" for x in made)
        rows.append(LayerRow(name, shape, sees, parameters, weights, weights * vectors))

    def after(stage: Stage) -> Callable[[nn.Module, Any, Tensor | tuple[Tensor, Any]], None]:
        parameters = list(stage.layer.parameters())
        looked_up = stage.layer.weight if isinstance(stage.layer, nn.Embedding) else None  # and not multiplied
        weights = sum(p.numel() for p in parameters if p.ndim == 2 and p is not looked_up)
        numbers = sum(p.numel() for p in parameters)
        return lambda layer, _, out: row(stage.name, _made(layer, out), stage.sees, numbers, weights)

    def before(stage: Stage) -> Callable[[nn.Module, tuple[Tensor, Tensor]], None]:
        name = stage.name.replace("fuse", "pairs")
        return lambda _, pair: row(name, [torch.cat(pair, dim=-1)], stage.sees, 0, 0)

    with evaluating(model), ExitStack() as hooks:
        for stage in model.stages:
            if isinstance(stage.layer, Fuse):
                hooks.callback(stage.layer.register_forward_pre_hook(before(stage)).remove)
            hooks.callback(stage.layer.register_forward_hook(after(stage)).remove)
        model.window(torch.zeros(2, model.receptive_field, dtype=torch.int64))
    return rows


def _made(layer: nn.Module, out: Tensor | tuple[Tensor, Any]) -> Sequence[Tensor]:
    """What a layer hands on, of all that it returns."""
    if isinstance(out, Tensor):
        return [out]
    if isinstance(layer, GatedBlock):
        return out if layer.residual is not None else out[1:]
    return out[:1]
