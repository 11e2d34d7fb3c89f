"""The n-gram against its definition, evaluated context by context with sets and loops."""

from __future__ import annotations

import math
from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.config import NgramConfig
from wavetree.data.packing import PackedItems
from wavetree.evaluate import exact_loss
from wavetree.models.ngram import Ngram

CODEC = AlphabetCodec("abc")
ITEMS = ["abca", "", "cab", "abc", "abc", "b", "bbbb"]


def counted(items: list[str], order: int, discount: float = 0.75) -> Ngram:
    row = PackedItems(items, CODEC).row(np.arange(len(items)))
    model = Ngram(NgramConfig(order=order, discount=discount), CODEC.vocab_size).double()
    model.count(row.ids, row.targets, row.ages)
    return model.eval()


class Definition:
    """Interpolated Kneser-Ney, as the formula says it."""

    def __init__(self, items: list[str], order: int, discount: float) -> None:
        self.longest, self.discount, self.symbols = order - 1, discount, CODEC.vocab_size
        grams: Counter[tuple[int, ...]] = Counter()  # of `order` symbols, pad before the beginning
        for item in items:
            ids = [PAD] * self.longest + CODEC.encode(item).tolist() + [PAD]
            grams.update(tuple(ids[t : t + order]) for t in range(len(ids) - self.longest))
        self.counts = {self.longest: grams}
        for k in range(self.longest - 1, -1, -1):  # in how many contexts one symbol longer
            self.counts[k] = Counter(gram[1:] for gram in self.counts[k + 1])

    def probability(self, context: tuple[int, ...], symbol: int) -> float:
        followers = {gram[-1]: n for gram, n in self.counts[len(context)].items() if gram[:-1] == context}
        lower = self.probability(context[1:], symbol) if context else 1 / self.symbols
        if not followers:
            return lower
        total = sum(followers.values())
        seen = max(followers.get(symbol, 0) - self.discount, 0) / total
        return seen + self.discount * len(followers) / total * lower


def agrees(items: list[str], order: int, discount: float, other: float | None = None) -> bool:
    model, definition = counted(items, order, discount), Definition(items, order, other or discount)
    contexts = list(product(range(CODEC.vocab_size), repeat=order - 1))
    padded = torch.tensor([context or (PAD,) for context in contexts])
    found = model.window(padded).exp()  # (contexts, V)
    wanted = [[definition.probability(context, s) for s in range(CODEC.vocab_size)] for context in contexts]
    return torch.allclose(found, torch.tensor(wanted, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_every_context(order: int) -> None:
    assert agrees(ITEMS, order, 0.75)


def test_another_discount_is_another_model() -> None:
    assert not agrees(ITEMS, 3, 0.75, other=0.74)


@given(
    items=st.lists(st.text("abc", max_size=6), min_size=1, max_size=6),
    order=st.integers(1, 4),
    discount=st.sampled_from([0.1, 0.5, 0.75, 0.99]),
)
def test_any_list(items: list[str], order: int, discount: float) -> None:
    assert agrees(items, order, discount)


def test_a_new_one_predicts_every_symbol_alike() -> None:
    loss = exact_loss(Ngram(NgramConfig(order=4), 4), PackedItems(ITEMS, CODEC))
    assert loss.mean == pytest.approx(math.log(4))


def test_it_learns_the_list_that_it_counted() -> None:
    losses = [exact_loss(counted(ITEMS * 5, order), PackedItems(ITEMS, CODEC)).mean for order in (1, 2, 4)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < math.log(4) / 2


def test_counting_again_forgets_what_it_knew() -> None:
    model, fresh = counted(["aaaa"] * 9, 3), counted(ITEMS, 3)
    row = PackedItems(ITEMS, CODEC).row(np.arange(len(ITEMS)))
    model.count(row.ids, row.targets, row.ages)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), fresh.state_dict().values(), strict=True))


@pytest.mark.parametrize(("order", "vocab_size"), [(8, 300), (8, 5000), (6, 3500)])
def test_no_alphabet_is_too_large_for_an_order(order: int, vocab_size: int) -> None:
    """V^order outgrows 64 bits. The items are those of `ITEMS`, spelt with the last symbols of the alphabet."""
    codec = AlphabetCodec("".join(chr(0x4E00 + i) for i in range(vocab_size - 1)))
    spelt = str.maketrans("abc", codec.symbols[-3:])
    row = PackedItems([item.translate(spelt) for item in ITEMS], codec).row(np.arange(len(ITEMS)))
    model, small = Ngram(NgramConfig(order=order), vocab_size), counted(ITEMS, order)
    model.count(row.ids, row.targets, row.ages)
    for k in range(order):
        numbers = getattr(model, f"contexts_{k}")
        assert (numbers >= 0).all()
        assert (numbers.diff() > 0).all()
        assert len(numbers) == len(getattr(small, f"contexts_{k}"))
    definition = Definition(ITEMS, order, 0.75)
    definition.symbols = vocab_size
    for t in range(5):  # of "abca" and its end
        known = CODEC.encode("abca"[:t]).tolist()
        context = tuple([PAD] * (order - 1 - t) + known)
        window = torch.tensor([[s and vocab_size - 4 + s for s in context]])
        wanted = definition.probability(context, CODEC.encode("abca").tolist()[t] if t < 4 else PAD)
        assert model.window(window)[0, row.targets[t]].exp().item() == pytest.approx(wanted, rel=1e-5)


def test_counts_that_come_as_numbers_are_the_same_model() -> None:
    """Grams as numbers in base V, each with how often it was seen."""
    for order in (1, 2, 4):
        wanted, model = counted(ITEMS, order), Ngram(NgramConfig(order=order), CODEC.vocab_size).double()
        grams = Definition(ITEMS, order, 0.75).counts[order - 1]
        numbers = [sum(symbol * 4**k for k, symbol in enumerate(reversed(gram))) for gram in grams]
        model.learn(np.array(numbers), np.array([*grams.values()]))
        pairs = zip(model.state_dict().values(), wanted.state_dict().values(), strict=True)
        assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_the_reference_is_the_discount_that_is_documented() -> None:
    assert NgramConfig() == NgramConfig(order=5, discount=0.75)
