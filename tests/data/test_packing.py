"""Packed items carry what is told of them to each of their positions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.codecs import AlphabetCodec
from wavetree.data import NOT_TOLD, Fields
from wavetree.data.packing import PackedItems, PackedRow

ITEMS = ["a", "bc", "", "cab", "b"]
CODEC = AlphabetCodec("abc")
FIELDS = Fields((("sex", ("F", "M")), ("decade", ("1880", "1920", "1990"))))
CLASSES = np.array([[1, 3], [2, 1], [0, 2], [2, 3], [1, 0]])
PACKED = PackedItems(ITEMS, CODEC, FIELDS, CLASSES)

chosen_items = st.lists(st.integers(0, len(ITEMS) - 1), max_size=12)


def told(row: PackedRow) -> list[list[float]]:
    """The condition of every position of a row."""
    assert row.groups is not None
    assert row.given is not None
    assert (row.given.dtype, row.given.shape[1]) == (np.float32, FIELDS.width)
    found: list[list[float]] = row.given[row.groups].tolist()
    return found


@given(chosen_items)
def test_every_position_has_the_condition_of_its_item(chosen: list[int]) -> None:
    indices = np.array(chosen, dtype=np.int64)
    row = PACKED.row(indices)
    assert told(row) == [FIELDS.one_hot(CLASSES[k]).tolist() for k in chosen for _ in range(len(ITEMS[k]) + 1)]
    assert row.given is not None
    assert len(np.unique(row.given, axis=0)) == len(row.given)  # each condition once
    plain = PackedItems(ITEMS, CODEC).row(indices)
    assert (plain.groups, plain.given) == (None, None)
    for one, other in ((row.ids, plain.ids), (row.targets, plain.targets), (row.ages, plain.ages)):
        assert one.tolist() == other.tolist()


@given(chosen_items, st.data())
def test_what_is_left_untold_is_zeros(chosen: list[int], data: st.DataObject) -> None:
    flags = st.lists(st.booleans(), min_size=2, max_size=2)
    untold = np.array(data.draw(st.lists(flags, min_size=len(chosen), max_size=len(chosen))), dtype=bool)
    row = PACKED.row(np.array(chosen, dtype=np.int64), untold.reshape(len(chosen), 2))
    wanted = [
        FIELDS.one_hot(np.where(left_out, NOT_TOLD, CLASSES[k])).tolist()
        for k, left_out in zip(chosen, untold.reshape(len(chosen), 2), strict=True)
        for _ in range(len(ITEMS[k]) + 1)
    ]
    assert told(row) == wanted


def test_classes_of_other_items_are_refused() -> None:
    with pytest.raises(ValueError, match=r"5 items of 2 fields have classes \(4, 2\)"):
        PackedItems(ITEMS, CODEC, FIELDS, CLASSES[1:])
    with pytest.raises(ValueError, match="0 fields"):
        PackedItems(ITEMS, CODEC, None, CLASSES)
