"""Law 4 on every codec of the list: what is encoded comes back, and no symbol is mistaken for the mark."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import codec_twins as twins
from tests.laws.cases import CODECS

from wavetree.codecs import PAD, AlphabetCodec, BytesCodec, Codec, MuLawCodec, codec_from_json

Content = str | npt.NDArray[np.float32]
"""What a codec encodes: a text, or samples."""


def contents(codec: Codec) -> st.SearchStrategy[Content]:
    """What the codec must give back exactly: any text of its symbols; any samples that are levels."""
    if isinstance(codec, MuLawCodec):
        return st.lists(st.integers(0, codec.vocab_size - 1)).map(codec.decode)
    return st.text(codec.symbols) if isinstance(codec, AlphabetCodec) else st.text()


def wrong(codec: Codec, content: Content) -> list[str]:
    """What is wrong with how the codec treats `content`, and the ids of its symbols."""
    ids = codec.encode(content)
    back = codec.decode(ids)
    found = []
    if not (back == content if isinstance(content, str) else np.array_equal(back, content)):
        found.append("content does not come back")
    if codec.encode(back).tolist() != ids.tolist():
        found.append("ids do not come back")
    units = content.encode() if codec.unit == "byte" else content
    if ids.dtype != np.int64 or ids.shape != (len(units),):
        found.append(f"not one id a {codec.unit}")
    if ((ids < 0) | (ids >= codec.vocab_size) | ((ids == PAD) & (not codec.pad_is_symbol))).any():
        found.append("an id that is no symbol's")
    if codec.pad_is_symbol and codec.encode([0.0]).tolist() != [PAD]:
        found.append("the mark is not silence")
    read = codec_from_json(json.loads(json.dumps(codec.to_json())))
    if not isinstance(codec, type(read)) or vars(read) != vars(codec):
        found.append("does not come back from its file")
    return found


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.describe())
@given(data=st.data())
def test_law_4(codec: Codec, data: st.DataObject) -> None:
    assert wrong(codec, data.draw(contents(codec))) == []


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.describe())
def test_every_id_comes_back(codec: Codec) -> None:
    """All 256 levels; all symbols; of the bytes those that are characters by themselves."""
    stop = 129 if codec.unit == "byte" else codec.vocab_size
    ids = list(range(PAD if codec.pad_is_symbol else PAD + 1, stop))
    assert codec.encode(codec.decode(ids)).tolist() == ids


@pytest.mark.parametrize("twin", [twins.IdsFromZero, twins.CaseFolding, twins.Reversing])
def test_a_broken_alphabet_is_rejected(twin: type[AlphabetCodec]) -> None:
    assert wrong(AlphabetCodec("ABCabc"), "aBcA") == []
    assert wrong(twin("ABCabc"), "aBcA") != []


@pytest.mark.parametrize("twin", [twins.BytesFromZero, twins.Latin, twins.Composing])
def test_broken_bytes_are_rejected(twin: type[BytesCodec]) -> None:
    assert wrong(BytesCodec(), "zoe\u0308 \x00 日本") == []
    assert wrong(twin(), "zoe\u0308 \x00 日本") != []


@pytest.mark.parametrize("twin", [twins.Truncating, twins.Bins, twins.SilenceInTheMiddle, twins.ForgetsTheRate])
def test_broken_mulaw_is_rejected(twin: type[MuLawCodec]) -> None:
    levels = np.arange(256)
    assert wrong(MuLawCodec(16_000), MuLawCodec(16_000).decode(levels)) == []
    assert wrong(twin(16_000), twin(16_000).decode(levels)) != []
