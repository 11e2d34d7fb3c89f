"""Law 4 on every codec of the list: what is encoded comes back, and no symbol is mistaken for the mark."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import twins
from tests.laws.cases import CODECS

from wavetree.codecs import PAD, AlphabetCodec


def wrong(codec: AlphabetCodec, text: str) -> list[str]:
    """What is wrong with how the codec treats `text`, and the ids of its symbols."""
    ids = codec.encode(text)
    found = []
    if codec.decode(ids) != text:
        found.append("text does not come back")
    if codec.encode(codec.decode(ids)).tolist() != ids.tolist():
        found.append("ids do not come back")
    if ids.dtype != np.int64 or ids.shape != (len(text),):
        found.append("not one id a symbol")
    if ((ids < 0) | (ids >= codec.vocab_size) | (ids == PAD)).any():
        found.append("an id that is no symbol's")
    if AlphabetCodec.from_json(json.loads(json.dumps(codec.to_json()))) != codec:
        found.append("does not come back from its file")
    return found


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: f"{codec.vocab_size - 1} symbols")
@given(data=st.data())
def test_law_4(codec: AlphabetCodec, data: st.DataObject) -> None:
    assert wrong(codec, data.draw(st.text(codec.symbols))) == []


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: f"{codec.vocab_size - 1} symbols")
def test_every_symbol_has_its_own_id(codec: AlphabetCodec) -> None:
    assert codec.encode(codec.symbols).tolist() == list(range(1, codec.vocab_size))


@pytest.mark.parametrize("twin", [twins.IdsFromZero, twins.CaseFolding, twins.Reversing])
def test_a_broken_codec_is_rejected(twin: type[AlphabetCodec]) -> None:
    assert wrong(AlphabetCodec("ABCabc"), "aBcA") == []
    assert wrong(twin("ABCabc"), "aBcA") != []
