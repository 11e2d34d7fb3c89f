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
    name: str
    """By which Anki knows the card again, whatever becomes of its words."""


@cache
def cards() -> tuple[Card, ...]:
    """The cards of cards.md: a heading is a front and, as {#name}, a name; the paragraph under it a back."""
    text = resources.files(__package__).joinpath("cards.md").read_text("utf-8")
    parts = (part.partition("\n") for part in text.split("\n## ")[1:])
    return tuple(_card(heading.strip(), back) for heading, _, back in parts)


def _card(heading: str, back: str) -> Card:
    front, _, name = heading.rpartition(" {#")
    return Card(front, " ".join(back.split()), name.removesuffix("}"))
