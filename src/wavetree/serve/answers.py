"""What is answered, for the OpenAPI document; the tests hold every answer to it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """A document with these names and no others."""

    model_config = ConfigDict(extra="forbid")


class Fault(Answer):
    """Why there is no answer: a code for programs, a sentence for people, and where, if it is about one place."""

    code: str
    message: str
    field: str | None


class Failure(Answer):
    """Every answer with a status from 400."""

    error: Fault


class Status(Answer):
    """Whether the server is there."""

    status: Literal["ok", "ready"]


class LimitRow(Answer):
    """A row of the table of limits."""

    name: str
    least: float
    most: float
    unit: str
    about: str


class Limits(Answer):
    """The table."""

    limits: list[LimitRow]


class RunInfo(Answer):
    """A run in the list of runs."""

    id: str
    kind: Literal["items", "text", "bytes", "audio"]
    model: str
    parameters: int
    receptive_field: int
    levels: int | None
    ready: bool
    complete: bool
    step: int
    steps: int
    val_nll: float | None
    job: str | None


class Runs(Answer):
    """All runs; the one to show first."""

    default: str | None
    runs: list[RunInfo]


class FieldInfo(Answer):
    """What items carry beside their text."""

    name: str
    classes: list[str]


class RunDetails(RunInfo):
    """All there is to know of a run but its weights."""

    alphabet: str | None
    vocab_size: int
    fields: list[FieldInfo]
    items: dict[str, int] | None
    settings: dict[str, Any]
    progress: list[dict[str, Any]]
    checks: list[dict[str, Any]]


class Item(Answer):
    """A sampled item."""

    item: str
    mark: Literal["train", "held out", "new", "unmarked"]
    ended: bool


class Samples(Answer):
    """What was drawn."""

    run: str
    seed: int
    items: list[Item]
    marks: dict[str, int]


class Completed(Answer):
    """One of the likeliest items."""

    item: str
    probability: float
    log_probability: float


class Completions(Answer):
    """The likeliest first."""

    run: str
    prefix: str
    items: list[Completed]


class ThresholdInfo(Answer):
    """Where flagging begins, and what share of good items that is."""

    score: float
    low: float
    high: float
    expected: float
    says: str


class ScoreRow(Answer):
    """A scored string; null is infinite."""

    nats: float | None
    bits_per_symbol: float | None
    percentile: float
    flagged: bool
    surprisal: list[float | None]
    unknown: list[int]


class Scores(Answer):
    """In the order of the strings."""

    run: str
    threshold: ThresholdInfo
    scores: list[ScoreRow]


class Candidate(Answer):
    """A symbol that may follow; "" is the end."""

    symbol: str
    probability: float
    kept: bool
    chance: float


class Prediction(Answer):
    """What may follow a text."""

    context: str
    symbols: list[Candidate]


class Next(Answer):
    """In the order of the texts."""

    run: str
    receptive_field: int
    next: list[Prediction]


class Inspected(Answer):
    """What is inside."""

    run: str
    receptive_field: int
    layers: list[dict[str, Any]]
    next: list[dict[str, Any]]
    trace: dict[str, Any] | None
    flip: dict[str, Any] | None


class Job(Answer):
    """A training or a comparison."""

    id: str
    kind: Literal["train", "compare"]
    state: Literal["running", "pausing", "paused", "stopping", "stopped", "done", "failed"]
    run: str | None
    name: str
    seconds: float
    progress: dict[str, Any] | None
    check: dict[str, Any] | None
    summary: dict[str, Any] | None
    error: Fault | None


class Jobs(Answer):
    """The newest first."""

    jobs: list[Job]


class SectionInfo(Answer):
    """A section of the lesson."""

    title: str
    anchor: str


class Lesson(Answer):
    """The lesson as HTML."""

    title: str
    sections: list[SectionInfo]
    html: str


class Page(Answer):
    """A text as HTML."""

    html: str


class CardInfo(Answer):
    """A card as HTML."""

    name: str
    front: str
    back: str


class Cards(Answer):
    """All cards."""

    cards: list[CardInfo]


class QuestionInfo(Answer):
    """A question in the list of questions."""

    id: str
    title: str
    section: str


class Questions(Answer):
    """In the order of the lesson."""

    questions: list[QuestionInfo]


class QuestionAsked(QuestionInfo):
    """A question with its numbers, as HTML; `how` to write an answer."""

    seed: int
    text: str
    hint: str
    how: str


class AnswerShown(Answer):
    """What the product computes, and why."""

    answer: str
    why: str


class Graded(Answer):
    """`right` is null where the answer could not be read."""

    right: bool | None
    says: str
