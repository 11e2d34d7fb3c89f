"""What is special about each layer: how it starts, what it keeps, and the famous bug."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from wavetree.errors import InputError
from wavetree.layers.scratch import BatchNorm1d, Embedding, FlattenConsecutive, Layer, Linear, Sequential, Tanh


def random(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_weights_start_as_the_lecture_has_them() -> None:
    """N(0, 1) / sqrt(fan_in): outputs of unit inputs have unit variance. Embeddings are N(0, 1), biases 0."""
    draws = torch.Generator().manual_seed(1)
    linear, embedding = Linear(400, 300, generator=draws), Embedding(200, 300, generator=draws)
    assert linear.weight.std().item() == pytest.approx(400**-0.5, rel=0.02)
    assert linear(random(200, 400)).std().item() == pytest.approx(1, rel=0.03)
    assert embedding.weight.std().item() == pytest.approx(1, rel=0.02)
    assert linear.bias is not None
    assert linear.bias.abs().max() == 0
    again = Linear(400, 300, generator=torch.Generator().manual_seed(1))
    assert torch.equal(linear.weight, again.weight)
    assert all(parameter.requires_grad for parameter in [*linear.parameters(), *embedding.parameters()])


@pytest.mark.parametrize(
    ("n", "before", "after"),
    [
        (2, (4, 8, 10), (4, 4, 20)),
        (2, (4, 2, 10), (4, 20)),
        (2, (1, 2, 10), (1, 20)),
        (2, (1, 8, 10), (1, 4, 20)),
        (8, (4, 8, 10), (4, 80)),
        (3, (4, 9, 10), (4, 3, 30)),
        (3, (4, 3, 10), (4, 30)),
        (1, (4, 8, 10), (4, 8, 10)),
        (1, (4, 1, 10), (4, 10)),
        (2, (0, 8, 10), (0, 4, 20)),
    ],
    ids=str,
)
def test_flatten(n: int, before: tuple[int, ...], after: tuple[int, ...]) -> None:
    """Time alone is dropped when one vector is left, whatever the batch; each output is n neighbours, in order."""
    layer = FlattenConsecutive(n)
    x = random(*before)
    out = layer(x)
    assert out is layer.out
    assert out.shape == after
    assert layer.parameters() == []
    rows = out if out.ndim == 3 else out[:, None]
    for i in range(rows.shape[1]):
        assert torch.equal(rows[:, i], torch.cat([x[:, i * n + k] for k in range(n)], dim=-1))


@pytest.mark.parametrize("n", [0, -2])
def test_flatten_of_no_neighbours_is_refused(n: int) -> None:
    with pytest.raises(InputError, match=r"joins nothing.*2 for pairs"):
        FlattenConsecutive(n)


def test_the_bug() -> None:
    """Over axis 0 alone, each position has statistics of its own: nothing complains, and the outputs differ."""
    right, wrong = BatchNorm1d(68), BatchNorm1d(68, dims=(0,))
    x = random(32, 4, 68) + torch.arange(4)[None, :, None]  # positions that differ in their mean
    good, bad = right(x), wrong(x)
    assert right.running_mean.shape == right.running_var.shape == (1, 1, 68)
    assert wrong.running_mean.shape == wrong.running_var.shape == (1, 4, 68)
    assert bad.mean(0).abs().max() < 1e-5  # what tells positions apart is gone
    assert good.mean(0).abs().max() > 1
    right.training = wrong.training = False
    assert not torch.allclose(right(x), wrong(x), atol=0.01)
    assert torch.equal(BatchNorm1d(68, dims=(0, 1))(x), good)
    assert repr(wrong) == "BatchNorm1d(68, dims=(0,))"


def test_batch_norm_by_hand() -> None:
    """Mean 2, sum of squares 2, over N - 1 = 1: variance 2."""
    norm = BatchNorm1d(1, momentum=0.25)
    out = norm(torch.tensor([[1.0], [3.0]]))
    root = (2 + 1e-5) ** 0.5
    assert out.flatten().tolist() == pytest.approx([-1 / root, 1 / root])
    assert norm.running_mean.item() == pytest.approx(0.25 * 2)
    assert norm.running_var.item() == pytest.approx(0.75 + 0.25 * 2)


def test_statistics_are_outside_of_the_gradient() -> None:
    norm = BatchNorm1d(3)
    for seed in (1, 2):
        norm(random(5, 3, seed=seed).requires_grad_())
    assert not norm.running_mean.requires_grad
    assert not norm.running_var.requires_grad


def test_statistics_of_rows_serve_vectors_too() -> None:
    """And those of vectors serve rows: the answer has the shape of what was asked."""
    norm, other = BatchNorm1d(3), BatchNorm1d(3)
    norm(random(5, 4, 3))
    other(random(20, 3))
    x = random(7, 3, seed=2)
    assert norm(x).shape == (7, 3)
    norm.training = other.training = False
    assert norm(x).shape == (7, 3)
    assert other(x[None]).shape == (1, 7, 3)
    assert torch.equal(norm(x), norm(x[None])[0])


def network() -> Sequential:
    inner = Sequential([FlattenConsecutive(2), Linear(20, 6, bias=False), BatchNorm1d(6), Tanh()])
    layers: list[Layer] = [Embedding(27, 10), inner, FlattenConsecutive(4), Linear(24, 27)]
    return Sequential(layers)


def test_sequential() -> None:
    made = network()
    embedding, inner, flatten, linear = made.layers
    ids = torch.randint(27, (5, 8), generator=torch.Generator().manual_seed(1))
    out = made(ids)
    assert made.out is out
    assert out.shape == (5, 27)
    assert torch.equal(out, linear(flatten(inner(embedding(ids)))))
    shapes = [(27, 10), (20, 6), (6,), (6,), (24, 27), (27,)]
    assert [tuple(parameter.shape) for parameter in made.parameters()] == shapes
    assert Sequential([])(ids) is ids


def test_sequential_sets_the_flag_of_every_layer() -> None:
    made = network()
    inner = made.layers[1]
    assert isinstance(inner, Sequential)
    norm = inner.layers[2]
    assert isinstance(norm, BatchNorm1d)
    assert made.train(False) is made
    assert norm.training is False
    ids = torch.randint(27, (5, 8), generator=torch.Generator().manual_seed(1))
    assert torch.allclose(made(ids)[:1], made(ids[:1]), atol=1e-6)  # no batch is looked at
    assert made.train().layers[1] is inner
    assert norm.training is True


def test_how_a_network_is_written() -> None:
    assert repr(network()).splitlines() == [
        "Sequential(",
        "  Embedding(27, 10),",
        "  Sequential(",
        "    FlattenConsecutive(2),",
        "    Linear(20, 6, bias=False),",
        "    BatchNorm1d(6),",
        "    Tanh(),",
        "  ),",
        "  FlattenConsecutive(4),",
        "  Linear(24, 27),",
        ")",
    ]
