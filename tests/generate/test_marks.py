"""Where a sampled item is known from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from tests.laws.cases import tree

from wavetree.codecs import AlphabetCodec
from wavetree.errors import SymbolError, WavetreeError
from wavetree.generate import Choice, Drawn, Known, draw, new_only

CODEC = AlphabetCodec("ab")
MODEL = tree(2, vocab_size=CODEC.vocab_size)


def test_marks() -> None:
    known = Known(["ann", "both"], ["bob", "both"])
    assert [known.mark(item) for item in ("ann", "bob", "both", "cleo", "")] == [
        "train",
        "held out",
        "train",
        "new",
        "new",
    ]


def test_drawn_items_carry_their_marks() -> None:
    drawn = list(itertools.islice(draw(MODEL, CODEC, Known(["", "a"], ["b"]), 1, Choice()), 200))
    marks = {item.item: item.mark for item in drawn}
    assert (marks[""], marks["a"], marks["b"]) == ("train", "train", "held out")
    assert {mark for item, mark in marks.items() if item not in {"", "a", "b"}} == {"new"}
    cut = list(itertools.islice(draw(MODEL, CODEC, Known([], []), 1, Choice(max_length=2), "a"), 50))
    assert all(item.item.startswith("a") for item in cut)
    assert {item.ended for item in cut if len(item.item) == 2} == {False}


def test_a_prefix_outside_the_alphabet_is_refused() -> None:
    with pytest.raises(SymbolError, match="'x'"):
        next(draw(MODEL, CODEC, Known([], []), 1, Choice(), "ax"))


def test_only_new_ones_each_once() -> None:
    found = new_only(draw(MODEL, CODEC, Known(["", "a"], ["b"]), 1, Choice()), 12)
    items = [drawn.item for drawn in found]
    assert len(items) == len(set(items)) == 12
    assert not {"", "a", "b"} & set(items)
    everything = draw(MODEL, CODEC, Known(["", "a"], ["b"]), 1, Choice())
    in_order = dict.fromkeys(drawn.item for drawn in everything_until(everything, items[-1]) if drawn.mark == "new")
    assert items == list(in_order)  # in the order in which they came


def everything_until(drawn: Iterator[Drawn], last: str) -> list[Drawn]:
    taken = []
    for one in drawn:
        taken.append(one)
        if one.item == last:
            return taken
    raise AssertionError(last)


def test_a_model_that_repeats_its_list_is_given_up() -> None:
    drawn = (Drawn("a", "train", True) for _ in itertools.count())
    with pytest.raises(WavetreeError, match="only 0 new items came in 600 draws"):
        new_only(drawn, 3)


def test_a_list_that_ends_before_enough_were_new() -> None:
    drawn = iter([Drawn("ab", "new", True), Drawn("ab", "new", True)])
    with pytest.raises(WavetreeError, match="only 1 new item"):
        new_only(drawn, 2)
