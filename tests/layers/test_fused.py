"""The fused stack is the plain one: values and gradients, for any reach, with and without norm, in both precisions."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from wavetree.codecs import PAD
from wavetree.config import WaveNetConfig
from wavetree.layers.compiled import load_kernels
from wavetree.layers.fused import KERNELS, FusedPlan
from wavetree.models import WaveNet, build, wavenet

VOCAB = 7
kernels: Any = load_kernels(KERNELS)


def model_of(**given_settings: object) -> WaveNet:
    """A small one whose norms and biases are not those of a new one."""
    config = WaveNetConfig.model_validate({"channels": 12, "hidden": 10, "skip": 8, **given_settings})
    model = build(config, VOCAB, seed=3)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return model


def rows(batch: int, time: int, symbols: int = VOCAB) -> Tensor:
    ids = torch.from_numpy(np.random.default_rng(5).integers(1, symbols, (batch, time)))
    ids[:, 0] = PAD
    return ids


def differences(model: WaveNet, fused: Tensor, plain: Tensor) -> tuple[float, float]:
    """The largest difference of the logits; and of the gradients of a mixture, by the norms of each parameter's."""
    weights = torch.from_numpy(np.random.default_rng(6).normal(size=plain.shape)).float()
    parameters = list(model.parameters())
    found = torch.autograd.grad((fused.float() * weights).mean(), parameters)
    wanted = torch.autograd.grad((plain * weights).mean(), parameters)
    apart = [((f - w).norm() / w.norm().clamp(min=1e-6)).item() for f, w in zip(found, wanted, strict=True)]
    return (fused.float() - plain).abs().max().item(), max(apart)


@settings(max_examples=25, deadline=None)
@given(
    kernel=st.integers(2, 4),
    dilations=st.sampled_from([(1,), (1, 2, 4), (1, 2, 1, 2), (2, 1, 1), (1, 2, 4, 8, 16)]),
    norm=st.sampled_from(["layer", "none"]),
    batch=st.integers(1, 3),
    time=st.integers(1, 20),
    symbols=st.sampled_from([2, 3, VOCAB]),
)
def test_values_and_gradients(
    kernel: int, dilations: tuple[int, ...], norm: str, batch: int, time: int, symbols: int
) -> None:
    model = model_of(kernel=kernel, dilations=dilations, norm=norm)
    ids = rows(batch, time, symbols)
    values, gradients = differences(model, model.rows(ids, seed=0), model.dense(ids))
    assert values < 1e-5
    assert gradients < 1e-4


def test_the_first_level_is_shared_where_less_than_half_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(levels=3)
    few, many = rows(4, 30, 3), rows(2, 9)
    assert model._alike(many) is None
    alike = model._alike(few)
    assert alike is not None
    symbols, place = alike
    pairs = {pair for row in few.tolist() for pair in zip([row[0], *row], row)}  # noqa: B905  # the last one is no left
    assert {*zip(symbols[0].tolist(), symbols[1].tolist(), strict=True)} == pairs
    assert len(symbols[0]) == len(pairs)
    assert torch.equal(symbols[1][place], few)
    values, gradients = differences(model, model.rows(few, seed=0), model.dense(few))
    assert values < 1e-5
    assert gradients < 1e-4
    monkeypatch.setattr(WaveNet, "_alike", lambda model, ids: (symbols[::-1], place))  # a twin: right before left
    values, _ = differences(model, model.rows(few, seed=0), model.dense(few))
    assert values > 1e-2


def test_a_first_level_of_too_many_kinds_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wavenet, "MOST", VOCAB**2 - 1)
    assert model_of(levels=3)._alike(rows(4, 30, 3)) is None


def test_conditions_that_hold_for_a_row() -> None:
    model = build(WaveNetConfig(channels=12, hidden=10, skip=8, levels=3), VOCAB, seed=3, given_size=2)
    ids, told = rows(3, 9), torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    values, gradients = differences(
        model, model.rows(ids, 0, told[:, None], told), model.dense(ids, told[:, None], told)
    )
    assert values < 1e-5
    assert gradients < 1e-4


def test_conditions_that_change_within_a_row() -> None:
    model = build(WaveNetConfig(channels=12, hidden=10, skip=8, levels=3), VOCAB, seed=3, given_size=2)
    ids, told, before = rows(2, 9), torch.rand(2, 9, 2), torch.zeros(2, 2)
    assert torch.equal(model.rows(ids, 0, told, before), model.dense(ids, told, before))


def test_half_the_bits_stay_near() -> None:
    model, ids = model_of(levels=4), rows(4, 30)
    with torch.autocast("cpu", torch.bfloat16):
        coarse = model.rows(ids, seed=0)
    values, gradients = differences(model, coarse, model.dense(ids))
    assert values < 0.02
    assert gradients < 0.05


def test_dropout_leaves_out_its_share_by_seed_and_place() -> None:
    model, ids = model_of(levels=2, dropout=0.4), rows(2, 40)
    plain = model_of(levels=2)
    once, again, other = (model.rows(ids, seed) for seed in (1, 1, 2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    with torch.no_grad():
        mean = torch.stack([model.rows(ids, seed) for seed in range(400)]).mean(0)  # what is left is scaled up
        assert (mean - plain.rows(ids, 0)).abs().mean() < 0.5 * (once - plain.rows(ids, 0)).abs().mean()
    assert torch.equal(model.eval().rows(ids, 1), plain.rows(ids, 1))


def test_dropout_and_its_gradient_leave_out_the_same() -> None:
    """The derivative along a direction, by differences of the very same draw."""
    model, ids = model_of(levels=3, dropout=0.5).float(), rows(2, 12)
    weights = torch.from_numpy(np.random.default_rng(6).normal(size=(2, 12, VOCAB))).float()
    block = model.blocks[1]
    direction = torch.randn(block.weight.shape, generator=torch.Generator().manual_seed(1))

    def moved(step: float) -> Tensor:
        other = copy.deepcopy(model)
        with torch.no_grad():
            other.blocks[1].weight.add_(direction, alpha=step)
        return (other.rows(ids, seed=8) * weights).sum()

    (gradient,) = torch.autograd.grad((model.rows(ids, seed=8) * weights).sum(), [block.weight])
    slope = (moved(2e-3) - moved(-2e-3)).item() / 4e-3
    assert (gradient * direction).sum().item() == pytest.approx(slope, rel=2e-2)


def test_a_twin_that_looks_past_the_beginning_of_a_row_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are taken for one long row see each other."""
    spread = kernels.spread
    model, ids = model_of(levels=3), rows(3, 6)

    def one_row(x: object, children: object, spreads: object, reaches: object, time: int, epsilon: float) -> None:
        spread(x, children, spreads, reaches, 3 * time, epsilon)

    monkeypatch.setattr(kernels, "spread", one_row)
    assert (model.rows(ids, 0) - model.dense(ids)).abs().max() > 1e-3


@given(st.floats(-80, 80, width=32))
def test_exp(x: float) -> None:
    found = kernels.exp_of(np.float32(x))
    assert found == pytest.approx(np.exp(np.float64(np.float32(x))), rel=2e-7 + 6e-8 * abs(x))


def test_a_plan_is_a_value() -> None:
    plan = FusedPlan(((1,),), 1e-5, torch.float32)
    assert plan == FusedPlan(((1,),), 1e-5, torch.float32)
