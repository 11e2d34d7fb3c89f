"""Practice: questions with numbers that change, answered by running the product, and graded by computing."""

from __future__ import annotations

import difflib

from wavetree.errors import InputError
from wavetree.learn.practice.flat import DEPTH, FLAT, LAYERS
from wavetree.learn.practice.hierarchy import EXTEND, FUSION, HIERARCHY
from wavetree.learn.practice.judging import NORM, TRAINING
from wavetree.learn.practice.question import Asked, Question, Verdict, grade
from wavetree.learn.practice.sequences import COSTS, NEIGHBOURS, SEQUENCES

__all__ = ["QUESTIONS", "Asked", "Question", "Verdict", "find", "grade"]

QUESTIONS: tuple[Question, ...] = tuple(
    sorted(
        (*FLAT, *LAYERS, *FUSION, *HIERARCHY, *DEPTH, *NORM, *TRAINING, *SEQUENCES, *COSTS, *NEIGHBOURS, *EXTEND),
        key=lambda question: int(question.section),
    )
)
"""In the order of the lesson."""


def find(name: str) -> Question:
    """The question with this id. Raises InputError, with the nearest one there is."""
    known = {question.id: question for question in QUESTIONS}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    offer = f" (did you mean {near[0]!r}?)" if near else ""
    raise InputError(f"there is no question {name!r}{offer}: it is one of {', '.join(known)}.")
