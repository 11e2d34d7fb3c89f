"""Which items are learnt from, and which are held out to judge with: eight, one and one tenth."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from wavetree.data.lists import ItemList
from wavetree.errors import ListError, SettingError

Side = Literal["train", "validation", "test"]

LECTURE_SEED = 42
"""The seed of the makemore lectures' shuffle."""


@dataclass(frozen=True)
class Split:
    """The three sides of a list, and how many held-out items are in `train` too, so that they measure memory."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    leaked_validation: int
    leaked_test: int


def side_of(item: str) -> Side:
    """The side of an item, from the item alone.

    The eight-byte BLAKE2b digest of its UTF-8, read as a big-endian number and divided by 2^64, is a fraction: below
    0.8 is train, below 0.9 validation, the rest test. Nothing else enters, so an item keeps its side in every list.
    """
    digest = hashlib.blake2b(item.encode(), digest_size=8).digest()
    fraction = int.from_bytes(digest, "big") / 2**64
    return "train" if fraction < 0.8 else "validation" if fraction < 0.9 else "test"


def split_items(items: ItemList, kind: Literal["hash", "lecture"]) -> Split:
    """The sides of `items`.

    `hash` takes each distinct item once, by `side_of`: nothing leaks, and a list that grows moves no item. Each side
    keeps the list's order. `lecture` is the makemore lectures' own split: duplicates stay, Python's generator shuffles
    under seed 42, the first int(0.8 n) are train, those up to int(0.9 n) validation: to compare with their numbers.

    Raises ListError if a side is left empty, SettingError for another `kind`.
    """
    if kind not in _KINDS:
        raise SettingError(f"There is no split {kind!r}. Choose one of {', '.join(_KINDS)}.")
    train, validation, test = _KINDS[kind](items)
    for side, held in (("train", train), ("validation", validation), ("test", test)):
        if not held:
            raise ListError(
                f"{items.source}: none of its {len(items.distinct):,} distinct items falls on the {side} side of the "
                f"{kind} split. Add items; with 200 or more this is all but impossible."
            )
    known = set(train)
    return Split(
        tuple(train),
        tuple(validation),
        tuple(test),
        leaked_validation=sum(item in known for item in validation),
        leaked_test=sum(item in known for item in test),
    )


_Sides = tuple[Sequence[str], Sequence[str], Sequence[str]]


def _by_hash(items: ItemList) -> _Sides:
    sides: dict[Side, list[str]] = {"train": [], "validation": [], "test": []}
    for item in items.distinct:
        sides[side_of(item)].append(item)
    return sides["train"], sides["validation"], sides["test"]


def _by_lecture(items: ItemList) -> _Sides:
    shuffled = list(items.items)
    random.Random(LECTURE_SEED).shuffle(shuffled)
    first, second = int(0.8 * len(shuffled)), int(0.9 * len(shuffled))
    return shuffled[:first], shuffled[first:second], shuffled[second:]


_KINDS: dict[str, Callable[[ItemList], _Sides]] = {"hash": _by_hash, "lecture": _by_lecture}
