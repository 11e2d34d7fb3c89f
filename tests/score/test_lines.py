"""Lines as they come: any cut into reads gives the same items, and what is no item is told in its place."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.score import lines as room
from wavetree.score.lines import MAX_LINE_BYTES, Batch, batches
from wavetree.score.pump import pumped

LONG = b"y" * (MAX_LINE_BYTES + 1)


class InPieces:
    """Gives what it has in pieces of the lengths asked for, as a pipe may."""

    def __init__(self, content: bytes, *lengths: int) -> None:
        self._left, self._lengths = content, list(lengths)
        self.most = 0

    def read(self, size: int, /) -> bytes:
        length = min(size, self._lengths.pop(0) if self._lengths else size)
        piece, self._left = self._left[:length], self._left[length:]
        return piece


def read(source: room.Source, size: int = 1 << 18) -> list[str | int]:
    """Items, and the numbers of lines that are none, in order."""
    found: list[str | int] = []
    for batch in batches(source, size):
        rows: list[str | int] = list(batch.items)
        for place, fault in reversed(batch.faults):
            rows.insert(place, fault.line)
        found += rows
    return found


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n\r\n  \n", []),
        (b"anna", ["anna"]),
        (b"anna\nbo\n", ["anna", "bo"]),
        (b"\xef\xbb\xbfanna\r\nbo\r\n", ["anna", "bo"]),
        (b"\xef\xbb\xbf", []),
        (b"a\r\rb\n \xe2\x80\xa8c\x0c\n", ["a\r\rb", " \u2028c\x0c"]),
        (b"a\x00b\n\x00\n", ["a\x00b", "\x00"]),
        (b"a\nb\xff\nc\n\xc3", ["a", 2, "c", 4]),
        (b"a\n" + LONG + b"\nb", ["a", 2, "b"]),
        (LONG + b"\xff" + LONG, [1]),
        (b"a\n" + LONG * 4 + b"\n\xff\n\nb\n" + LONG, ["a", 2, 3, "b", 6]),
        (b"z" * MAX_LINE_BYTES, ["z" * MAX_LINE_BYTES]),
        ("é\n".encode() * 3, ["é"] * 3),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 16, 1 << 18])
def test_lines(content: bytes, expected: list[str | int], size: int) -> None:
    assert read(io.BytesIO(content), size if len(content) < 10_000 else max(size, 1000)) == expected


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"\xff", b"\xc3\xa9", b" ", b"\xef\xbb\xbf"])), st.data())
def test_no_cut_changes_anything(parts: list[bytes], data: st.DataObject) -> None:
    content = b"".join(parts)
    lengths = data.draw(st.lists(st.integers(1, 5), max_size=len(content)))
    assert read(InPieces(content, *lengths)) == read(io.BytesIO(content))


def test_a_long_line_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 MB without a line feed."""
    import tracemalloc

    class Endless:
        left = 10_000_000

        def read(self, size: int, /) -> bytes:
            taken = min(size, self.left)
            self.left -= taken
            return b"y" * taken

    tracemalloc.start()
    assert read(Endless()) == [1]
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()


def test_a_pipe_hands_on_at_once() -> None:
    """An item comes out before the next line goes in."""
    out, into = os.pipe()
    with open(out, "rb", buffering=0) as source, open(into, "wb", buffering=0) as sink:  # noqa: PTH123
        made = batches(source)
        for word in ("anna", "bo"):
            sink.write(word.encode() + b"\n")
            assert next(made).items == [word]
        sink.write(b"x" * 60_000)
        sink.write(b"\nlast")
        sink.close()
        assert [item[:4] for batch in made for item in batch.items] == ["xxxx", "last"]


# --- the pump


def test_order_is_kept_and_little_is_ahead() -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for number in range(200):
            taken.append(number)
            yield number

    def work(number: int) -> int:
        time.sleep(0.003 if number % 3 == 0 else 0)
        return number * number

    out = []
    for result in pumped(source(), work, 2):
        out.append(result)
        time.sleep(0.001)
        assert len(taken) <= len(out) + 5  # two wait, two are worked on, one is being read
    assert out == [number * number for number in range(200)]


def test_errors_come_in_their_place() -> None:
    def work(number: int) -> float:
        return 1 / (3 - number)

    made = pumped(range(10), work, 2)
    assert [next(made) for _ in range(3)] == [1 / 3, 1 / 2, 1]
    with pytest.raises(ZeroDivisionError):
        next(made)

    def broken() -> Iterator[int]:
        yield 1
        raise KeyError("here")

    with pytest.raises(KeyError):
        list(pumped(broken(), work, 2))


def test_who_leaves_leaves_nothing_running() -> None:
    before = threading.active_count()
    made = pumped(iter(int, 1), lambda number: number, 2)
    assert next(made) == 0
    made.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_an_empty_batch_is_no_batch() -> None:
    assert list(batches(io.BytesIO(b""))) == []
    assert [batch for batch in batches(io.BytesIO(b"\n"))] == [Batch([], [])]  # noqa: C416
