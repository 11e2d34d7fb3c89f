"""The table of layers: shapes as the window run has them, and costs that add up."""

from __future__ import annotations

import pytest
import torch
from tests.laws.cases import NORMS, Norm

from wavetree.config import TransformerConfig, TreeConfig, WaveNetConfig
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


def test_a_wavenet() -> None:
    """Of a block what goes up and what goes out; the last has no residual, and nothing goes up."""
    gate, residual, out = 2 * 16 * (2 * 32), 16 * 32, 16 * 64
    biases = 2 * 16 + 32 + 64 + 2 * 32  # and the norm
    config = WaveNetConfig(levels=3, channels=32, hidden=16, skip=64)
    assert layer_table(build(config, 27, 1)) == [
        LayerRow("embedding", "(B, 8, 32)", 1, 27 * 32, 0, 0),
        *(
            LayerRow(
                f"level {level} gate, {1 << level} apart",
                f"(B, {4 >> level}, 32), (B, {4 >> level}, 64)",
                2 << level,
                gate + residual + out + biases,
                gate + residual + out,
                (gate + residual + out) * (4 >> level),
            )
            for level in (0, 1)
        ),
        LayerRow("level 2 gate, 4 apart", "(B, 1, 64)", 8, gate + out + biases - 32, gate + out, gate + out),
        LayerRow("norm", "(B, 64)", 8, 2 * 64, 0, 0),
        LayerRow("head", "(B, 64)", 8, 64 * 64 + 64, 64 * 64, 64 * 64),
        LayerRow("output", "(B, 27)", 8, 64 * 27 + 27, 64 * 27, 64 * 27),
    ]


def test_a_transformer() -> None:
    """Each block keeps the positions that have a whole context; it reaches as much further back."""
    rows = layer_table(build(TransformerConfig(context=4, layers=2, width=8, heads=2), 27, 1))
    assert [(row.name, row.shape, row.sees) for row in rows] == [
        ("embedding", "(B, 7, 8)", 1),
        ("block 0", "(B, 4, 8)", 4),
        ("block 1", "(B, 1, 8)", 7),
        ("norm", "(B, 8)", 7),
        ("output", "(B, 27)", 7),
    ]


@pytest.mark.parametrize(
    "config",
    [
        TreeConfig(levels=2, embedding=4, hidden=6),
        WaveNetConfig(stacks=2, levels=2, kernel=3, channels=4, hidden=6, skip=5),
        WaveNetConfig(dilations=(2, 1), channels=4, hidden=6, skip=5, norm="none"),
    ],
)
def test_conditions_are_a_product_for_each_symbol(config: TreeConfig | WaveNetConfig) -> None:
    plain, told = build(config, 27, 1), build(config, 27, 1, given_size=3)
    (_, *others), (embedding, *same) = layer_table(plain), layer_table(told)
    assert others == same
    assert embedding.parameters == 27 * 4 + 3 * 4
    assert embedding.multiply_adds == 3 * 4
    assert embedding.window_multiply_adds == 3 * 4 * told.receptive_field
    assert sum(row.parameters for row in layer_table(told)) == parameter_count(told)


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
