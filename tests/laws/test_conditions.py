"""What the laws tell models that take conditions; and every broken twin, rejected by the same law, and where."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tests.laws import condition_twins as twins
from tests.laws.cases import MODELS, Case, tree

from wavetree.inspect import Finding, verify
from wavetree.inspect.laws import (
    Model,
    causal,
    field_is_exact,
    probabilities_add_up,
    runs_agree,
    seeds_repeat,
    single_precision_is_close,
    targets_unseen,
)
from wavetree.inspect.laws.conditions import by_item, by_symbol, ways
from wavetree.models import Tree, evaluating

Law = Callable[[Model], list[Finding]]

CONDITIONED = [case for case in MODELS if case.build().given_size]

DENSE = {f"dense, {how}" for how in ("each alone, told by symbol", "one batch, told by symbol")}
STREAMED = {"in chunks of 1, 7, 0, 7, 8, 9, told by symbol"}

BROKEN: list[tuple[Law, type[Tree], set[str]]] = [
    (runs_agree, twins.LateInStream, DENSE | STREAMED | {"an old state, used again, told by symbol"}),
    (runs_agree, twins.EarlyInStream, DENSE | STREAMED),
    (runs_agree, twins.FirstOfChunk, DENSE | STREAMED),
    (runs_agree, twins.NeverForgets, DENSE | STREAMED | {"dense, one batch, told by item"}),
    (runs_agree, twins.ForgetsBefore, DENSE | {"dense, one batch, told by item", "step by step, told by item"}),
    (runs_agree, twins.OneBeforeForAll, {"dense, one batch, told by item", "step by step, told by symbol"}),
    (
        runs_agree,
        twins.SwappedMembers,
        {"step by step, told by item", "chosen members with each alone, told by symbol"},
    ),
    (runs_agree, twins.DeafStep, {"step by step, told by item", "step by step, told by symbol"}),
    (runs_agree, twins.OneGroup, {"packed, told by item"}),
    (runs_agree, twins.SharedNodes, {"packed, told by item"}),
    (runs_agree, twins.SharedAbove, {"packed, told by item"}),
    (runs_agree, twins.OrderedGroups, {"packed, told by item"}),
    (single_precision_is_close, twins.SwappedMembers, {"step by step, told by item"}),
    (causal, twins.EarlyInStream, {"logits before a changed condition"}),
    (targets_unseen, twins.MixedPacked, {"logits with other conditions of other items, evaluation mode"}),
    (targets_unseen, twins.OneGroup, {"logits with other conditions of other items, evaluation mode"}),
    (targets_unseen, twins.SharedAbove, {"logits with other conditions of other items, evaluation mode"}),
    (
        field_is_exact,
        twins.LateInStream,
        {"R = 8 with 14 changed conditions", "R = 8 with the gradient's support of conditions"},
    ),
    (
        field_is_exact,
        twins.NeverForgets,
        {"R = 8 with 14 changed conditions", "R = 8 with the gradient's support of conditions"},
    ),
    (field_is_exact, twins.ForgetsBefore, {"R = 8 with what held before"}),
    (field_is_exact, twins.ToldBothWays, {"R = 8 with what held before"}),
    (probabilities_add_up, twins.DeafStep, {"nats a symbol, by the score with by steps, told by item"}),
]


@pytest.mark.parametrize(
    ("law", "twin", "where"), BROKEN, ids=[f"{law.__name__}-{twin.__name__}" for law, twin, _ in BROKEN]
)
def test_a_broken_model_is_rejected(law: Law, twin: type[Tree], where: set[str]) -> None:
    """And only when it is told something: otherwise the twins are as good as any."""
    assert all(finding.passed for finding in law(tree(3, given_size=3)))
    assert all(finding.passed for finding in law(tree(3, kind=twin)))
    failed = {finding.compared for finding in law(tree(3, kind=twin, given_size=3)) if not finding.passed}
    assert {place for place in where if any(compared.startswith(place) for compared in failed)} == where
    assert all("told" in compared or "condition" in compared or "held" in compared for compared in failed)


def test_a_model_without_conditions_is_told_nothing() -> None:
    findings = verify(tree(3))
    assert len(findings) == 26
    assert not any("told" in f.compared or "condition" in f.compared for f in findings)


@pytest.mark.parametrize("case", CONDITIONED, ids=str)
def test_a_model_with_conditions_is_told_some(case: Case) -> None:
    model = case.build()
    told = {
        law.__name__: sum("told" in f.compared or "condition" in f.compared for f in law(model))
        for law in (runs_agree, causal, field_is_exact, probabilities_add_up, seeds_repeat, single_precision_is_close)
    }
    assert told == {
        "runs_agree": 15,
        "causal": 1,
        "field_is_exact": 2,
        "probabilities_add_up": 4,
        "seeds_repeat": 2,
        "single_precision_is_close": 9,
    }


@pytest.mark.parametrize("case", CONDITIONED, ids=str)
def test_nothing_told_is_zeros(case: Case) -> None:
    """So a class that is not told is no class of its own."""
    model = case.build().double()
    ids = torch.randint(model.vocab_size, (2, 12), generator=torch.Generator().manual_seed(1))
    nothing = torch.zeros(2, model.given_size, dtype=torch.float64)
    with evaluating(model):
        told = model.dense(ids, nothing[:, None], nothing)
        assert torch.allclose(told, model.dense(ids), rtol=0, atol=1e-12)


def test_what_is_told() -> None:
    model = tree(2, given_size=3)
    item, symbol = by_item(model, 4, 5), by_symbol(model, 4, 5)
    for told in (item, symbol):
        assert told.given is not None
        assert told.before is not None
        assert told.given.shape == (4, 5, 3)
        assert told.before.shape == (4, 3)
        assert torch.equal(told.given[:, :, :1], told.before[:, None, :1].expand(-1, 5, -1))
        assert torch.equal(told.given.float().double(), told.given)
    assert item.given is not None
    assert item.conditions is not None
    assert item.groups is not None
    assert torch.equal(item.conditions[torch.from_numpy(item.groups)], item.given[:, 3])
    assert item.groups[0] == item.groups[3]
    assert len(set(item.groups.tolist())) == 3
    assert len(item.conditions) == 5
    assert symbol.given is not None
    assert symbol.before is not None
    assert len(symbol.given[:, :, 1:].unique()) == 4 * 5 * 2
    assert not symbol.before[:, 1:].any()


@pytest.mark.parametrize("case", CONDITIONED, ids=str)
def test_a_model_under_one_condition_keeps_the_laws_by_itself(case: Case) -> None:
    """It is what two of the laws look at; and its window, dense and packed run are all told."""
    (_, plain), (_, bound) = ways(case.build().double())
    findings = [finding for law in (runs_agree, causal, targets_unseen, field_is_exact) for finding in law(bound)]
    assert [finding for finding in findings if not finding.passed] == []
    window = torch.zeros(1, plain.receptive_field, dtype=torch.int64)
    with evaluating(bound):
        assert not torch.allclose(bound.window(window), plain.window(window))
        assert not torch.allclose(bound.dense(window), plain.dense(window))
