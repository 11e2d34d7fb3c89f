"""Each layer against its namesake in torch.nn, values and gradients: to 1e-6 in single, 1e-12 in double precision."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from wavetree.layers.scratch import BatchNorm1d, Embedding, Linear, Tanh

PRECISIONS = [(torch.float32, 1e-6), (torch.float64, 1e-12)]
precisions = pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS, ids=["single", "double"])
C = 3


def random(*shape: int, seed: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def leaf(x: Tensor) -> Tensor:
    return x.detach().clone().requires_grad_()


def same(found: Sequence[Tensor], wanted: Sequence[Tensor], tolerance: float) -> bool:
    pairs = zip(found, wanted, strict=True)
    return all(a.shape == b.shape and bool(((a - b).abs() <= tolerance).all()) for a, b in pairs)


def gradients(out: Tensor, by: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Of a random mixture of the outputs, small enough for the tolerance to mean digits."""
    slope = random(*out.shape, seed=99, dtype=out.dtype) / max(1, out[..., 0].numel())
    return torch.autograd.grad(out, by, slope)


@precisions
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(4,), (5, 4), (1, 4), (2, 3, 4), (2, 0, 4)])
def test_linear(shape: tuple[int, ...], bias: bool, dtype: torch.dtype, tolerance: float) -> None:
    ours, torchs = Linear(4, C, bias=bias), nn.Linear(4, C, bias=bias, dtype=dtype)
    ours.weight = leaf(torchs.weight.T)
    if bias:
        ours.bias = leaf(torchs.bias)
    x = leaf(random(*shape, seed=1, dtype=dtype))
    found, wanted = ours(x), torchs(x)
    assert ours.out is found
    assert [tuple(p.shape) for p in ours.parameters()] == [(4, C), (C,)][: 1 + bias]
    if found.numel() == 0:
        assert found.shape == wanted.shape
        return
    assert same([found], [wanted], tolerance)
    to_x, to_weight, *to_bias = gradients(found, [x, *ours.parameters()])
    assert same([to_x, to_weight.T, *to_bias], gradients(wanted, [x, *torchs.parameters()]), tolerance)


@precisions
def test_tanh(dtype: torch.dtype, tolerance: float) -> None:
    x = leaf(random(2, 5, C, seed=1, dtype=dtype) * 3)
    ours = Tanh()
    found, wanted = ours(x), nn.Tanh()(x)
    assert ours.out is found
    assert ours.parameters() == []
    assert same([found, *gradients(found, [x])], [wanted, *gradients(wanted, [x])], tolerance)


@precisions
@pytest.mark.parametrize("shape", [(), (6,), (2, 8), (1, 1), (2, 0)])
def test_embedding(shape: tuple[int, ...], dtype: torch.dtype, tolerance: float) -> None:
    """An id that occurs more than once collects the gradient of each."""
    ours, torchs = Embedding(5, C), nn.Embedding(5, C, dtype=dtype)
    ours.weight = leaf(torchs.weight)
    ids = torch.randint(5, shape, generator=torch.Generator().manual_seed(1))
    found, wanted = ours(ids), torchs(ids)
    assert ours.out is found
    assert found.shape == (*shape, C)
    mine, theirs = gradients(found, ours.parameters()), gradients(wanted, [torchs.weight])
    assert same([found, *mine], [wanted, *theirs], tolerance)


def norms(dtype: torch.dtype, eps: float = 1e-5) -> tuple[BatchNorm1d, nn.BatchNorm1d]:
    """Ours and torch's, with the same scale and shift."""
    ours, torchs = BatchNorm1d(C, eps=eps), nn.BatchNorm1d(C, eps=eps, dtype=dtype)
    with torch.no_grad():
        torchs.weight.copy_(random(C, seed=2, dtype=dtype))
        torchs.bias.copy_(random(C, seed=3, dtype=dtype))
    ours.gamma, ours.beta = leaf(torchs.weight), leaf(torchs.bias)
    ours.running_mean, ours.running_var = torch.zeros(C, dtype=dtype), torch.ones(C, dtype=dtype)
    return ours, torchs


def channels_second(torchs: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """torch's norm on (N, C), or on (B, T, C), which it wants as (B, C, T)."""
    out: Tensor = torchs(x) if x.ndim == 2 else torchs(x.transpose(1, 2)).transpose(1, 2)
    return out


shapes = pytest.mark.parametrize("shape", [(7, C), (2, C), (4, 5, C), (1, 4, C), (4, 1, C)], ids=str)


@precisions
@shapes
def test_batch_norm_in_evaluation_and_its_statistics(
    shape: tuple[int, ...], dtype: torch.dtype, tolerance: float
) -> None:
    """The running statistics are torch's (both keep the unbiased variance), and so is all that follows from them."""
    ours, torchs = norms(dtype)
    for seed in (4, 5, 6):
        x = random(*shape, seed=seed, dtype=dtype) * 2 + 1
        ours(x)
        channels_second(torchs, x)
    assert ours.running_mean.shape == ours.running_var.shape == (1,) * (len(shape) - 1) + (C,)
    assert same([ours.running_mean.flatten()], [torchs.running_mean], tolerance)
    assert same([ours.running_var.flatten()], [torchs.running_var], tolerance * 10)
    ours.training = False
    torchs.eval()
    with torch.no_grad():  # the same statistics to the last digit, so that the layer itself is what is compared
        torchs.running_mean.copy_(ours.running_mean.flatten())
        torchs.running_var.copy_(ours.running_var.flatten())
    kept = ours.running_mean
    x = leaf(random(*shape, seed=7, dtype=dtype))
    found, wanted = ours(x), channels_second(torchs, x)
    assert ours.out is found
    assert same([found], [wanted], tolerance)
    mine, theirs = gradients(found, [x, *ours.parameters()]), gradients(wanted, [x, torchs.weight, torchs.bias])
    assert same(mine, theirs, tolerance)
    assert ours.running_mean is kept


@precisions
@shapes
def test_batch_norm_in_training_divides_by_one_less(
    shape: tuple[int, ...], dtype: torch.dtype, tolerance: float
) -> None:
    """The lecture normalises with the sum over N - 1, torch with that over N.

    So ours is torch's with an eps of (N - 1) / N times, and then times the square root of that.
    """
    vectors = shape[:-1][0] * (shape[1] if len(shape) == 3 else 1)
    less = (vectors - 1) / vectors
    ours, torchs = norms(dtype)
    _, corrected = norms(dtype, eps=1e-5 * less)
    with torch.no_grad():
        corrected.weight.mul_(less**0.5)
    x = leaf(random(*shape, seed=4, dtype=dtype) * 2 + 1)
    found, theirs, wanted = ours(x), channels_second(torchs, x), channels_second(corrected, x)
    difference = ((found - ours.beta) / (theirs - torchs.bias)).flatten()
    assert torch.allclose(difference, torch.full_like(difference, less**0.5), atol=1e-3)
    assert (found - theirs).abs().max() > 100 * tolerance
    assert same([found], [wanted], 2 * tolerance)
    to_x, to_gamma, to_beta = gradients(found, [x, *ours.parameters()])
    mine = [to_x, to_gamma, to_beta]
    slopes = gradients(wanted, [x, corrected.weight, corrected.bias])
    assert same(mine, [slopes[0], slopes[1] * less**0.5, slopes[2]], 2 * tolerance)
