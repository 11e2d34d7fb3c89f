"""Broken WaveNets, rejected by the laws and at the place; and parameters that no model may have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.laws import wavenet_twins as twins
from tests.laws.cases import MODELS, Case, wavenet

from wavetree.data.packing import PackedItems
from wavetree.inspect import Finding, verify
from wavetree.inspect.laws import Model, field_is_exact, runs_agree
from wavetree.inspect.laws.conditions import some_conditions
from wavetree.inspect.laws.finding import some_codec
from wavetree.models import WaveNet

Law = Callable[[Model], list[Finding]]

SETTINGS: dict[str, dict[str, object]] = {
    "one stack": {"levels": 3},
    "two stacks": {"stacks": 2, "levels": 2},
    "kernel 3": {"stacks": 2, "levels": 2, "kernel": 3, "norm": "none"},
}
STREAMED = {"dense, each alone", "dense, one batch", "step by step"}
ALL = STREAMED | {"packed"}

BROKEN: list[tuple[type[WaveNet], set[str]]] = [
    (twins.ZeroPadding, STREAMED),
    (twins.PadEverywhere, STREAMED),
    (twins.RingShort, STREAMED),
    (twins.LeftResidual, {"packed"}),
    (twins.LeftSkip, ALL),
    (twins.ReversedWindow, ALL),
    (twins.ReversedDense, {"dense, each alone", "dense, one batch"}),
    (twins.ReversedPacked, {"packed"}),
    (twins.ReversedStep, {"step by step"}),
    (twins.TurnedDilations, {"packed"}),
]
"""And the runs that differ from the windows."""


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize(("twin", "where"), BROKEN, ids=[twin.__name__ for twin, _ in BROKEN])
def test_a_broken_run_is_rejected(twin: type[WaveNet], where: set[str], settings: dict[str, object]) -> None:
    failed = {finding.compared for finding in runs_agree(wavenet(kind=twin, **settings)) if not finding.passed}
    assert {run for run in {*ALL, "windows in batches"} if any(place.startswith(run) for place in failed)} == where


@pytest.mark.parametrize("twin", [twins.KernelForgotten, twins.DeafTop])
def test_a_wrong_field_is_rejected(twin: type[WaveNet]) -> None:
    findings = field_is_exact(wavenet(kind=twin, **SETTINGS["kernel 3"]))
    assert len(findings) == 2
    assert not any(finding.passed for finding in findings)


DEEP: dict[str, object] = {"stacks": 3, "levels": 10, "norm": "none"}
"""As for sound: 30 levels, R = 3,070."""


def test_the_oldest_symbol_of_many_is_found_by_the_gradient() -> None:
    """What it changes is lost in rounding, so that it is not changed: but the gradient knows where the field ends."""
    by_change, by_gradient = field_is_exact(wavenet(**DEEP))
    assert (by_change.passed, by_gradient.passed) == (True, True)
    assert by_change.compared == "R = 3,070 with 4 changed symbols"
    _, by_gradient = field_is_exact(wavenet(kind=twins.FieldTooLong, **DEEP))
    assert not by_gradient.passed


@pytest.mark.parametrize(("given_size", "levels"), [(0, 6), (2, 4)])
def test_verify(given_size: int, levels: int) -> None:
    findings = verify(wavenet(given_size=given_size, stacks=2, levels=levels))
    assert [finding for finding in findings if not finding.passed] == []
    assert len(findings) == (65 if given_size else 27)


def dead(model: Model) -> list[str]:
    """The parameters that the loss of a packed training step does not know of: their gradient is all zero, or none."""
    codec, rng = some_codec(model), np.random.default_rng(1)
    items = PackedItems([codec.decode(rng.integers(1, model.vocab_size, n)) for n in (9, 0, 17, 4)], codec)
    row = items.row(np.arange(len(items)))
    told = some_conditions(model, len(items)).float() if model.given_size else None
    groups = np.cumsum(row.ages == 0) - 1 if model.given_size else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)  # of dropout
        logits = model.train().packed(model.prepare(row.ids, row.ages, groups), told)
    loss = F.cross_entropy(logits, torch.from_numpy(row.targets))
    names, parameters = zip(*model.named_parameters(), strict=True)
    gradients = torch.autograd.grad(loss, parameters, materialize_grads=True)
    return [name for name, gradient in zip(names, gradients, strict=True) if not gradient.any()]


LEARNT = [case for case in MODELS if any(True for _ in case.build().parameters())]
KNOWN = {"transformer-1-1": ["layers.0.nearness"]}
"""With one position to look at, how near it is is nothing to choose by."""


@pytest.mark.parametrize("case", LEARNT, ids=str)
def test_no_parameter_is_dead(case: Case) -> None:
    assert dead(case.build()) == KNOWN.get(case.name, [])


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_dead_parameter_is_seen(settings: dict[str, object]) -> None:
    """One that changes no logit, so that no other law minds."""
    model = wavenet(kind=twins.LastResidual, **settings)
    last = len(model.blocks) - 1
    assert dead(model) == [f"levels.{last}.residual.weight", f"levels.{last}.residual.bias"]
    assert all(finding.passed for finding in runs_agree(model))
