"""A batch is a function of (seed, step)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.config import TrainConfig, configure
from wavetree.data import embedded_names
from wavetree.data.packing import PackedItems
from wavetree.errors import SettingError
from wavetree.train.batches import ItemBatches, batches_of
from wavetree.train.processes import Processes
from wavetree.train.schedule import rate_at

ITEMS = ["".join("abc"[(i // 3**k) % 3] for k in range(1 + i % 4)) for i in range(23)]
CODEC = AlphabetCodec("abc")


def batches(size: int, seed: int = 1) -> ItemBatches:
    return ItemBatches(PackedItems(ITEMS, CODEC), size, seed)


@given(st.integers(1, 60), st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_any_step_can_be_asked_for_in_any_order(size: int, steps: list[int]) -> None:
    shared = batches(size)
    for step in steps:
        assert np.array_equal(shared.chosen(step), batches(size).chosen(step))


@given(st.integers(1, 60))
def test_every_epoch_sees_every_item_once(size: int) -> None:
    epochs = 3
    count = len(ITEMS) * epochs
    chosen = np.concatenate([batches(size).chosen(step) for step in range(-(-count // size))])
    for epoch in chosen[:count].reshape(epochs, len(ITEMS)):
        assert sorted(epoch) == list(range(len(ITEMS)))


def test_seeds_and_epochs_differ() -> None:
    whole = len(ITEMS)
    assert not np.array_equal(batches(whole).chosen(0), batches(whole).chosen(1))
    assert not np.array_equal(batches(whole).chosen(0), batches(whole, seed=2).chosen(0))


@given(st.lists(st.integers(0, len(ITEMS) - 1), max_size=12))
def test_a_row_is_its_items_end_to_end(chosen: list[int]) -> None:
    row = PackedItems(ITEMS, CODEC).row(np.array(chosen, dtype=np.int64))
    ids = [i for k in chosen for i in [PAD, *CODEC.encode(ITEMS[k])]]
    targets = [i for k in chosen for i in [*CODEC.encode(ITEMS[k]), PAD]]
    ages = [i for k in chosen for i in range(len(ITEMS[k]) + 1)]
    assert (row.ids.tolist(), row.targets.tolist(), row.ages.tolist()) == (ids, targets, ages)


def test_the_rate_rises_then_falls_to_nothing() -> None:
    config = TrainConfig(epochs=1, learning_rate=2.0, warmup=0.1)
    rates = [rate_at(step, 100, config) for step in range(100)]
    assert max(rates) <= 2.0
    assert rates[0] == 2.0 * 0.1
    assert all(a < b for a, b in pairwise(rates[:10]))
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert 0 < rates[-1] < 0.03


def test_the_lectures_rate_drops_for_the_last_quarter() -> None:
    config = TrainConfig(epochs=1, learning_rate=0.1, schedule="lecture")
    rates = [rate_at(step, 200, config) for step in range(200)]
    assert set(rates[:150]) == {0.1}
    assert set(rates[150:]) == {0.1 * 0.1}


@pytest.mark.parametrize(
    ("count", "asked", "size"), [(12_000, 256, 256), (3072, 256, 256), (600, 256, 50), (600, 20, 20), (40, 256, 8)]
)
def test_a_small_list_is_cut_into_a_dozen_batches(count: int, asked: int, size: int) -> None:
    """All of it at once, eight times, is eight steps, in which nothing is learnt."""
    names = embedded_names().items[:count]
    packed = PackedItems(names, AlphabetCodec.of(names))
    batches = batches_of(packed, configure("names", [f"train.batch_items={asked}"]))
    assert isinstance(batches, ItemBatches)
    assert batches.size == size


def test_more_processes_than_a_small_list_has_items_for() -> None:
    """To raise the setting would not help."""
    packed = PackedItems(ITEMS, CODEC)
    with pytest.raises(SettingError, match="9 processes cannot share a batch of 8: start fewer processes"):
        batches_of(packed, configure("names"), Processes(0, 9))
