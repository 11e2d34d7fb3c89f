"""List files of any bytes: items that can be learnt, or a sentence that names the place."""

from __future__ import annotations

import io
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from tests.fuzz.calling import call
from tests.fuzz.guard import a_result_or_a_sentence, guarded
from tests.fuzz.hostile import spoilt, texts
from tests.fuzz.runs import Spoilable

from wavetree.codecs import AlphabetCodec
from wavetree.data import describe_list, read_list, split_items
from wavetree.data.packing import PackedItems
from wavetree.score.lines import batches

PLAIN = "".join(f"{a}{b}{c}\n" for a in "kmlrt" for b in "aeiou" for c in ("", "na", "é")).encode()
TABBED = "".join(f"{a}{b}{c}\t{'FM'[len(c) % 2]}\n" for a in "kmlrt" for b in "aeiou" for c in ("", "na", "x")).encode()
QUOTED = PLAIN.replace(b"\n", b'",1\r\n"')
ENDS = [
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    "\u2028".encode(),
    b"\t",
    b",",
    b";",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
]


@st.composite
def lists(draw: st.DrawFn) -> bytes:
    """A list with wrong bytes in it, lines of any text, or any bytes at all."""
    match draw(st.sampled_from(["spoilt", "spoilt", "lines", "wide", "bytes"])):
        case "spoilt":
            raw = bytearray(draw(st.sampled_from([PLAIN, TABBED, QUOTED])))
            for _ in range(draw(st.integers(0, 5))):
                place = draw(st.integers(0, len(raw)))
                raw[place : place + draw(st.integers(0, 3))] = draw(st.sampled_from(ENDS) | st.binary(max_size=4))
            return bytes(raw)
        case "lines":
            end = draw(st.sampled_from(ENDS))
            lines = draw(st.lists(texts(12), max_size=80))
            return end.join(line.encode("utf-8", "surrogatepass") for line in lines) + PLAIN * draw(st.integers(0, 1))
        case "wide":
            return PLAIN.decode().encode(draw(st.sampled_from(["utf-16", "utf-16-le", "utf-32", "latin-1", "utf-7"])))
        case _:
            return draw(st.binary(max_size=300) | spoilt(PLAIN))


@given(
    raw=lists(),
    name=st.sampled_from(["list.txt", "list.csv", "list.tsv", "list"]),
    fields=st.sampled_from([(), ("sex",), ("sex", "decade")]),
)
@example(raw=b"a" * 5_000_000, name="list.txt", fields=())
@example(raw=b"\n" * 1_000_000, name="list.txt", fields=())
@example(raw=b"\t" * 300_000 + b"\n", name="list.tsv", fields=("sex",))
def test_a_list(desk: Path, raw: bytes, name: str, fields: tuple[str, ...]) -> None:
    path = desk / name
    path.write_bytes(raw)
    with a_result_or_a_sentence({2}) as refused:
        items = read_list(path, fields)
        describe_list(items).to_json()
        split = split_items(items, "hash")
        codec = AlphabetCodec.of(items.items)
        classes = split.fields.encode(split.labels("train")) if fields else None
        PackedItems(split.train, codec, split.fields, classes)
        assert all(codec.decode(codec.encode(item)) == item for item in items.items)
    assert all(str(path) in str(error) for error in refused)


@given(raw=lists(), fields=st.sampled_from([[], ["--fields", "sex"]]), as_json=st.sampled_from([[], ["--json"]]))
def test_a_list_is_described(desk: Path, raw: bytes, fields: list[str], as_json: list[str]) -> None:
    (desk / "described.txt").write_bytes(raw)
    assert call(["data", str(desk / "described.txt"), *fields, *as_json]).code in {0, 2}


@given(raw=lists())
def test_lines_to_score(listed: Spoilable, raw: bytes) -> None:
    """Every line comes out, as an item or as a fault, whatever it holds."""
    called = call(["score", str(listed.path), "-", "--json-lines"], raw)
    assert called.code in {0, 2}
    with guarded():
        expected = sum(len(batch.items) + len(batch.faults) for batch in batches(io.BytesIO(raw)))
    assert len(called.out.splitlines()) == expected
