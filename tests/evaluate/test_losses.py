"""The exact loss against the slow way: one window at a time, one symbol at a time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.laws.cases import MODELS, Case, tree

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.data.packing import PackedItems
from wavetree.evaluate import Loss, exact_loss, losses
from wavetree.inspect.laws import Model
from wavetree.models import evaluating

CODEC = AlphabetCodec("abcde")
ITEMS = ["decade", "", "a", "bead", "bead", "abcdeabcdeabcde"]


def slow_loss(model: Model, items: Sequence[str]) -> tuple[float, int]:
    """Nats and symbols."""
    nats, symbols = 0.0, 0
    with evaluating(model):
        for item in items:
            context = [PAD] * model.receptive_field
            for target in [*CODEC.encode(item).tolist(), PAD]:
                nats -= model.window(torch.tensor([context]))[0].log_softmax(dim=0)[target].item()
                symbols += 1
                context = [*context[1:], target]
    return nats, symbols


@pytest.mark.parametrize("case", MODELS, ids=str)
def test_exact_loss_is_the_slow_one(case: Case) -> None:
    model = case.build(CODEC.vocab_size).double()
    nats, symbols = slow_loss(model, ITEMS)
    found = exact_loss(model, PackedItems(ITEMS, CODEC))
    assert found.nats == pytest.approx(nats, abs=1e-11)
    assert found.symbols == symbols == sum(len(item) + 1 for item in ITEMS)
    assert found.mean == pytest.approx(nats / symbols, abs=1e-12)


MODEL = tree(3, vocab_size=CODEC.vocab_size).double()


@given(items=st.lists(st.text("abcde", max_size=10), min_size=1, max_size=5))
def test_any_items(items: list[str]) -> None:
    assert exact_loss(MODEL, PackedItems(items, CODEC)).nats == pytest.approx(slow_loss(MODEL, items)[0], abs=1e-11)


@pytest.mark.parametrize("chunk", [1, 2, 5, 6, 100])
def test_chunks_change_nothing(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = exact_loss(MODEL, PackedItems(ITEMS, CODEC))
    monkeypatch.setattr(losses, "CHUNK_NUMBERS", 256 * chunk)
    found = exact_loss(MODEL, PackedItems(ITEMS, CODEC))
    assert found.nats == pytest.approx(wanted.nats, abs=1e-11)
    assert found.symbols == wanted.symbols


def test_the_mean_is_over_symbols_not_over_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """An average of averages over uneven parts would be another number."""
    monkeypatch.setattr(losses, "CHUNK_NUMBERS", 256)
    parts = [exact_loss(MODEL, PackedItems([item], CODEC)) for item in ITEMS]
    whole = exact_loss(MODEL, PackedItems(ITEMS, CODEC))
    assert whole.mean == pytest.approx(sum(p.nats for p in parts) / sum(p.symbols for p in parts))
    assert abs(whole.mean - sum(part.mean for part in parts) / len(parts)) > 1e-3


def test_loss_is_a_value() -> None:
    assert Loss(6.0, 4).mean == 1.5
