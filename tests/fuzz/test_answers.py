"""What a learner types at a question: right, wrong, or not understood; never an error."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.guard import guarded
from tests.fuzz.hostile import texts

from wavetree.learn.practice import QUESTIONS
from wavetree.learn.practice.answers import Answer


@cache
def answers() -> list[Answer]:
    """Of every question, with the numbers of one seed."""
    return [question.asked(1).answer for question in QUESTIONS]


PARTS = [
    "1",
    "24",
    "(4, 4, 48)",
    "1,024",
    "x",
    " to ",
    "-",
    "9" * 300,
    "1e999",
    "²",
    "４",
    ";",
    "->",
    "]" * 30,
    "a b c",
]


@given(text=texts(60) | st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
def test_any_answer(text: str) -> None:
    with guarded():
        for answer in answers():
            assert answer.matches(text) in {True, False, None}
