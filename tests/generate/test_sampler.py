"""Whole items: their distribution, their prefix, their end, and the batch that they leave."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from tests.laws.cases import tree

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.data.packing import PackedItems
from wavetree.errors import SettingError
from wavetree.evaluate import exact_loss
from wavetree.generate import Choice, sample, sample_block

CODEC = AlphabetCodec("ab")
MODEL = tree(2, vocab_size=CODEC.vocab_size, seed=9)  # one whose short items are all likely enough to count
DRAWS = 20_000


def test_items_come_as_often_as_they_should() -> None:
    """Pearson's chi-square over all items of up to three symbols, and one class for the rest.

    With k classes its mean is k - 1 and its variance 2 (k - 1): five deviations above is one in millions, and the seed
    is fixed.
    """
    texts = ["".join(text) for n in range(4) for text in itertools.product("ab", repeat=n)]
    shares = np.array([math.exp(-exact_loss(MODEL, PackedItems([text], CODEC)).nats) for text in texts])
    wanted = DRAWS * np.append(shares, 1 - shares.sum())
    seen = Counter(CODEC.decode(item.ids) for item in sample_block(MODEL, 1, Choice(), (), 0, DRAWS))
    counts = np.array([seen[text] for text in texts] + [DRAWS - sum(seen[text] for text in texts)])
    assert wanted.min() > 20  # the test needs classes that are not too rare
    chi_square = ((counts - wanted) ** 2 / wanted).sum()
    assert chi_square < len(texts) + 5 * math.sqrt(2 * len(texts))
    shifted = np.roll(counts, 1)  # and it would see a wrong distribution
    assert ((shifted - wanted) ** 2 / wanted).sum() > 10 * len(texts)


@pytest.mark.parametrize("prefix", [(), (1,), (2, 1, 1, 2, 2)])
def test_every_item_begins_with_the_prefix(prefix: tuple[int, ...]) -> None:
    items = sample_block(MODEL, 1, Choice(), prefix, 0, 50)
    assert len(items) == 50
    assert all(tuple(item.ids[: len(prefix)]) == prefix for item in items)
    assert len({tuple(item.ids) for item in items}) > 5


def test_a_prefix_is_read_like_any_beginning() -> None:
    """After it, items come as often as among all those that happen to begin so."""
    plain = [item.ids.tolist() for item in sample_block(MODEL, 1, Choice(), (), 0, DRAWS)]
    ahead = [tuple(ids[1:3]) for ids in plain if ids[:1] == [2]]
    after = [tuple(item.ids[1:3].tolist()) for item in sample_block(MODEL, 2, Choice(), (2,), 0, len(ahead))]
    for continuation in set(ahead):
        share = ahead.count(continuation) / len(ahead)
        spread = math.sqrt(2 * share * (1 - share) / len(ahead))
        assert abs(after.count(continuation) / len(after) - share) < 5 * spread


def test_items_hold_no_mark_and_end_by_it_or_are_cut() -> None:
    items = sample_block(MODEL, 1, Choice(max_length=4), (), 0, 300)
    assert all((item.ids != PAD).all() and item.ids.dtype == np.int64 for item in items)
    assert max(len(item.ids) for item in items) == 4
    assert {item.ended for item in items if len(item.ids) < 4} == {True}
    assert {item.ended for item in items if len(item.ids) == 4} == {False}  # its end was not waited for


def test_an_item_is_the_beginning_of_the_one_with_a_higher_limit() -> None:
    short = sample_block(MODEL, 1, Choice(max_length=3), (), 0, 60)
    long = sample_block(MODEL, 1, Choice(max_length=50), (), 0, 60)
    assert [item.ids.tolist() for item in short] == [item.ids[:3].tolist() for item in long]


def test_items_without_end_count_on_across_the_blocks() -> None:
    many = list(itertools.islice(sample(MODEL, 1, Choice()), 200))  # 64, then a larger block
    again = list(itertools.islice(sample(MODEL, 1, Choice(), first=50), 150))
    assert [item.ids.tolist() for item in again] == [item.ids.tolist() for item in many[50:]]
    other = list(itertools.islice(sample(MODEL, 2, Choice()), 200))
    assert [item.ids.tolist() for item in other] != [item.ids.tolist() for item in many]


def test_items_that_share_a_row_are_those_drawn_alone() -> None:
    """Beginnings alike and finished items apart: every item is what a batch of one gives."""
    items = sample_block(MODEL, 1, Choice(), (), 0, 300)
    alone = [sample_block(MODEL, 1, Choice(), (), number, 1)[0] for number in range(300)]
    assert [item.ids.tolist() for item in items] == [item.ids.tolist() for item in alone]
    assert len({tuple(item.ids) for item in items}) > 30


@pytest.mark.parametrize("count", [0, 1])
def test_few_items(count: int) -> None:
    assert len(sample_block(MODEL, 1, Choice(), (), 0, count)) == count


def test_a_model_that_never_ends_is_cut() -> None:
    endless = tree(1, vocab_size=CODEC.vocab_size)
    with torch.no_grad():
        endless.output.bias[PAD] = -1e9
    items = sample_block(endless, 1, Choice(max_length=30), (), 0, 5)
    assert [(len(item.ids), item.ended) for item in items] == [(30, False)] * 5


def test_a_model_that_ends_at_once() -> None:
    silent = tree(1, vocab_size=CODEC.vocab_size)
    with torch.no_grad():
        silent.output.bias[PAD] = 1e9
    items = sample_block(silent, 1, Choice(), (), 0, 5)
    assert [(len(item.ids), item.ended) for item in items] == [(0, True)] * 5


def test_a_prefix_that_fills_the_item_is_refused() -> None:
    with pytest.raises(SettingError, match="prefix has 3 symbols"):
        next(sample(MODEL, 1, Choice(max_length=3), (1, 2, 1)))


def test_sampling_leaves_torchs_and_numpys_random_state_alone() -> None:
    before, numpys = torch.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index]
    sample_block(MODEL, 1, Choice(), (), 0, 20)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.random.get_state()[1].tolist() == numpys  # type: ignore[index]
