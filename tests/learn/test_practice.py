"""Every question, with many numbers: the right answer is graded right however it is spelled, and wrong ones wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest
import torch

from wavetree.errors import InputError
from wavetree.learn.practice import QUESTIONS, Asked, Question, Verdict, find, grade
from wavetree.learn.practice.answers import Amount, Amounts, Answer, Letter, Positions, Shape, Shapes
from wavetree.learn.practice.question import Mistake

SEEDS = range(8)
Grader = Callable[[Asked, str], Verdict]


def spellings(answer: Answer) -> list[str]:
    """Ways to write the right answer."""
    match answer:
        case Amount(value):
            return [answer.shown, f" {value!r} ", f"{value:.6f}", f"+{value!r}" if value > 0 else f"{value!r}"]
        case Amounts(values):
            plain = [f"{value:g}" if abs(value) < 1000 else f"{value:.0f}" for value in values]
            return [answer.shown, ", ".join(plain), " ".join(plain), f"({';'.join(plain)})"]
        case Shape(sizes):
            return [s.join(map(str, sizes)) for s in (", ", ",", " x ", " ")] + [f"[{str(sizes)[1:-1]}]", f"({sizes}"]
        case Shapes(shapes):
            return [s.join(map(str, shapes)) for s in (" ", ", ", " -> ")] + ["; ".join(str(s)[1:-1] for s in shapes)]
        case Positions(places):
            return [answer.shown, " ".join(map(str, sorted(places, reverse=True))), f"{min(places)}-{max(places)}"]
        case Letter(letter):
            return [letter, letter.lower(), f"({letter})"]
    raise AssertionError(f"no spellings for {answer}")


def wrongs(answer: Answer) -> list[str]:
    """Answers of the same kind that are not right."""
    match answer:
        case Amount(value):
            return [repr(value + 1), repr(value * 2 + 0.5), repr(-value - 1)]
        case Amounts(values):
            return [", ".join(f"{value + (i == k):g}" for i, value in enumerate(values)) for k in range(len(values))]
        case Shape(sizes):
            return [str((*sizes, 1)), str((sizes[0] + 1, *sizes[1:])), str((*sizes[:-1], sizes[-1] * 10))]
        case Shapes(shapes):
            return [" ".join(map(str, shapes[:-1])), " ".join(map(str, [*shapes, shapes[-1]]))]
        case Positions(places):
            return [f"{max(places) + 1}", f"{min(places)}-{max(places) + 1}"]
        case Letter(letter, choices):
            return [other for other in choices if other != letter]
    raise AssertionError(f"no wrong answers for {answer}")


def check(question: Question, grader: Grader) -> None:
    """What must hold of the grading of a question."""
    for seed in SEEDS:
        asked = question.asked(seed)
        for text in spellings(asked.answer):
            verdict = grader(asked, text)
            assert verdict.right is True, f"{text!r} is right (seed {seed})"
            assert verdict.says == asked.why
        for text in wrongs(asked.answer):
            verdict = grader(asked, text)
            assert verdict.right is False, f"{text!r} is wrong (seed {seed})"
            assert verdict.says
        for mistake in asked.mistakes:
            if not asked.answer.matches(mistake.answer.shown):
                verdict = grader(asked, mistake.answer.shown)
                assert (verdict.right, verdict.says) != (True, asked.why)
                assert verdict.says != asked.hint, "a known mistake has an answer of its own"
        verdict = grader(asked, "no idea")
        assert verdict.right is None
        assert asked.answer.how in verdict.says


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_grading(question: Question) -> None:
    check(question, grade)


TWINS: dict[str, Grader] = {
    "accepts everything": lambda asked, _: Verdict(True, asked.why),
    "rejects everything": lambda asked, _: Verdict(False, asked.hint),
    "wants its own spelling": lambda asked, text: Verdict(text == asked.answer.shown, asked.why),
    "gives no hint that fits": lambda asked, text: (
        Verdict(False, asked.hint) if grade(asked, text).right is False else grade(asked, text)
    ),
    "takes what it cannot read for wrong": lambda asked, text: (
        Verdict(False, asked.hint) if grade(asked, text).right is None else grade(asked, text)
    ),
}


@pytest.mark.parametrize("twin", TWINS)
def test_a_bad_grader_is_caught(twin: str) -> None:
    with pytest.raises(AssertionError):
        check(find("shapes"), TWINS[twin])


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_a_seed_gives_the_same_numbers_and_others_give_others(question: Question) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    asked = [question.asked(seed) for seed in SEEDS]
    assert asked == [question.asked(seed) for seed in SEEDS]
    assert len({one.text for one in asked}) >= 2
    assert bool((torch.random.get_rng_state() == before).all())


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_the_question_does_not_give_itself_away(question: Question) -> None:
    for seed in SEEDS:
        asked = question.asked(seed)
        assert asked.answer.shown not in asked.hint or isinstance(asked.answer, Amount | Letter)
        assert all(text.strip() and "  " not in re.sub(r"\n.*", "", text) for text in (asked.hint, asked.why))
        assert asked.text.rstrip().endswith(("?", ".", "to rounding"))


FORMULAS: dict[str, Callable[[list[int]], Answer]] = {
    "flat-parameters": lambda n: Amount(n[0] * n[2] + n[1] * n[2] * n[3] + n[3] + n[3] * n[0] + n[0]),
    "fusion-parameters": lambda n: Amount(2 * n[0] * n[1] + 2 * n[1]),
    "receptive-field": lambda n: Amount(2 ** n[0]),
    "tree-parameters": lambda n: Amount(
        n[0] * n[1] + 2 * n[1] * n[3] + 2 * (n[2] - 1) * n[3] ** 2 + 2 * n[2] * n[3] + n[3] * n[0] + n[0]
    ),
    "halvings": lambda n: Amount(n[0].bit_length() - 1),
    "first-loss": lambda n: Amount(math.log(n[0]), 0.02),
    "norm-count": lambda n: Amounts((n[0] * n[1], n[0])),
    "lookback": lambda n: Amount(2 ** n[1]),
    "rings": lambda n: Amount(2 ** n[0] - 1),
    "steps": lambda n: Amount(n[0] * n[1]),
    "fusions": lambda n: Amounts((n[1] * (2 ** n[0] - 1), n[1] * n[0])),
    "context-cost": lambda n: Amounts((n[0].bit_length() - 1, n[0] * n[1])),
    "attention": lambda n: Amount(n[0] * (n[0] + 1) / 2),
    "flipped-symbol": lambda n: Positions.of(range(n[4], min(n[4] + n[0], n[1]))),
    "which-symbols": lambda n: Positions.of(range(n[3] - 2 ** (n[2] + 1) + 1, n[3] + 1)),
}
"""What the numbers in a question's text, in order, lead to with pencil and paper."""


@pytest.mark.parametrize("name", FORMULAS)
def test_the_product_and_a_pencil_agree(name: str) -> None:
    for seed in SEEDS:
        asked = find(name).asked(seed)
        numbers = [int(found.replace(",", "")) for found in re.findall(r"\d+(?:,\d{3})*(?!\.\d)", asked.text)]
        assert FORMULAS[name](numbers).matches(asked.answer.shown) is True, (numbers, asked.answer)


def test_there_is_enough_in_a_sensible_order() -> None:
    assert len(QUESTIONS) >= 12
    assert len({question.id for question in QUESTIONS}) == len(QUESTIONS)
    sections = [int(question.section) for question in QUESTIONS]
    assert sections == sorted(sections)
    assert {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14} <= set(sections)


def test_a_mistake_gets_the_hint_that_fits() -> None:
    asked = find("norm-shape").asked(1)
    assert isinstance(asked.answer, Shape)
    buggy = next(mistake for mistake in asked.mistakes if "with the bug" in mistake.says)
    assert grade(asked, buggy.answer.shown) == Verdict(False, buggy.says)
    other = Asked("?", Amount(1), "hint", "why", [Mistake(Amount(1), "never said"), Mistake(Amount(2), "two")])
    assert [grade(other, text).says for text in ("1", "2", "3")] == ["why", "two", "hint"]


def test_a_question_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(InputError, match=r"'fuse-by-hnd'.*did you mean 'fuse-by-hand'"):
        find("fuse-by-hnd")
    with pytest.raises(InputError, match="no question 'zzz': it is one of flat-width"):
        find("zzz")
