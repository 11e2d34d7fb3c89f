"""Which items are learnt from, and which are held out to judge with: eight, one and one tenth.

An item takes its labels along; they have no say in where it goes.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

from wavetree.data.columns import Labels, Row
from wavetree.data.fields import Fields
from wavetree.data.lists import ItemList
from wavetree.errors import ListError, SettingError

Side = Literal["train", "validation", "test"]
SIDES: tuple[Side, ...] = get_args(Side)

LECTURE_SEED = 42
"""The seed of the makemore lectures' shuffle."""


@dataclass(frozen=True)
class Split:
    """The three sides of a list, and how many held-out items are in `train` too, so that they measure memory.

    `fields` are those of the list, and the labels of each side are parallel to its items; without fields all are empty.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    leaked_validation: int
    leaked_test: int
    fields: Fields = field(default_factory=Fields)
    train_labels: tuple[Labels, ...] = ()
    validation_labels: tuple[Labels, ...] = ()
    test_labels: tuple[Labels, ...] = ()

    def items(self, side: Side) -> tuple[str, ...]:
        """The items of a side."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[side]

    def labels(self, side: Side) -> tuple[Labels, ...]:
        """The labels of a side's items."""
        return {"train": self.train_labels, "validation": self.validation_labels, "test": self.test_labels}[side]


def side_of(item: str) -> Side:
    """The side of an item, from the item alone.

    The eight-byte BLAKE2b digest of its UTF-8, read as a big-endian number and divided by 2^64, is a fraction: below
    0.8 is train, below 0.9 validation, the rest test. Nothing else enters, so an item keeps its side in every list,
    and with all of its labels.
    """
    digest = hashlib.blake2b(item.encode(), digest_size=8).digest()
    fraction = int.from_bytes(digest, "big") / 2**64
    return "train" if fraction < 0.8 else "validation" if fraction < 0.9 else "test"


def split_items(items: ItemList, kind: Literal["hash", "lecture"]) -> Split:
    """The sides of `items`.

    `hash` takes each distinct row once, by `side_of` its item: nothing leaks, and a list that grows moves no item. Each
    side keeps the list's order. `lecture` is the makemore lectures' own split: duplicates stay, Python's generator
    shuffles under seed 42, the first int(0.8 n) are train, those up to int(0.9 n) validation: to compare with their
    numbers.

    Raises ListError if a side is left empty, SettingError for another `kind`.
    """
    if kind not in _KINDS:
        raise SettingError(f"There is no split {kind!r}. Choose one of {', '.join(_KINDS)}.")
    sides = _KINDS[kind](items)
    for side in SIDES:
        if not sides[side]:
            raise ListError(
                f"{items.source}: none of its {len(set(items.items)):,} distinct items falls on the {side} side of the "
                f"{kind} split. Add items; with 200 or more this is all but impossible."
            )
    train, validation, test = (tuple(item for item, _ in sides[side]) for side in SIDES)
    known = set(train)
    return Split(
        train,
        validation,
        test,
        sum(item in known for item in validation),
        sum(item in known for item in test),
        Fields.of(items),
        *(tuple(labels for _, labels in sides[side]) if items.fields else () for side in SIDES),
    )


_Sides = dict[Side, list[Row]]


def _by_hash(items: ItemList) -> _Sides:
    sides: _Sides = {side: [] for side in SIDES}
    for row in items.distinct_rows:
        sides[side_of(row[0])].append(row)
    return sides


def _by_lecture(items: ItemList) -> _Sides:
    shuffled = list(items.rows)
    random.Random(LECTURE_SEED).shuffle(shuffled)
    first, second = int(0.8 * len(shuffled)), int(0.9 * len(shuffled))
    return {"train": shuffled[:first], "validation": shuffled[first:second], "test": shuffled[second:]}


_KINDS: dict[str, Callable[[ItemList], _Sides]] = {"hash": _by_hash, "lecture": _by_lecture}
