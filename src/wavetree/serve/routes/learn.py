"""The learning material, and practice that the product grades."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query

from wavetree.errors import InputError
from wavetree.learn.cards import cards
from wavetree.learn.practice import QUESTIONS, Asked, Question, find, grade
from wavetree.learn.text import cheatsheet, lesson, sections, to_html, to_inline_html
from wavetree.serve import answers
from wavetree.serve.bodies import GradeBody
from wavetree.serve.limits import most
from wavetree.serve.refusals import Refusal
from wavetree.serve.service import FAILURES, Json, Service, Serving

router = APIRouter(prefix="/api/learn", tags=["learn"], responses=FAILURES)
QuestionId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$", max_length=64, description="The id of a question.")]
Seed = Annotated[int, Query(ge=0, le=most("seed"), description="Of the numbers in the question.")]


@router.get("/lesson", response_model=answers.Lesson)
async def the_lesson() -> Json:
    """The lesson."""
    text = lesson()
    title = text.partition("\n")[0].removeprefix("# ")
    found = [{"title": heading.title, "anchor": heading.anchor} for heading in sections(text)]
    return Json({"title": title, "sections": found, "html": to_html(text)})


@router.get("/cheatsheet", response_model=answers.Page)
async def the_cheatsheet() -> Json:
    """The cheat sheet."""
    return Json({"html": to_html(cheatsheet())})


@router.get("/cards", response_model=answers.Cards)
async def the_cards() -> Json:
    """The cards."""
    found = [
        {"name": card.name, "front": to_inline_html(card.front), "back": to_inline_html(card.back)} for card in cards()
    ]
    return Json({"cards": found})


@router.get("/questions", response_model=answers.Questions)
async def questions() -> Json:
    """The questions, in the order of the lesson."""
    return Json({"questions": [_about(question) for question in QUESTIONS]})


@router.get("/questions/{question}", response_model=answers.QuestionAsked)
async def question(question: QuestionId, service: Serving, seed: Seed = 1) -> Json:
    """A question with the numbers of a seed."""
    one, asked = await _asked(service, question, seed)
    return Json(
        {
            **_about(one),
            "seed": seed,
            "text": to_html(asked.text),
            "hint": to_html(asked.hint),
            "how": asked.answer.how,
        }
    )


@router.get("/questions/{question}/answer", response_model=answers.AnswerShown)
async def answer(question: QuestionId, service: Serving, seed: Seed = 1) -> Json:
    """What the product computes, and why."""
    _, asked = await _asked(service, question, seed)
    return Json({"answer": asked.answer.shown, "why": to_html(asked.why)})


@router.post("/questions/{question}/grade", response_model=answers.Graded)
async def graded(question: QuestionId, body: GradeBody, service: Serving) -> Json:
    """A verdict on an answer: right, wrong with a hint that fits it, or not to be read."""
    _, asked = await _asked(service, question, body.seed)
    verdict = grade(asked, body.answer)
    return Json({"right": verdict.right, "says": to_html(verdict.says)})


async def _asked(service: Service, name: str, seed: int) -> tuple[Question, Asked]:
    """Small networks are built for it, in a thread: one at a time, since they draw from torch's own random state."""
    try:
        one = find(name)
    except InputError:
        raise Refusal("not_found", "there is no such question: /api/learn/questions lists them.") from None
    async with service.asking:
        return one, await asyncio.to_thread(one.asked, seed)


def _about(question: Question) -> dict[str, str]:
    return {"id": question.id, "title": question.title, "section": question.section}
