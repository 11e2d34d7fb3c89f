"""Bytes: any text at all, and what a model draws that is no text."""

from __future__ import annotations

import numpy as np
import pytest

from wavetree.codecs import BytesCodec
from wavetree.errors import DamagedError, SymbolError


def test_ids_are_a_contract() -> None:
    codec = BytesCodec()
    assert codec.vocab_size == 257
    assert codec.encode("A\x00ÿ").tolist() == [66, 1, 0xC3 + 1, 0xBF + 1]
    assert codec.to_json() == {"kind": "bytes", "pad": 0}
    assert codec.describe() == "256 bytes (UTF-8)"
    assert (codec.unit, codec.pad_is_symbol) == ("byte", False)


def test_nothing_is_a_text() -> None:
    assert BytesCodec().encode("").shape == (0,)
    assert BytesCodec().decode([]) == ""


def test_what_is_no_utf8_is_shown_as_replacements() -> None:
    drawn = np.frombuffer(b"a\xffb\xc3", np.uint8).astype(np.int64) + 1
    assert BytesCodec().decode(drawn) == BytesCodec().decode(drawn.tolist()) == "a\ufffdb\ufffd"


@pytest.mark.parametrize("outside", [0, -1, 257])
def test_other_ids_are_refused(outside: int) -> None:
    with pytest.raises(ValueError, match=f"id {outside} is no byte: bytes have ids 1 to 256"):
        BytesCodec().decode([66, outside])


def test_half_a_surrogate_pair_is_named_with_its_place() -> None:
    with pytest.raises(SymbolError, match=r"character 3 is half a surrogate pair \(U\+D800\)"):
        BytesCodec().encode("ab\ud800")


@pytest.mark.parametrize(
    "document", [{}, {"kind": "bytes"}, {"kind": "bytes", "pad": 1}, {"kind": "alphabet", "pad": 0}]
)
def test_another_document_is_damage(document: dict[str, object]) -> None:
    with pytest.raises(DamagedError, match=r"codec\.json does not describe bytes"):
        BytesCodec.from_json(document)
