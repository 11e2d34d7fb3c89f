"""Where a sampled item is known from, and drawing until enough are new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from torch import Tensor

from wavetree.codecs import AlphabetCodec
from wavetree.errors import WavetreeError
from wavetree.generate.sampler import Choice, sample
from wavetree.models import AnyModel

Mark = Literal["train", "held out", "new", "unmarked"]
"""Where an item is known from; `unmarked` where the list is not there to be looked into."""

PATIENCE = 200
"""`new_only` gives up after this many draws for each item asked for."""


@dataclass(frozen=True)
class Drawn:
    """A sampled item. `ended` is false for one that was cut at the length limit."""

    item: str
    mark: Mark
    ended: bool


def draw(
    model: AnyModel,
    codec: AlphabetCodec,
    known: Known,
    seed: int,
    choice: Choice,
    prefix: str = "",
    given: Tensor | None = None,
) -> Iterator[Drawn]:
    """Items with their marks, without end; `given` (1, G) holds for all.

    Raises SymbolError for a prefix outside the alphabet.
    """
    for sampled in sample(model, seed, choice, codec.encode(prefix).tolist(), given=given):
        item = codec.decode(sampled.ids)
        yield Drawn(item, known.mark(item), sampled.ended)


def new_only(drawn: Iterator[Drawn], count: int) -> list[Drawn]:
    """The first `count` items that are new, each once. Raises WavetreeError when they do not come."""
    found: dict[str, Drawn] = {}
    for candidate in islice(drawn, PATIENCE * count):
        if candidate.mark == "new":
            found.setdefault(candidate.item, candidate)
        if len(found) == count:
            return list(found.values())
    raise WavetreeError(
        f"only {len(found)} new items came in {PATIENCE * count:,} draws: the model repeats its list. "
        "Raise --temperature, shorten --prefix or ask for fewer."
    )


class Known:
    """The items of a list by the side they are on; None for a list that is not there."""

    def __init__(self, train: Sequence[str] | None, held_out: Sequence[str] = ()) -> None:
        self._there = train is not None
        self._train, self._held_out = frozenset(train or ()), frozenset(held_out)

    def mark(self, item: str) -> Mark:
        """`train` wins where an item is on both sides, as the lecture's split lets it be."""
        if not self._there:
            return "unmarked"
        if item in self._train:
            return "train"
        return "held out" if item in self._held_out else "new"
