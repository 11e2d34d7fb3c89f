"""Lines in, in batches as they come: at constant memory, whatever the lines are.

A line is an item under the rules of a list file: UTF-8, LF or CRLF, blank lines skipped. A line that is no item (not
UTF-8, or too long) is a `Fault` in its place, and the stream goes on.
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

BATCH_BYTES = 1 << 17
"""About as much is read at once: enough that many items share their work, little enough to stay in the cache."""
MAX_LINE_BYTES = 1 << 16
"""The longest line."""
_BOM = b"\xef\xbb\xbf"


class Source(Protocol):
    """A file, a pipe, or what reads like one."""

    def read(self, size: int, /) -> bytes | None:
        """What there is, up to `size` bytes; nothing at the end."""
        ...


@dataclass(frozen=True)
class Fault:
    """A line that is no item: its number, counted from 1, and what is wrong with it."""

    line: int
    reason: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"line {self.line:,} {self.reason}."


@dataclass(frozen=True)
class Batch:
    """Items in their order, and faults: each with the number of items of this batch that come before it."""

    items: list[str]
    faults: list[tuple[int, Fault]]


def batches(source: Source, size: int = BATCH_BYTES) -> Iterator[Batch]:
    """All lines of a source. What a pipe has is handed on at once, and never waits for more."""
    rest, number, skipping, first = b"", 0, False, True
    for chunk in _chunks(source, size):
        data = rest + chunk
        if first and len(data) < len(_BOM) and _BOM.startswith(data):
            rest = data
            continue
        if first:
            data, first = data.removeprefix(_BOM), False
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        block = data[:cut]
        begun = skipping  # the block begins inside of a line that is left out
        if cut:
            skipping = False
        if len(rest) > MAX_LINE_BYTES:
            rest, skipping = rest[:1], True  # one byte of it is kept, so that it is still a line
        if cut:
            yield _batch(block, number, begun)
            number += block.count(b"\n")
    if rest:
        yield _batch(rest, number, skipping)


def _chunks(source: Source, size: int) -> Iterator[bytes]:
    """What can be read without waiting for it, and at least something: up to about `size` bytes together."""
    while True:
        parts = [source.read(size) or b""]
        while parts[-1] and sum(map(len, parts)) < size and _more(source):
            parts.append(source.read(size) or b"")
        chunk = b"".join(parts)
        if chunk:
            yield chunk
        if not parts[-1]:
            return


def _more(source: Source) -> bool:
    """Whether a read would not wait."""
    try:
        return bool(select.select([source], [], [], 0)[0])  # type: ignore[type-var]
    except (OSError, TypeError, ValueError):  # what is no file of the system's, or not where only sockets can be asked
        return False


def _batch(block: bytes, before: int, begun: bool) -> Batch:
    """The lines of a block; `before` lines lie before it. `begun`: the first of them is the end of one too long."""
    if not begun:
        try:
            lines = block.decode().replace("\r\n", "\n").removesuffix("\n").split("\n")
        except UnicodeDecodeError:
            pass
        else:
            if len(max(lines, key=len)) <= MAX_LINE_BYTES // 4:  # in UTF-8, at most as many bytes as are allowed
                items = [line for line in lines if line]
                if any(map(str.isspace, items)):
                    items = [line for line in items if not line.isspace()]
                return Batch(items, [])
    return _batch_by_line(block, before, begun)


def _batch_by_line(block: bytes, before: int, begun: bool) -> Batch:
    items: list[str] = []
    faults: list[tuple[int, Fault]] = []
    for number, raw in enumerate(block.removesuffix(b"\n").split(b"\n"), before + 1):
        if len(raw) > MAX_LINE_BYTES or (begun and number == before + 1):
            faults.append((len(items), Fault(number, f"has more than {MAX_LINE_BYTES:,} bytes, and was left out")))
            continue
        try:
            line = raw.removesuffix(b"\r").decode()
        except UnicodeDecodeError as error:
            byte = f"byte {error.start + 1} (0x{raw[error.start]:02x})"
            faults.append((len(items), Fault(number, f"is not valid UTF-8 at {byte}, and was left out")))
            continue
        if line and not line.isspace():
            items.append(line)
    return Batch(items, faults)
