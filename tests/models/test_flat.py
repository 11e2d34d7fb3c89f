"""The flat model: names on disk, sizes, and that it is what its docstring says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.laws.cases import flat_case
from torch import nn

from wavetree.config import FlatConfig
from wavetree.layers.scratch import Embedding, FlattenConsecutive, Linear, Sequential, Tanh
from wavetree.models import Flat, build, evaluating, parameter_count

GOLDEN = Path(__file__).parent / "flat_names.json"
"""Names and shapes of the tensors on disk, by norm. They are a contract: a change needs a new format version."""
DEEP = FlatConfig(context=8, embedding=10, hidden=200, layers=2)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_names_and_shapes_are_those_of_the_contract(norm: str) -> None:
    model = build(DEEP.model_copy(update={"norm": norm}), 27, 1)
    found = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    assert found == json.loads(GOLDEN.read_text("utf-8"))[norm]
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize(("context", "parameters"), [(3, 12_097), (8, 22_097)])
def test_the_flat_networks_of_the_lecture(context: int, parameters: int) -> None:
    """Embedding, one hidden layer with a scale and a bias for each of 200, output: 12K and 22K."""
    by_hand = 27 * 10 + context * 10 * 200 + 2 * 200 + (200 * 27 + 27)
    model = build(FlatConfig(context=context, embedding=10, hidden=200), 27, 1)
    assert parameter_count(model) == by_hand == parameters


def test_more_context_is_more_width() -> None:
    """Every further symbol costs embedding x hidden weights, and nothing else."""
    sizes = [parameter_count(build(FlatConfig(context=n, embedding=3, hidden=5), 9, 1)) for n in (1, 2, 3, 64)]
    assert np.diff(sizes).tolist() == [15, 15, 61 * 15]


def test_it_is_the_network_of_scratch_layers() -> None:
    """Embed, flatten, linear, norm, tanh, linear, by the same weights."""
    model = flat_case(context=5, layers=1, norm="batch").build().eval()
    assert isinstance(model, Flat)
    norm = nn.BatchNorm1d(6)
    norm.load_state_dict({**model.norms[0].state_dict(), "num_batches_tracked": torch.tensor(0)})
    embedding, hidden, output = Embedding(6, 3), Linear(15, 6, bias=False), Linear(6, 6)
    embedding.weight, hidden.weight = model.embedding.weight, model.linears[0].weight.T
    output.weight, output.bias = model.output.weight.T, model.output.bias
    below, above = Sequential([embedding, FlattenConsecutive(5), hidden]), Sequential([Tanh(), output])
    ids = torch.randint(6, (4, 5), generator=torch.Generator().manual_seed(1))
    with evaluating(model):
        assert torch.allclose(model.window(ids), above(norm.eval()(below(ids))), atol=1e-6)


def test_every_parameter_is_learnt() -> None:
    model = build(DEEP, 27, 1)
    loss = model.window(torch.randint(27, (16, 8), generator=torch.Generator().manual_seed(1))).square().sum()
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
    assert [id(linear) for linear in model.linears] == [id(linear) for linear in model.layers]
    assert [tuple(matrix.shape) for matrix in model.matrices] == [(200, 80), (200, 200)]


def test_the_first_predictions_are_unsure() -> None:
    model = build(DEEP, 27, 1).eval()
    logits = model.window(torch.randint(27, (64, 8), generator=torch.Generator().manual_seed(1)))
    assert abs(-torch.log_softmax(logits, dim=-1).mean().item() - np.log(27)) < 0.05


def test_the_weights_start_so_that_unit_inputs_have_unit_outputs() -> None:
    """The output layer a tenth of that, and its bias at 0; embeddings as torch draws them, N(0, 1)."""
    model = build(FlatConfig(context=20, embedding=20, hidden=300, layers=2), 200, 1)
    first, second = model.linears
    assert first.weight.std().item() == pytest.approx(400**-0.5, rel=0.02)
    assert second.weight.std().item() == pytest.approx(300**-0.5, rel=0.02)
    assert model.embedding.weight.std().item() == pytest.approx(1, rel=0.05)
    assert model.output.weight.std().item() == pytest.approx(0.1 * 300**-0.5, rel=0.02)
    assert model.output.bias.abs().max() == 0


def test_packed_looks_at_every_distinct_window_once() -> None:
    """Two items with a common beginning share its windows; and each item begins with pad alone."""
    model = flat_case(context=3, layers=1, norm="batch").build().eval()
    ids, ages = np.array([0, 1, 2, 3, 0, 1, 2, 4]), np.array([0, 1, 2, 3] * 2)
    prepared = model.prepare(ids, ages)
    assert prepared.distinct.tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 2], [1, 2, 3], [1, 2, 4]]
    assert prepared.chosen.tolist() == [0, 1, 2, 3, 0, 1, 2, 4]


@pytest.mark.parametrize(("vocab_size", "width"), [(2, 3), (6, 1), (27, 8), (5000, 16), (3, 400)])
def test_distinct_windows_are_those_of_a_plain_search(vocab_size: int, width: int) -> None:
    """However long the windows and large the alphabet, whose numbers together outgrow 64 bits."""
    rng = np.random.default_rng(1)
    items = [rng.integers(1, vocab_size, n) for n in (0, 1, 5, 40, 40)] * 2
    ids = np.concatenate([np.concatenate([[0], item]) for item in items])
    ages = np.concatenate([np.arange(1 + len(item)) for item in items])
    model = build(FlatConfig(context=width, embedding=1, hidden=1), vocab_size, 1)
    prepared = model.prepare(ids, ages)
    distinct, chosen = prepared.distinct.numpy(), prepared.chosen.numpy()
    windows = [ids[np.maximum(np.arange(n - width + 1, n + 1), n - age)] for n, age in enumerate(ages)]
    assert np.array_equal(distinct[chosen], np.stack(windows))
    assert len({row.tobytes() for row in distinct}) == len(distinct)
