"""What is worth knowing by heart, as cards with a front and a back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Card:
    """A question in front, its answer at the back: Markdown, one paragraph each."""

    front: str
    back: str


@cache
def cards() -> tuple[Card, ...]:
    """The cards of cards.md: a heading is a front, the paragraph under it a back."""
    text = resources.files(__package__).joinpath("cards.md").read_text("utf-8")
    parts = (part.partition("\n") for part in text.split("\n## ")[1:])
    return tuple(Card(front.strip(), " ".join(back.split())) for front, _, back in parts)
