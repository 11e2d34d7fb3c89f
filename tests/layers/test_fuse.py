"""The fusion against the one that is spelt out: side by side, one matrix, norm, tanh."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavetree.layers import BatchNorm, Fuse, fuse


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(norm: str) -> Fuse:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return Fuse(4, 6, norm).double()


def spelt_out(fuse: Fuse, left: Tensor, right: Tensor) -> Tensor:
    left = left.expand(right.shape)
    return torch.tanh(fuse.norm(F.linear(torch.cat([left, right], dim=-1), fuse.weight)))


class NormOfTheFirst(nn.Module):
    """A batch norm by its definition, with the statistics of the first vectors alone, of which there are `times` as
    many elsewhere."""

    def __init__(self, norm: BatchNorm, counted: int, times: int) -> None:
        super().__init__()
        self.weight, self.bias, self.counted, self.times = norm.weight, norm.bias, counted, times
        self.running_mean, self.running_var = norm.running_mean, norm.running_var

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x[: self.counted], 0, correction=0)
        count = self.times * self.counted
        self.running_mean = 0.9 * self.running_mean + 0.1 * mean.detach()
        self.running_var = 0.9 * self.running_var + 0.1 * variance.detach() * count / (count - 1)
        return (x - mean) / (variance + 1e-5).sqrt() * self.weight + self.bias


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


NODES, COUNTED, CHILDREN = 3000, 2000, 700
NODES_OF = fuse._Nodes
LEFT, RIGHT = torch.randint(CHILDREN, (2, NODES), generator=torch.Generator().manual_seed(5))


def differences(shared: bool = False) -> dict[str, float]:
    """How far the training of `between` lies from fusions that are spelt out, in float32, as a share of each."""
    one = made("batch").float()
    with torch.no_grad():
        one.norm.weight.uniform_(0.5, 1.5), one.norm.bias.uniform_(-0.5, 0.5)
    other = copy.deepcopy(one)
    counted = None
    if shared:  # with another, who counts the rest, and as many as are counted here
        one.norm.total, counted = (lambda sums: sums.mul_(2)), COUNTED
        other.norm = NormOfTheFirst(other.norm, COUNTED, 2)
    x, slope = random(CHILDREN, 4, seed=6).float().requires_grad_(), random(NODES, 6, seed=7).float()
    found, wanted = one.between(x, LEFT, RIGHT, counted), spelt_out(other, x[LEFT], x[RIGHT])
    pairs = {
        "nodes": (found, wanted),
        "running mean": (one.norm.running_mean, other.norm.running_mean),
        "running variance": (one.norm.running_var, other.norm.running_var),
        **dict(
            zip(
                ("children", "weight", "scale", "shift"),
                zip(
                    torch.autograd.grad(found, [x, *one.parameters()], slope),
                    torch.autograd.grad(wanted, [x, *other.parameters()], slope),
                    strict=True,
                ),
                strict=True,
            )
        ),
    }
    return {name: ((f - w).norm() / w.norm()).item() for name, (f, w) in pairs.items()}


@pytest.mark.parametrize("shared", [False, True])
def test_training_in_few_passes_is_the_plain_one(shared: bool) -> None:
    assert max(differences(shared).values()) < 2e-6


def test_a_twin_that_forgets_the_right_children_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    class Twin(NODES_OF):
        @staticmethod
        def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
            g_x, g_weight, *others = NODES_OF.backward(ctx, g)
            assert g_weight is not None
            return g_x, g_weight.index_fill(1, torch.arange(4, 8), 0), *others

    monkeypatch.setattr(fuse, "_Nodes", Twin)
    apart = differences()
    assert apart.pop("weight") > 0.1
    assert max(apart.values()) < 2e-6


@pytest.mark.parametrize("shared", [False, True])
def test_a_twin_that_takes_the_statistics_for_constants_is_seen(shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Twin(NODES_OF):
        @staticmethod
        def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
            x, stacked, left, right, pairs, scale, nodes = ctx.saved_tensors
            slope = pairs[: COUNTED if shared else NODES].var(0, correction=0).rsqrt()
            g_pairs = g * (1 - nodes.square()) * scale * slope
            g_halves = torch.zeros(2 * len(x), 6).index_add_(0, left, g_pairs).index_add_(0, right, g_pairs)
            return g_halves.view(len(x), 12) @ stacked, *NODES_OF.backward(ctx, g)[1:]

    monkeypatch.setattr(fuse, "_Nodes", Twin)
    assert differences(shared)["children"] > 0.01


def test_a_twin_that_counts_all_nodes_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that another process has counted, too."""

    class Twin(NODES_OF):
        @staticmethod
        def forward(ctx: Any, *given: Any) -> Tensor:
            return NODES_OF.forward(ctx, *given[:-1], None)

    monkeypatch.setattr(fuse, "_Nodes", Twin)
    assert differences(shared=True)["children"] > 0.01


def test_half_the_bits_stay_near() -> None:
    one = made("batch").float()
    x, slope = random(CHILDREN, 4, seed=6).float().requires_grad_(), random(NODES, 6, seed=7).float()
    with torch.autocast("cpu", torch.bfloat16):
        coarse = one.between(x, LEFT, RIGHT)
    assert coarse.dtype == torch.float32
    fine = one.between(x, LEFT, RIGHT)
    for given, wanted in zip(
        torch.autograd.grad(coarse, [x, one.weight], slope),
        torch.autograd.grad(fine, [x, one.weight], slope),
        strict=True,
    ):
        assert (given - wanted).norm() < 0.02 * wanted.norm()


def test_where_statistics_are_constant_the_plain_way_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuse, "_Nodes", None)
    x, one = random(CHILDREN, 4, seed=6), torch.zeros(1, dtype=torch.int64)
    for layer, left in ((made("batch").eval(), LEFT), (made("batch"), one), (made("layer"), LEFT)):
        assert layer.between(x, left, left).shape == (len(left), 6)
    with pytest.raises(AttributeError):
        made("batch").between(x, LEFT, RIGHT)
