"""Every law on every model of the list; and every broken twin, rejected by the same law."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import pytest
import torch
from tests.laws import twins
from tests.laws.cases import MODELS, NORMS, Case, Norm, tree

from wavetree.inspect import Finding, verify
from wavetree.inspect.laws import (
    LAWS,
    Model,
    causal,
    evaluation_leaves_alone,
    field_is_exact,
    probabilities_add_up,
    runs_agree,
    seeds_repeat,
    single_precision_is_close,
    targets_unseen,
)
from wavetree.inspect.laws.probabilities import Score
from wavetree.models import Tree

Law = Callable[[Model], list[Finding]]


def name(thing: object) -> str:
    return str(getattr(thing, "__name__", thing))


@pytest.mark.parametrize("case", MODELS, ids=str)
@pytest.mark.parametrize("law", LAWS, ids=name)
def test_law(law: Law, case: Case) -> None:
    findings = law(case.build())
    assert findings
    assert [finding for finding in findings if not finding.passed] == []


@pytest.mark.parametrize("vocab_size", [2, 3])
@pytest.mark.parametrize("case", MODELS, ids=str)
def test_the_smallest_alphabets(case: Case, vocab_size: int) -> None:
    """With two symbols the enumeration of strings is of all strings; with one there is no other to change to."""
    findings = [*probabilities_add_up(case.build(vocab_size)), *targets_unseen(case.build(vocab_size))]
    assert [finding for finding in findings if not finding.passed] == []


@pytest.mark.parametrize("norm", NORMS)
def test_verify_with_one_symbol(norm: Norm) -> None:
    assert [finding for finding in verify(tree(2, norm, vocab_size=2)) if not finding.passed] == []


BROKEN_MODELS: list[tuple[Law, type[Tree], set[str]]] = [
    (runs_agree, twins.ZeroPadding, {"dense, each alone", "dense, one batch", "step by step"}),
    (runs_agree, twins.FirstZero, {"dense, each alone", "dense, one batch", "step by step"}),
    (runs_agree, twins.RingShort, {"dense, each alone", "dense, one batch", "step by step"}),
    (runs_agree, twins.NoEdges, {"packed"}),
    (runs_agree, twins.SwappedWindow, {"dense, each alone", "dense, one batch", "step by step", "packed"}),
    (runs_agree, twins.SwappedDense, {"dense, each alone", "dense, one batch"}),
    (runs_agree, twins.SwappedPacked, {"packed"}),
    (runs_agree, twins.SwappedStep, {"step by step"}),
    (runs_agree, twins.Peeking, {"dense, each alone", "dense, one batch"}),
    (runs_agree, twins.Forgetful, {"in chunks"}),
    (runs_agree, twins.HiddenState, {"an old state, used again"}),
    (runs_agree, twins.SelectsNothing, {"chosen members with each alone"}),
    (single_precision_is_close, twins.HalfPrecision, {"packed"}),
    (causal, twins.Peeking, {"logits before a changed symbol"}),
    (causal, twins.FutureNorm, {"logits before a changed symbol"}),
    (targets_unseen, twins.NoEdges, {"logits with other targets"}),
    (targets_unseen, twins.FutureNorm, {"logits with other targets"}),
    (field_is_exact, twins.FieldTooLong, {"R = 9 with the gradient's support", "R = 9 with 15 changed symbols"}),
    (field_is_exact, twins.FieldTooShort, {"R = 7 with the gradient's support", "R = 7 with 13 changed symbols"}),
    (field_is_exact, twins.DeafTop, {"R = 8 with the gradient's support", "R = 8 with 14 changed symbols"}),
    (field_is_exact, twins.Peeking, {"R = 8 with the gradient's support", "R = 8 with 14 changed symbols"}),
    (evaluation_leaves_alone, twins.FutureNorm, {"evaluation mode"}),
]


@pytest.mark.parametrize(
    ("law", "twin", "where"), BROKEN_MODELS, ids=[f"{name(law)}-{name(twin)}" for law, twin, _ in BROKEN_MODELS]
)
def test_a_broken_model_is_rejected(law: Law, twin: type[Tree], where: set[str]) -> None:
    assert all(finding.passed for finding in law(tree(3)))
    failed = {finding.compared for finding in law(tree(3, kind=twin)) if not finding.passed}
    assert {place for place in where if any(compared.startswith(place) for compared in failed)} == where


BROKEN_USES: list[tuple[Law, Law]] = [
    (targets_unseen, partial(targets_unseen, pack=twins.TargetsAsInputs)),
    (targets_unseen, partial(targets_unseen, pack=twins.InputsAsTargets)),
    (targets_unseen, partial(targets_unseen, pack=twins.OneRow)),
    (probabilities_add_up, partial(probabilities_add_up, score=twins.no_end)),
    (probabilities_add_up, partial(probabilities_add_up, score=twins.softmax_twice)),
    (probabilities_add_up, partial(probabilities_add_up, score=twins.averaged)),
    (probabilities_add_up, partial(probabilities_add_up, score=twins.generous)),
    (probabilities_add_up, partial(probabilities_add_up, score=twins.not_a_number)),
    (seeds_repeat, partial(seeds_repeat, block=twins.seeded_by_size)),
    (seeds_repeat, partial(seeds_repeat, block=twins.always_from_zero)),
    (seeds_repeat, partial(seeds_repeat, block=twins.one_stream())),
    (evaluation_leaves_alone, partial(evaluation_leaves_alone, evaluate=twins.in_training_mode)),
    (evaluation_leaves_alone, partial(evaluation_leaves_alone, evaluate=twins.in_training_mode_restored)),
    (evaluation_leaves_alone, partial(evaluation_leaves_alone, evaluate=twins.left_in_evaluation)),
    (evaluation_leaves_alone, partial(evaluation_leaves_alone, evaluate=twins.with_gradients)),
    (evaluation_leaves_alone, partial(evaluation_leaves_alone, evaluate=twins.nudging)),
]


def used(law: Law) -> str:
    assert isinstance(law, partial)
    (given,) = law.keywords.values()
    return name(given)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    ("law", "broken"), BROKEN_USES, ids=[f"{name(law)}-{used(broken)}" for law, broken in BROKEN_USES]
)
def test_a_broken_use_is_rejected(law: Law, broken: Law, norm: Norm) -> None:
    model = tree(3, norm)
    assert all(finding.passed for finding in law(model))
    assert not all(finding.passed for finding in broken(model))


@pytest.mark.parametrize(
    ("score", "lines"),
    [
        (twins.no_end, ["nats a symbol", "ended + left", "the total"]),
        (twins.generous, ["nats a symbol", "ended + left"]),
        (twins.softmax_twice, ["nats a symbol", "ended + left"]),
        (twins.not_a_number, ["nats a symbol", "ended + left", "the total", "lengths that add nothing"]),
    ],
    ids=name,
)
def test_each_line_about_probabilities_rejects_something(score: Score, lines: list[str]) -> None:
    failed = [f.compared for f in probabilities_add_up(tree(3, vocab_size=3), score) if not f.passed]
    assert [any(compared.startswith(line) for compared in failed) for line in lines] == [True] * len(lines)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("levels", range(1, 11))
def test_verify(levels: int, norm: Norm) -> None:
    findings = verify(tree(levels, norm))
    assert [finding for finding in findings if not finding.passed] == []
    assert {finding.law.split()[0] for finding in findings} == {"1", "2", "3", "5", "6", "9", "10"}
    assert {f.tolerance for f in findings if not f.law.startswith("9")} <= {0, 1e-12}


@pytest.mark.parametrize("training", [True, False])
def test_verify_leaves_the_model_as_it_is(training: bool) -> None:
    model = tree(3).train(training)
    before = copy.deepcopy(model.state_dict())
    verify(model)
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    assert {module.training for module in model.modules()} == {training}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_model_that_is_not_a_number_passes_nothing_about_logits() -> None:
    model = tree(2)
    with torch.no_grad():
        model.output.bias[1] = torch.nan
    passed = {finding.law for finding in [*runs_agree(model), *single_precision_is_close(model)] if finding.passed}
    assert passed == set()


@pytest.mark.parametrize(
    ("finding", "passed"),
    [
        (Finding("law", "things", 3, 0.0, 0.0), True),
        (Finding("law", "things", 3, 1e-13, 1e-12), True),
        (Finding("law", "things", 3, 2e-12, 1e-12), False),
        (Finding("law", "things", 3, float("nan"), 1e-12), False),
        (Finding("law", "things", 3, float("inf"), 1e-12), False),
        (Finding("law", "nothing", 0, 0.0, 1e-12), False),
    ],
)
def test_a_finding_passes_only_by_comparison(finding: Finding, passed: bool) -> None:
    assert finding.passed is passed
