"""The fusion against the one that is spelt out: side by side, one matrix, norm, tanh."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from wavetree.layers import Fuse


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(norm: str) -> Fuse:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return Fuse(4, 6, norm).double()


def spelt_out(fuse: Fuse, left: Tensor, right: Tensor) -> Tensor:
    left = left.expand(right.shape)
    return torch.tanh(fuse.norm(F.linear(torch.cat([left, right], dim=-1), fuse.weight)))


@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize(
    ("left", "right"),
    [((3, 4), (3, 4)), ((2, 5, 4), (2, 5, 4)), ((1, 4), (7, 4)), ((1, 4), (1, 4)), ((2, 0, 4), (2, 0, 4))],
)
def test_fuse_is_one_matrix_on_the_pair(left: tuple[int, ...], right: tuple[int, ...], norm: str) -> None:
    fuse = made(norm).eval()
    a, b = random(*left, seed=2), random(*right, seed=3)
    assert torch.allclose(fuse(a, b), spelt_out(fuse, a, b), rtol=0, atol=1e-14)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_between_is_fuse_of_the_chosen_children(norm: str) -> None:
    """In training mode too: the statistics are those of the nodes. And with the same gradients."""
    left, right = torch.tensor([0, 3, 3, 1, 2]), torch.tensor([1, 3, 0, 1, 4])
    x = random(5, 4, seed=2).requires_grad_()
    one, other = made(norm), made(norm)
    found, wanted = one.between(x, left, right), spelt_out(other, x[left], x[right])
    assert torch.allclose(found, wanted, rtol=0, atol=1e-14)
    slope = random(5, 6, seed=4)
    mine = torch.autograd.grad(found, [x, *one.parameters()], slope)
    others = torch.autograd.grad(wanted, [x, *other.parameters()], slope)
    assert all(torch.allclose(a, b, rtol=0, atol=1e-13) for a, b in zip(mine, others, strict=True))


def test_left_and_right_are_not_the_same() -> None:
    fuse = made("layer")
    a, b = random(4, seed=2), random(4, seed=3)
    assert not torch.allclose(fuse(a, b), fuse(b, a))


def test_the_first_sums_have_the_size_of_their_inputs() -> None:
    """Weights of size 1 / sqrt(2 C) give a sum the variance of an input: tanh is neither flat nor full."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        fuse = Fuse(200, 300, "batch")
    a, b = (random(500, 200, seed=seed).float() for seed in (2, 3))
    from_left, from_right = fuse.halves(a, b)
    assert (from_left + from_right).var().item() == pytest.approx(1, abs=0.02)
