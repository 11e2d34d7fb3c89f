"""The norms against torch's own, in values, statistics and gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from wavetree.layers import BatchNorm, make_norm
from wavetree.layers.norm import SharedStatistics

CHANNELS = 5
SHAPES = [(7, CHANNELS), (2, 3, CHANNELS), (1, 4, CHANNELS), (2, 3, 4, CHANNELS)]


def random(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 + 1


def pair() -> tuple[BatchNorm, nn.BatchNorm1d]:
    """Ours and torch's, with the same scale and bias."""
    ours, torchs = BatchNorm(CHANNELS).double(), nn.BatchNorm1d(CHANNELS).double()
    with torch.no_grad():
        for theirs in (ours, torchs):
            theirs.weight.copy_(random(CHANNELS, seed=2))
            theirs.bias.copy_(random(CHANNELS, seed=3))
    return ours, torchs


@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_is_torchs_over_all_leading_axes(shape: tuple[int, ...]) -> None:
    ours, torchs = pair()
    for seed, training in [(4, True), (5, True), (6, False)]:
        ours.train(training)
        torchs.train(training)
        x = random(*shape, seed=seed).requires_grad_()
        y = x.detach().clone().requires_grad_()
        found, wanted = ours(x), torchs(y.reshape(-1, CHANNELS)).reshape(shape)
        assert torch.equal(found, wanted)
        for name in ("running_mean", "running_var"):
            assert torch.equal(ours.get_buffer(name), torchs.get_buffer(name))
        slope = random(*shape, seed=7)
        mine = torch.autograd.grad(found, [x, ours.weight, ours.bias], slope)
        others = torch.autograd.grad(wanted, [y, torchs.weight, torchs.bias], slope)
        assert all(torch.allclose(a, b, rtol=0, atol=1e-12) for a, b in zip(mine, others, strict=True))


def test_batch_norm_by_hand() -> None:
    """Biased variance for the values, unbiased for the running statistics."""
    norm = BatchNorm(1).double()
    x = torch.tensor([[1.0], [3.0]], dtype=torch.float64)  # mean 2, variance 1 biased, 2 unbiased
    root = (1 + 1e-5) ** 0.5
    assert torch.allclose(norm(x), torch.tensor([[-1 / root], [1 / root]], dtype=torch.float64))
    assert norm.running_mean.item() == pytest.approx(0.2)
    assert norm.running_var.item() == pytest.approx(0.9 + 0.1 * 2)


def test_one_vector_is_normalised_by_what_was_seen_before() -> None:
    """It has no variance of its own: training on it neither fails nor teaches the statistics."""
    norm = BatchNorm(CHANNELS).double()
    norm(random(9, CHANNELS))
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    x = random(1, 1, CHANNELS)
    assert torch.equal(norm.train()(x), norm.eval()(x))
    assert all(torch.equal(tensor, before[name]) for name, tensor in norm.state_dict().items())


def test_evaluation_changes_nothing() -> None:
    norm = BatchNorm(CHANNELS).double().eval()
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    norm(random(9, CHANNELS))
    assert all(torch.equal(tensor, before[name]) for name, tensor in norm.state_dict().items())


def test_layer_norm_looks_at_one_vector() -> None:
    norm = make_norm("layer", CHANNELS).double()
    x = random(4, CHANNELS)
    assert torch.allclose(norm(x)[2], norm(x[2]))
    assert isinstance(make_norm("batch", CHANNELS), BatchNorm)


def by_torch(x: Tensor, counted: int, norm: BatchNorm) -> Tensor:
    """The definition, by torch's own gradients: statistics of the counted vectors, applied to all."""
    variance, mean = torch.var_mean(x[:counted], 0, correction=0)
    return (x - mean) / (variance + norm.eps).sqrt() * norm.weight + norm.bias


def shared(*, by: int = 1) -> BatchNorm:
    """A norm of one of so many processes that all have the same."""
    norm = BatchNorm(CHANNELS).double()
    norm.total = lambda numbers: numbers.mul_(by)
    with torch.no_grad():
        norm.weight.copy_(random(CHANNELS, seed=2))
        norm.bias.copy_(random(CHANNELS, seed=3))
    return norm


@pytest.mark.parametrize("counted", [9, 3])
def test_shared_statistics_have_the_gradients_of_the_definition(counted: int) -> None:
    ours, plain = shared(), BatchNorm(CHANNELS).double()
    x = random(9, CHANNELS).requires_grad_()
    slope = random(9, CHANNELS, seed=7)
    found, wanted = ours(x, counted), by_torch(x, counted, ours)
    assert torch.allclose(found, wanted, rtol=0, atol=1e-12)
    leaves = [x, ours.weight, ours.bias]
    mine, theirs = (torch.autograd.grad(each, leaves, slope) for each in (found, wanted))
    assert all(torch.allclose(a, b, rtol=0, atol=1e-12) for a, b in zip(mine, theirs, strict=True))
    plain(x[:counted])
    for name in ("running_mean", "running_var"):
        assert torch.allclose(ours.get_buffer(name), plain.get_buffer(name), rtol=0, atol=1e-12)
    (wrong,) = torch.autograd.grad(ours(x, counted - 1), [x], slope)  # a broken twin: one too few
    assert not torch.allclose(wrong, theirs[0], rtol=0, atol=1e-3)


def test_shared_statistics_are_those_of_all_processes() -> None:
    """Three that hold the same 5 vectors are one that holds them three times."""
    x = random(5, CHANNELS).requires_grad_()
    slope = random(5, CHANNELS, seed=7)
    ours, whole = shared(by=3), shared()
    found, wanted = ours(x, 5), by_torch(x.repeat(3, 1), 15, whole)
    assert torch.allclose(found.repeat(3, 1), wanted, rtol=0, atol=1e-12)
    mine = torch.autograd.grad(found, [x, ours.weight, ours.bias], slope)
    of_x, *of_parameters = torch.autograd.grad(wanted, [x, whole.weight, whole.bias], slope.repeat(3, 1))
    assert torch.allclose(3 * mine[0], of_x, rtol=0, atol=1e-12)  # x there is in all three
    assert all(torch.allclose(3 * a, b, rtol=0, atol=1e-12) for a, b in zip(mine[1:], of_parameters, strict=True))


def test_a_twin_that_adds_up_its_own_gradients_alone_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    gradients = SharedStatistics.gradients
    monkeypatch.setattr(
        SharedStatistics, "gradients", lambda found, *given: gradients(replace(found, total=lambda sums: sums), *given)
    )
    with pytest.raises(AssertionError):
        test_shared_statistics_are_those_of_all_processes()


def test_statistics_of_vectors_far_from_zero() -> None:
    """In float32, whose digits a mean of squares would use up."""
    norm, torchs = BatchNorm(CHANNELS), nn.BatchNorm1d(CHANNELS)
    norm.total = lambda numbers: numbers
    x = random(50, CHANNELS).float() + 1000
    assert torch.allclose(norm(x), torchs(x), rtol=0, atol=1e-3)


def test_shared_statistics_of_one_vector_or_none() -> None:
    norm = BatchNorm(CHANNELS).double()
    norm.total = lambda numbers: numbers
    x = random(4, CHANNELS)
    for counted in (0, 1):
        found = norm(x, counted)
        assert torch.allclose(found, x / (1 + norm.eps) ** 0.5, rtol=0, atol=1e-12)
        assert torch.equal(norm.running_mean, torch.zeros(CHANNELS))
