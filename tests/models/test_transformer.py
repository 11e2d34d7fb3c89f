"""The transformer: names on disk, sizes, a cache that is used, and attention as it is written out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tests.laws.cases import transformer_case

from wavetree.config import TransformerConfig, configure
from wavetree.errors import SettingError
from wavetree.models import Transformer, build, evaluating, parameter_count
from wavetree.models.transformer import Block

GOLDEN = Path(__file__).parent / "transformer_names.json"
"""Names and shapes of the tensors on disk. They are a contract: a change needs a new format version."""
SMALL = TransformerConfig(context=8, width=32, heads=4, layers=2)


def test_names_and_shapes_are_those_of_the_contract() -> None:
    model = build(SMALL, 27, 1)
    found = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    assert found == json.loads(GOLDEN.read_text("utf-8"))
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}


def test_parameters_by_hand() -> None:
    """A block: two norms, attention (3 + 1 matrices, and a nearness for each head and distance), two linear layers."""
    width, heads, context = 32, 4, 8
    block = 2 * 2 * width + 4 * width**2 + heads * context + (8 * width**2 + 5 * width)
    assert parameter_count(build(SMALL, 27, 1)) == 27 * width + 2 * block + 2 * width + (27 * width + 27)


@pytest.mark.parametrize(("context", "layers", "field"), [(1, 3, 1), (8, 1, 8), (8, 4, 29), (16, 4, 61)])
def test_every_layer_reaches_further_back(context: int, layers: int, field: int) -> None:
    model = build(TransformerConfig(context=context, layers=layers, width=8, heads=2), 9, 1)
    assert model.receptive_field == field
    assert [stage.sees for stage in model.stages[1:-2]] == [k * (context - 1) + 1 for k in range(1, layers + 1)]


def test_a_block_is_attention_written_out() -> None:
    """One head and one position at a time: weights by softmax of products and nearness, over the last W positions."""
    model = transformer_case(context=3, layers=1).build().double().eval()
    assert isinstance(model, Transformer)
    block: Block = model.blocks[0]
    with torch.no_grad():
        block.nearness.normal_()
    x = torch.randn(1, 6, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with evaluating(model):
        found, _ = block(x, block.past(model.embedding.weight[None, :1].expand(-1, 2, -1)))
        row = torch.cat([model.embedding.weight[:1].expand(2, -1), x[0]])  # (W - 1 + T, C): pad, then x
        queries, keys, values = block.projections(block.before_attention(row)).split(8, dim=-1)
        for t in range(6):
            heads = []
            for head in range(2):
                of = slice(4 * head, 4 * head + 4)
                places = [t + 2 - distance for distance in range(3)]
                scores = torch.stack([queries[t + 2, of] @ keys[p, of] / 4**0.5 for p in places])
                shares = torch.softmax(scores + block.nearness[head], dim=0)
                heads.append(sum(share * values[p, of] for share, p in zip(shares, places, strict=True)))
            y = x[0, t] + block.join(torch.cat(heads))
            y = y + block.narrow(torch.nn.functional.gelu(block.widen(block.before_linear(y))))
            assert torch.allclose(found[0, t], y, rtol=0, atol=1e-12)


def test_the_window_needs_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what the other runs are compared with, and knows nothing but its R symbols."""
    model = transformer_case(context=3, layers=2).build().eval()
    ids = torch.tensor([[1, 2, 3, 4, 5]])
    wanted = model.dense(ids)[:, -1]
    for name in ("start", "stream"):
        monkeypatch.setattr(Transformer, name, None)
    assert torch.allclose(model.window(ids), wanted, atol=1e-6)


def test_the_state_is_the_last_keys_and_values() -> None:
    """It stays as large as the context, however much was read, and a step adds one position."""
    model = build(SMALL, 27, 1).eval()
    ids = torch.randint(27, (3, 20), generator=torch.Generator().manual_seed(1))
    with evaluating(model):
        _, early = model.stream(ids[:, :2], model.start())
        _, late = model.stream(ids, model.start())
        _, later = model.step(ids[:, 0], late)
    for state in (early, late, later):
        assert [tuple(x.shape) for past in state for x in past] == [(3, 4, 7, 8)] * 4
    for (keys, values), (new_keys, new_values) in zip(late, later, strict=True):
        assert torch.equal(new_keys[:, :, :-1], keys[:, :, 1:])
        assert torch.equal(new_values[:, :, :-1], values[:, :, 1:])


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_first_state_fits_any_batch(batch: int) -> None:
    model = build(SMALL, 27, 1).eval()
    ids = torch.arange(batch)
    with evaluating(model):
        stepped, _ = model.step(ids, model.start())
        chosen, _ = model.step(ids, model.select(model.start(), torch.zeros(batch, dtype=torch.int64)))
        assert model.dense(ids[:, None]).shape == (batch, 1, 27)
        assert model.dense(torch.zeros(batch, 0, dtype=torch.int64)).shape == (batch, 0, 27)
    assert torch.equal(stepped, chosen)


def test_every_parameter_is_learnt() -> None:
    """None is unused, and none is hidden in a plain list."""
    model = build(SMALL, 27, 1)
    loss = model.dense(torch.randint(27, (4, 20), generator=torch.Generator().manual_seed(1))).square().sum()
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
    assert [id(block) for block in model.blocks] == [id(block) for block in model.layers]


def test_the_matrices_are_all_linear_layers_of_every_block() -> None:
    """And nothing else: what looks symbols up, or tells them apart at the end, is no matrix to Muon."""
    model = build(SMALL, 27, 1)
    named = {id(parameter): name for name, parameter in model.named_parameters()}
    assert [named[id(matrix)] for matrix in model.matrices] == [
        f"layers.{block}.{layer}.weight" for block in (0, 1) for layer in ("projections", "join", "widen", "narrow")
    ]


def test_the_first_predictions_are_unsure() -> None:
    """The output layer starts a tenth as large as one that would keep the variance, and its bias at 0."""
    model = build(TransformerConfig(context=4, width=256, heads=4, layers=1), 100, 1)
    assert model.output.weight.std().item() == pytest.approx(0.1 / 16, rel=0.02)
    assert model.output.bias.abs().max() == 0


def test_items_of_a_row_lie_beneath_each_other() -> None:
    model = transformer_case(context=3, layers=1).build()
    rectangle = model.prepare(torch.tensor([0, 1, 2, 0, 3]).numpy(), torch.tensor([0, 1, 2, 0, 1]).numpy())
    assert rectangle.ids.tolist() == [[0, 1, 2], [0, 3, 0]]
    assert rectangle.places.tolist() == [0, 1, 2, 3, 4]


def test_heads_share_the_width() -> None:
    with pytest.raises(SettingError, match="3 heads cannot share a width of 64"):
        configure("names", ["model.kind=transformer", "model.heads=3"])
