"""The alphabet: text to ids and back, without loss, without guessing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.errors import DamagedError, SymbolError

Make = Callable[[list[str]], AlphabetCodec]

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1)


def round_trips(make: Make) -> None:
    """Property: every item of a list comes back from its ids, one id a symbol, none of them the mark."""

    @given(texts)
    def check(items: list[str]) -> None:
        codec = make(items)
        for item in items:
            ids = codec.encode(item)
            assert ids.shape == (len(item),)
            assert ids.dtype == np.int64
            assert all(PAD < i < codec.vocab_size for i in ids)
            assert codec.decode(ids) == codec.decode(ids.tolist()) == item

    check()


def survives_the_file(make: Make) -> None:
    """Property: the codec that was written is the codec that is read."""

    @given(texts)
    def check(items: list[str]) -> None:
        codec = make(items)
        assert AlphabetCodec.from_json(json.loads(json.dumps(codec.to_json()))) == codec

    check()


class FoldsCase(AlphabetCodec):
    def encode(self, text: str) -> np.ndarray:
        return super().encode("".join(lower if (lower := s.lower()) in self.symbols else s for s in text))


class OffByOne(AlphabetCodec):
    def decode(self, ids: object) -> str:
        return "".join(self.symbols[i % len(self.symbols)] for i in ids)  # type: ignore[attr-defined]


class ForgetsOne(AlphabetCodec):
    def to_json(self) -> dict[str, object]:
        return super().to_json() | {"symbols": self.symbols[1:]}


@pytest.mark.parametrize("law", [round_trips, survives_the_file])
def test_the_alphabet_obeys(law: Callable[[Make], None]) -> None:
    law(AlphabetCodec.of)


@pytest.mark.parametrize(
    ("law", "broken"), [(round_trips, FoldsCase), (round_trips, OffByOne), (survives_the_file, ForgetsOne)]
)
def test_the_laws_reject_broken_codecs(law: Callable[[Make], None], broken: type[AlphabetCodec]) -> None:
    with pytest.raises(AssertionError):
        law(broken.of)


def test_ids_are_a_contract() -> None:
    codec = AlphabetCodec.of(["cab", "zoë"])
    assert codec.symbols == "abcozë"
    assert codec.vocab_size == 7
    assert codec.encode("zoë").tolist() == [5, 4, 6]
    assert codec.to_json() == {"kind": "alphabet", "symbols": "abcozë", "pad": 0}


def test_a_codec_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        AlphabetCodec("ab").symbols = "abc"  # type: ignore[misc]


def test_an_unknown_symbol_is_named_with_its_place() -> None:
    with pytest.raises(SymbolError, match=r"'é' \(character 3 of 'caé'\).*it knows 3 symbols, 'abc'") as caught:
        AlphabetCodec("abc").encode("caé")
    assert caught.value.exit_code == 2


def test_a_long_alphabet_is_shortened() -> None:
    codec = AlphabetCodec("".join(map(chr, range(0x4E00, 0x4E00 + 100))))
    assert codec.describe() == f"100 symbols, {codec.symbols[:40]!r} ..."
    assert AlphabetCodec("ab").describe() == "2 symbols, 'ab'"


@pytest.mark.parametrize(
    "document",
    [{}, {"kind": "other", "symbols": "ab"}, {"kind": "alphabet", "symbols": 3}, {"kind": "alphabet", "symbols": "aa"}],
)
def test_another_document_is_damage(document: dict[str, object]) -> None:
    with pytest.raises(DamagedError, match=r"codec\.json does not describe an alphabet") as caught:
        AlphabetCodec.from_json(document)
    assert caught.value.exit_code == 3
