"""Our optimisers, step for step beside the ones in torch.optim."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch.nn import Parameter

from wavetree.config import TrainConfig
from wavetree.train import optimisers
from wavetree.train.optimisers import BETAS, EPSILON, MOMENTUM, Optimiser, orthogonalise, orthogonalised

RATE, DECAY = 0.02, 0.1
SHAPES = [(6, 10), (6, 10), (10, 4), (7,), (3, 5)]
MATRICES = 3  # the first ones


def parameters(dtype: torch.dtype = torch.float64) -> list[Parameter]:
    draws = torch.Generator().manual_seed(3)
    return [Parameter(torch.randn(shape, generator=draws, dtype=dtype)) for shape in SHAPES]


def gradients(step: int) -> list[torch.Tensor]:
    draws = torch.Generator().manual_seed(100 + step)
    return [torch.randn(shape, generator=draws, dtype=torch.float64) for shape in SHAPES]


def config(optimiser: str) -> TrainConfig:
    return TrainConfig.model_validate(
        {"optimiser": optimiser, "weight_decay": DECAY, "learning_rate": RATE, "matrix_rate": 3.0, "epochs": 1}
    )


def run_ours(optimiser: str, steps: int) -> list[Parameter]:
    mine = parameters()
    ours = Optimiser(mine, dict.fromkeys(mine[:MATRICES], 1), config(optimiser))
    for step in range(1, steps + 1):
        given = dict(zip(mine, gradients(step), strict=True))
        ours.step([given[p] for p in ours.parameters], RATE, step)
    return mine


def run_torch(make: Callable[[list[Parameter]], list[torch.optim.Optimizer]], steps: int) -> list[Parameter]:
    theirs = parameters()
    made = make(theirs)
    for step in range(1, steps + 1):
        for parameter, gradient in zip(theirs, gradients(step), strict=True):
            parameter.grad = gradient
        for optimiser in made:
            optimiser.step()
    return theirs


def test_sgd_is_torchs() -> None:
    for ours, theirs in zip(run_ours("sgd", 5), run_torch(lambda p: [torch.optim.SGD(p, lr=RATE)], 5), strict=True):
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-14)


def adamw_of_torch(p: list[Parameter]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(p, lr=RATE, betas=BETAS, eps=EPSILON, weight_decay=DECAY)


def test_adamw_is_torchs() -> None:
    for ours, theirs in zip(run_ours("adamw", 20), run_torch(lambda p: [adamw_of_torch(p)], 20), strict=True):
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)


def muon_of_torch(p: list[Parameter]) -> list[torch.optim.Optimizer]:
    matrices = torch.optim.Muon(p[:MATRICES], lr=3 * RATE, weight_decay=DECAY, momentum=MOMENTUM)
    return [matrices, adamw_of_torch(p[MATRICES:])]


def distance(ours: list[Parameter], theirs: list[Parameter]) -> float:
    return max(
        ((a - b).norm() / (b - start).norm()).item() for a, b, start in zip(ours, theirs, parameters(), strict=True)
    )


def test_muon_is_torchs_up_to_its_half_precision() -> None:
    """torch orthogonalises in bfloat16, with 8 bits of mantissa: the way gone agrees to a few of its roundings."""
    assert distance(run_ours("muon", 10), run_torch(muon_of_torch, 10)) < 0.03


def test_the_comparison_with_muon_notices_a_wrong_momentum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimisers, "MOMENTUM", 0.5)
    assert distance(run_ours("muon", 10), run_torch(muon_of_torch, 10)) > 0.03


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 20), (2, 20, 8)])
def test_orthogonalised_matrices_keep_their_singular_vectors(shape: tuple[int, ...]) -> None:
    stack = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    made = orthogonalise(stack)
    assert made.shape == stack.shape
    for before, after in zip(stack, made, strict=True):
        u, s, vh = torch.linalg.svd(before, full_matrices=False)
        inside = u.T @ after @ vh.T
        assert torch.allclose(inside, torch.diag(torch.diag(inside)), atol=1e-9)
        large = torch.diag(inside)[s > 0.05 * s.max()]
        assert ((large > 0.6) & (large < 1.3)).all()


@pytest.mark.parametrize("shape", [(2, 64, 128), (1, 96, 24)])
def test_by_the_gram_matrices_is_by_the_matrices(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """With singular values over four orders of magnitude, in float32; and a step forgotten is seen."""
    draws = torch.Generator().manual_seed(1)
    u, s, v = torch.linalg.svd(torch.randn(shape, generator=draws), full_matrices=False)
    stack = u * torch.logspace(0, -4, s.shape[-1]) @ v
    found = orthogonalise(stack)
    monkeypatch.setattr(optimisers, "WIDE", float("inf"))
    wanted = orthogonalise(stack)
    assert not torch.equal(found, wanted)
    assert (found - wanted).abs().max() < 1e-5
    monkeypatch.setattr(optimisers, "WIDE", 1.5)
    monkeypatch.setattr(optimisers, "GRAM_STEPS", (5,))
    assert (orthogonalise(stack) - wanted).abs().max() > 1e-5  # and so is a Gram matrix that is used for too long
    monkeypatch.setattr(optimisers, "GRAM_STEPS", (2, 2))
    assert (orthogonalise(stack) - wanted).abs().max() > 1e-2


def test_half_the_bits_are_too_few_for_gram_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimisers, "_by_gram", None)
    assert orthogonalise(torch.randn(2, 8, 20).bfloat16()).isfinite().all()


@pytest.mark.parametrize(("parts", "alike"), [(2, True), (1, False)])
def test_a_matrix_that_is_two_is_taken_as_two(parts: int, alike: bool) -> None:
    draws = torch.Generator().manual_seed(5)
    *halves, other = (Parameter(torch.randn(4, 6, generator=draws, dtype=torch.float64)) for _ in range(3))
    whole = Parameter(torch.cat(halves).detach())
    pulls = [torch.randn(4, 6, generator=draws, dtype=torch.float64) for _ in range(2)]
    apart, together = (
        Optimiser([*members, rest], dict.fromkeys(members, number), config("muon"))
        for members, number, rest in ((halves, 1, other), ([whole], parts, copy.deepcopy(other)))
    )
    for step in range(1, 4):
        apart.step([*(step * pull for pull in pulls), other], RATE, step)
        together.step([step * torch.cat(pulls), other], RATE, step)
    assert torch.allclose(whole, torch.cat(halves), rtol=0, atol=1e-12) == alike


def test_a_zero_gradient_is_no_division_by_zero() -> None:
    assert torch.equal(orthogonalise(torch.zeros(2, 4, 6)), torch.zeros(2, 4, 6))


@pytest.mark.parametrize("optimiser", ["sgd", "adamw", "muon"])
def test_state_goes_on_where_it_was(optimiser: str) -> None:
    straight = run_ours(optimiser, 6)
    first = parameters()
    before = Optimiser(first, dict.fromkeys(first[:MATRICES], 1), config(optimiser))
    for step in range(1, 4):
        given = dict(zip(first, gradients(step), strict=True))
        before.step([given[p] for p in before.parameters], RATE, step)
    second = [Parameter(p.detach().clone()) for p in first]
    after = Optimiser(second, dict.fromkeys(second[:MATRICES], 1), config(optimiser))
    after.restore({name: buffer.clone() for name, buffer in before.state.items()})
    for step in range(4, 7):
        given = dict(zip(second, gradients(step), strict=True))
        after.step([given[p] for p in after.parameters], RATE, step)
    for a, b in zip(straight, second, strict=True):
        assert torch.equal(a, b)


def test_parameters_are_views_that_the_step_moves() -> None:
    mine = parameters()
    before = [p.detach().clone() for p in mine]
    ours = Optimiser(mine, dict.fromkeys(mine[:MATRICES], 1), config("muon"))
    for p, old in zip(mine, before, strict=True):
        assert torch.equal(p, old)
    ours.step([torch.ones_like(p) for p in ours.parameters], RATE, 1)
    assert all(not torch.equal(p, old) for p, old in zip(mine, before, strict=True))


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_shared_out_among_threads_the_numbers_are_the_same(workers: int, precision: torch.dtype) -> None:
    stack = torch.randn(5, 64, 48, generator=torch.Generator().manual_seed(3)).to(precision)
    assert torch.equal(orthogonalised(stack, workers), orthogonalise(stack))
