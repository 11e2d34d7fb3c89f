"""Splits: nothing leaks, nothing moves, and the lectures' own split is theirs to the letter."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.data import Fields, ItemList, Split, make_list, side_of, split_items
from wavetree.data.split import SIDES
from wavetree.errors import ListError, SettingError

NAMES = tuple(f"name {number}" for number in range(1000))

Splitter = Callable[[ItemList], Split]
Law = Callable[[Splitter], None]

item_lists = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))


def by_hash(items: ItemList) -> Split:
    return split_items(items, "hash")


def sides(split: Split) -> dict[str, str]:
    """The side of every item; an item on two sides has the last."""
    return (
        dict.fromkeys(split.train, "train")
        | dict.fromkeys(split.validation, "validation")
        | dict.fromkeys(split.test, "test")
    )


def keeps_sides(split: Splitter) -> None:
    """Property: no item changes side when the list grows, in front, behind or by copies of what it has."""

    @given(item_lists, item_lists)
    def check(before: list[str], after: list[str]) -> None:
        small = sides(split(ItemList(NAMES, "small")))
        grown = sides(split(ItemList((*before, *NAMES, *after, *NAMES[:5]), "grown")))
        assert {item: grown[item] for item in small} == small

    check()


def leaks_nothing(split: Splitter) -> None:
    """Property: the sides have no item in common, hold every item once, and the split says that it leaks nothing."""

    @given(item_lists)
    def check(more: list[str]) -> None:
        items = ItemList((*NAMES, *more, *more, *NAMES[:100]), "with duplicates")
        made = split(items)
        assert sorted(made.train + made.validation + made.test) == sorted(set(items.items))
        assert made.leaked_validation == made.leaked_test == 0

    check()


def by_position(items: ItemList) -> Split:
    """Broken: the side follows from the place in the list."""
    n = len(items.distinct)
    return Split(
        items.distinct[: 8 * n // 10], items.distinct[8 * n // 10 : 9 * n // 10], items.distinct[9 * n // 10 :], 0, 0
    )


def by_hash_of_lines(items: ItemList) -> Split:
    """Broken: right sides, but duplicates are kept."""
    found: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for item in items.items:
        found[side_of(item)].append(item)
    return Split(tuple(found["train"]), tuple(found["validation"]), tuple(found["test"]), 0, 0)


def by_lecture(items: ItemList) -> Split:
    """Broken here: it shuffles, and keeps duplicates."""
    return split_items(items, "lecture")


@pytest.mark.parametrize("law", [keeps_sides, leaks_nothing])
def test_the_hash_split_obeys(law: Law) -> None:
    law(by_hash)


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (keeps_sides, by_position),
        (leaks_nothing, by_hash_of_lines),
        (leaks_nothing, by_lecture),
    ],
)
def test_the_laws_reject_broken_splits(law: Law, broken: Splitter) -> None:
    with pytest.raises(AssertionError):
        law(broken)


WITH_DECADES = make_list([(name, decade) for decade in range(1880, 1910, 10) for name in NAMES], fields=["decade"])


def keeps_texts_together(split: Splitter) -> None:
    """The same name with another decade never lies on another side, and no row is lost."""
    made = split(WITH_DECADES)
    train, validation, test = set(made.train), set(made.validation), set(made.test)
    assert not train & validation
    assert not train & test
    assert not validation & test
    rows = [row for side in SIDES for row in zip(made.items(side), made.labels(side), strict=True)]
    assert sorted(rows) == sorted(WITH_DECADES.rows)
    assert made.leaked_validation == made.leaked_test == 0


def by_hash_of_rows(items: ItemList) -> Split:
    """Broken: the labels have a say."""
    found = {
        side: [row for row in items.distinct_rows if side_of("\t".join((row[0], *row[1]))) == side] for side in SIDES
    }
    texts = [tuple(item for item, _ in found[side]) for side in SIDES]
    return Split(*texts, 0, 0, Fields.of(items), *(tuple(labels for _, labels in found[side]) for side in SIDES))


def without_labels(items: ItemList) -> Split:
    """Broken: each text once, so that most decades are lost."""
    return by_hash(ItemList(items.items, items.source))


def test_labels_have_no_say() -> None:
    keeps_texts_together(by_hash)
    plain = split_items(make_list(NAMES), "hash")
    labelled = split_items(WITH_DECADES, "hash")
    for side in SIDES:
        assert set(labelled.items(side)) == set(plain.items(side))


@pytest.mark.parametrize("broken", [by_hash_of_rows, without_labels, by_lecture])
def test_the_law_rejects_splits_that_part_them(broken: Splitter) -> None:
    with pytest.raises((AssertionError, ValueError)):
        keeps_texts_together(broken)


def test_equal_rows_are_taken_once() -> None:
    rows = [(item, *labels) for item, labels in WITH_DECADES.rows]
    made = split_items(make_list([*rows, *rows[:500]], fields=["decade"]), "hash")
    assert made == split_items(WITH_DECADES, "hash")


def test_the_lecture_split_takes_the_labels_along() -> None:
    made = split_items(WITH_DECADES, "lecture")
    plain = split_items(make_list(WITH_DECADES.items), "lecture")
    rows = list(WITH_DECADES.rows)
    random.Random(42).shuffle(rows)
    for side in SIDES:
        assert made.items(side) == plain.items(side)
        assert plain.labels(side) == ()
    assert [row for side in SIDES for row in zip(made.items(side), made.labels(side), strict=True)] == rows
    assert made.leaked_validation == plain.leaked_validation > 0


def test_a_split_has_the_fields_of_the_whole_list() -> None:
    """As the alphabet is that of the whole list: a class that only a held-out item has is known."""
    held = next(name for name in NAMES if side_of(name) == "test")
    rows = [(item, *labels) for item, labels in WITH_DECADES.rows]
    made = split_items(make_list([*rows, (held, "rare")], fields=["decade"]), "hash")
    assert made.fields == Fields((("decade", ("1880", "1890", "1900", "rare")),))
    assert split_items(make_list(NAMES), "hash").fields == Fields()


def test_sides_are_a_contract() -> None:
    """These sides may never change: runs on disk were judged by them."""
    expected = {"emma": "train", "olivia": "validation", " olivia": "train", "zoë": "train", "日本": "test"}
    assert {item: side_of(item) for item in expected} == expected


def test_the_hash_split_has_its_shares_and_keeps_the_order() -> None:
    made = split_items(make_list(NAMES), "hash")
    assert len(made.train) == pytest.approx(800, abs=40)
    assert len(made.validation) == pytest.approx(100, abs=30)
    assert len(made.test) == pytest.approx(100, abs=30)
    for side in (made.train, made.validation, made.test):
        assert list(side) == [name for name in NAMES if name in set(side)]


def test_the_lecture_split_is_the_lectures() -> None:
    items = make_list([*NAMES, *NAMES[:302]])  # 0.8 and 0.9 of 1,302 end in .6 and .8: they are cut, not rounded
    made = split_items(items, "lecture")
    words = list(items.items)
    random.seed(42)
    random.shuffle(words)
    first, second = int(0.8 * len(words)), int(0.9 * len(words))
    assert list(made.train) == words[:first]
    assert list(made.validation) == words[first:second]
    assert list(made.test) == words[second:]
    assert made.leaked_validation == sum(word in made.train for word in made.validation) > 0
    assert made.leaked_test == sum(word in made.train for word in made.test) > 0


def test_the_lecture_split_leaves_the_generator_alone() -> None:
    random.seed(7)
    expected = random.random()
    random.seed(7)
    split_items(make_list(NAMES), "lecture")
    assert random.random() == expected


@pytest.mark.parametrize("missing", ["train", "validation", "test"])
def test_an_empty_side_is_refused(missing: str) -> None:
    items = make_list((name for name in NAMES if side_of(name) != missing), source="a list")
    with pytest.raises(ListError, match=f"^a list: none of its .* falls on the {missing} side of the hash split. Add"):
        split_items(items, "hash")


def test_another_split_is_refused() -> None:
    with pytest.raises(SettingError, match=r"There is no split 'random'. Choose one of hash, lecture\."):
        split_items(make_list(NAMES), "random")  # type: ignore[arg-type]
