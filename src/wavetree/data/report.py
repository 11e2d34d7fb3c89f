"""What is in a list, counted: for `wavetree data`, and for whoever wonders why a model learnt what it learnt."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import asdict, dataclass

from wavetree.data.lists import ItemList
from wavetree.data.split import SIDES, Side, side_of, split_items

EXAMPLES = 5
"""How many symbols and repeated items are named."""


@dataclass(frozen=True)
class Lengths:
    """Symbols an item, over the distinct items."""

    shortest: int
    median: float
    mean: float
    longest: int


@dataclass(frozen=True)
class Sides:
    """How many items lie on each side of a split, and how many of the held-out ones are in `train` too."""

    train: int
    validation: int
    test: int
    leaked_validation: int
    leaked_test: int

    @property
    def leaked_share(self) -> float:
        """The share of validation items that are in `train` too, from 0 to 1."""
        return self.leaked_validation / self.validation if self.validation else 0.0


@dataclass(frozen=True)
class ListReport:
    """The facts of a list. A row is an item with its labels; without fields it is the item.

    Symbols, lengths and classes are counted over the distinct rows: a model is trained on those.
    """

    source: str
    digest: str
    items: int
    distinct: int
    duplicates: int
    repeated: tuple[tuple[str, int], ...]
    """The most repeated rows, each with a space before its labels, with how often each occurs."""
    fields: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    """Each field with its classes, sorted, and how many rows have each of them."""
    edge_spaces: int
    """Distinct rows whose item begins or ends with white space: kept as it is, and rarely meant."""
    alphabet: str
    """All symbols, by code point."""
    commonest: tuple[tuple[str, int], ...]
    rarest: tuple[tuple[str, int], ...]
    """Symbols with their counts, the most and the least frequent first."""
    lengths: Lengths
    fits: tuple[tuple[int, float], ...]
    """For a context of 2, 4, 8 ... symbols, the share of items (0 to 1) that it holds whole, until it holds all."""
    hash_split: Sides
    lecture_split: Sides
    """What the lectures' split would give: shuffled with its duplicates, so that some are on both sides."""

    def to_json(self) -> dict[str, object]:
        """All of it in types that JSON has, with `leaked_share` beside the counts of each split."""
        document = asdict(self)
        document["hash_split"]["leaked_share"] = self.hash_split.leaked_share
        document["lecture_split"]["leaked_share"] = self.lecture_split.leaked_share
        return document


def describe_list(items: ItemList) -> ListReport:
    """Count what is in `items`. A side that the hash split leaves empty counts 0, where `split_items` would refuse."""
    distinct = items.distinct
    symbols = Counter("".join(distinct)).most_common()
    lengths = sorted(map(len, distinct))
    repeated = [(" ".join((item, *told)), n) for (item, told), n in Counter(items.rows).most_common(EXAMPLES) if n > 1]
    return ListReport(
        source=items.source,
        digest=items.digest,
        items=len(items.items),
        distinct=len(distinct),
        duplicates=items.duplicates,
        repeated=tuple(repeated),
        fields=tuple((name, _counts(items, f)) for f, name in enumerate(items.fields)),
        edge_spaces=sum(item[0].isspace() or item[-1].isspace() for item in distinct),
        alphabet="".join(sorted(symbol for symbol, _ in symbols)),
        commonest=tuple(symbols[:EXAMPLES]),
        rarest=tuple(symbols[: -EXAMPLES - 1 : -1]),
        lengths=Lengths(lengths[0], statistics.median(lengths), sum(lengths) / len(lengths), lengths[-1]),
        fits=_fits(Counter(lengths)),
        hash_split=_hash_sides(distinct),
        lecture_split=_lecture_sides(items),
    )


def _counts(items: ItemList, f: int) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(labels[f] for _, labels in items.distinct_rows).items()))


def _fits(lengths: Counter[int]) -> tuple[tuple[int, float], ...]:
    """The share of items no longer than 2, 4, 8 ..., until it is 1: those whose end is predicted from all of them."""
    shares: list[tuple[int, float]] = []
    total, context = lengths.total(), 2
    while not shares or shares[-1][1] < 1:
        shares.append((context, sum(n for length, n in lengths.items() if length <= context) / total))
        context *= 2
    return tuple(shares)


def _hash_sides(distinct: tuple[str, ...]) -> Sides:
    sides: dict[Side, list[str]] = {side: [] for side in SIDES}
    for item in distinct:
        sides[side_of(item)].append(item)
    train, validation, test = (sides[side] for side in SIDES)
    known = set(train)
    leaked = (sum(item in known for item in held) for held in (validation, test))
    return Sides(len(train), len(validation), len(test), *leaked)


def _lecture_sides(items: ItemList) -> Sides:
    split = split_items(items, "lecture")
    return Sides(len(split.train), len(split.validation), len(split.test), split.leaked_validation, split.leaked_test)
