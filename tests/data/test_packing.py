"""Packed items carry what is told of them to each of their positions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.codecs import AlphabetCodec
from wavetree.data import Fields
from wavetree.data.packing import PackedItems, PackedRow

ITEMS = ["a", "bc", "", "cab", "b"]
CODEC = AlphabetCodec("abc")
CLASSES = np.array([[1, 3], [2, 1], [0, 2], [2, 3], [1, 0]])


@given(st.lists(st.integers(0, len(ITEMS) - 1), max_size=12))
def test_every_position_has_the_classes_of_its_item(chosen: list[int]) -> None:
    indices = np.array(chosen, dtype=np.int64)
    row = PackedItems(ITEMS, CODEC, CLASSES).row(indices)
    assert row.classes.dtype == np.int64
    assert row.classes.shape == (len(row.ids), 2)
    assert row.classes.tolist() == [CLASSES[k].tolist() for k in chosen for _ in range(len(ITEMS[k]) + 1)]
    plain = PackedItems(ITEMS, CODEC).row(indices)
    assert plain.classes.shape == (len(plain.ids), 0)
    for one, other in ((row.ids, plain.ids), (row.targets, plain.targets), (row.ages, plain.ages)):
        assert one.tolist() == other.tolist()


def test_the_labels_of_a_plain_list_are_none() -> None:
    row = PackedItems(ITEMS, CODEC, Fields().encode(())).row(np.array([1, 3]))
    assert row.classes.shape == (7, 0)
    assert PackedRow(row.ids, row.targets, row.ages).classes.shape == (7, 0)


def test_classes_of_other_items_are_refused() -> None:
    with pytest.raises(ValueError, match="5 items have classes for 4: give one row for each item"):
        PackedItems(ITEMS, CODEC, CLASSES[1:])
