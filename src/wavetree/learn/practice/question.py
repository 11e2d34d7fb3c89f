"""What a question is: a text with numbers in it, and an answer that the product computes from the same numbers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from wavetree.learn.practice.answers import Answer

SEED = 1
"""Of weights, whose values matter to no answer."""


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that one easily arrives at, and what to say to it."""

    answer: Answer
    says: str


@dataclass(frozen=True)
class Asked:
    """A question with its numbers. `text`, `hint`, `why` are Markdown; `why` is read once the answer is known."""

    text: str
    answer: Answer
    hint: str
    why: str
    mistakes: Sequence[Mistake] = ()


@dataclass(frozen=True)
class Question:
    """`id` as the command knows it; `section`: of the lesson; `make` gives the question with numbers of its own."""

    id: str
    title: str
    section: str
    make: Callable[[random.Random], Asked]

    def asked(self, seed: int) -> Asked:
        """The question with the numbers of `seed`: the same seed, the same numbers. Torch's own state is left alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            return self.make(random.Random(f"{self.id} {seed}"))


@dataclass(frozen=True)
class Verdict:
    """`right` is None where the answer could not be read. `says` is what to tell the learner, Markdown."""

    right: bool | None
    says: str


def grade(asked: Asked, text: str) -> Verdict:
    """Judges what a learner wrote. A wrong answer gets the hint that fits it, an unreadable one the way to write it."""
    right = asked.answer.matches(text)
    if right is None:
        return Verdict(None, f"I cannot read that. Write {asked.answer.how}.")
    if right:
        return Verdict(True, asked.why)
    known = (mistake.says for mistake in asked.mistakes if mistake.answer.matches(text))
    return Verdict(False, next(known, asked.hint))
