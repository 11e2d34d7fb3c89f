"""The table of layers: shapes as the window run has them, and costs that add up."""

from __future__ import annotations

import pytest
import torch
from tests.laws.cases import NORMS, Norm

from wavetree.config import TreeConfig
from wavetree.inspect import LayerRow, layer_table
from wavetree.models import build, parameter_count

LECTURE = TreeConfig(levels=3, embedding=24, hidden=128)


def test_the_lecture_network() -> None:
    """Time halves, and what a vector has seen doubles."""
    assert layer_table(build(LECTURE, 27, 1)) == [
        LayerRow("embedding", "(B, 8, 24)", 1, 27 * 24, 0, 0),
        LayerRow("level 0 pairs", "(B, 4, 48)", 2, 0, 0, 0),
        LayerRow("level 0 fuse", "(B, 4, 128)", 2, 48 * 128 + 256, 48 * 128, 4 * 48 * 128),
        LayerRow("level 1 pairs", "(B, 2, 256)", 4, 0, 0, 0),
        LayerRow("level 1 fuse", "(B, 2, 128)", 4, 256 * 128 + 256, 256 * 128, 2 * 256 * 128),
        LayerRow("level 2 pairs", "(B, 1, 256)", 8, 0, 0, 0),
        LayerRow("level 2 fuse", "(B, 1, 128)", 8, 256 * 128 + 256, 256 * 128, 256 * 128),
        LayerRow("output", "(B, 27)", 8, 128 * 27 + 27, 128 * 27, 128 * 27),
    ]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("levels", [1, 2, 6])
def test_totals(levels: int, norm: Norm) -> None:
    model = build(TreeConfig(levels=levels, embedding=3, hidden=5, norm=norm), 4, 1)
    rows = layer_table(model)
    assert len(rows) == 2 + 2 * levels
    assert sum(row.parameters for row in rows) == parameter_count(model)
    assert rows[-1].sees == model.receptive_field
    fusions = [row for row in rows if row.name.endswith("fuse")]
    assert sum(row.window_multiply_adds // row.multiply_adds for row in fusions) == model.receptive_field - 1
    assert sum(row.multiply_adds for row in rows) == sum(m.numel() for m in model.matrices) + 5 * 4


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(training: bool) -> None:
    model = build(LECTURE, 27, 1).train(training)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    layer_table(model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert {layer.training for layer in model.modules()} == {training}
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in model.modules())
