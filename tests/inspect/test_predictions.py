"""What a model expects next, at every place of a text."""

from __future__ import annotations

import math

import pytest
import torch
from tests.laws.cases import tree

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.data.packing import PackedItems
from wavetree.errors import SymbolError
from wavetree.evaluate import exact_loss
from wavetree.inspect import next_symbols
from wavetree.models import evaluating

CODEC = AlphabetCodec("abcde")
MODEL = tree(2, vocab_size=CODEC.vocab_size)


def test_contexts_and_symbols() -> None:
    rows = next_symbols(MODEL, CODEC, "decade", top=2)
    assert [(row.context, row.symbol) for row in rows] == [
        ("····", "d"),
        ("···d", "e"),
        ("··de", "c"),
        ("·dec", "a"),
        ("deca", "d"),
        ("ecad", "e"),
        ("cade", "(end)"),
    ]


@pytest.mark.parametrize("text", ["", "a", "decade"])
def test_the_surprise_is_that_of_the_score(text: str) -> None:
    rows = next_symbols(MODEL, CODEC, text, top=1)
    assert sum(row.nats for row in rows) == pytest.approx(exact_loss(MODEL, PackedItems([text], CODEC)).nats, abs=1e-5)
    assert all(row.probability == pytest.approx(math.exp(-row.nats)) for row in rows)


def test_a_row_shows_what_its_context_leads_to() -> None:
    """The context of a row, given to the window run as it stands, gives that row's probabilities."""
    for row in next_symbols(MODEL, CODEC, "decade", top=6):
        ids = [PAD if symbol == "·" else int(CODEC.encode(symbol)[0]) for symbol in row.context]
        with evaluating(MODEL):
            wanted = MODEL.window(torch.tensor([ids]))[0].softmax(dim=0).tolist()
        shown = dict(zip(["(end)", *CODEC.symbols], wanted, strict=True))
        assert dict(row.likeliest) == pytest.approx(shown, abs=1e-6)
        assert sum(probability for _, probability in row.likeliest) == pytest.approx(1, abs=1e-12)
        assert [p for _, p in row.likeliest] == sorted((p for _, p in row.likeliest), reverse=True)
        assert row.probability == dict(row.likeliest)[row.symbol]


@pytest.mark.parametrize(("top", "shown"), [(0, 0), (1, 1), (6, 6), (1000, 6)])
def test_top(top: int, shown: int) -> None:
    assert [len(row.likeliest) for row in next_symbols(MODEL, CODEC, "a", top)] == [shown] * 2


def test_a_symbol_that_the_model_never_saw() -> None:
    with pytest.raises(SymbolError, match=r"'x'.*character 2"):
        next_symbols(MODEL, CODEC, "axe", top=1)
