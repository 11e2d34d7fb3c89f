"""What an enemy, a broken disk or a tired person hands in: odd texts, documents and files with something wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

NUMBERS = [0, 1, -1, 2, 255, 256, 65_536, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30, -(2**63) - 1]
WORDS = ["", " ", ".", "..", "/", "-", "--", "=", "none", "None", "null", "nan", "inf", "-inf", "1e400", "0x10", "1_0"]
WORDS += [
    "１２",
    "é",
    "e\u0301",
    "\u202e",
    "\U0010ffff",
    "\udcff",
    "\ufeff",
    "\t",
    "\r",
    "\x1b[2J",
    "a" * 300,
    "%s",
    "{0}",
]


def texts(longest: int = 20) -> st.SearchStrategy[str]:
    """Anything an argument may hold: no NUL, but halves of surrogate pairs, as undecodable bytes become."""
    free = st.text(st.characters(exclude_characters="\0"), max_size=longest)
    return st.sampled_from(WORDS) | free | st.integers(-10, 10**6).map(str) | st.floats(width=32).map(str)


def values() -> st.SearchStrategy[Any]:
    """Anything that JSON can hold, and the numbers that only Python's JSON can."""
    plain = (
        st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.integers() | st.floats() | texts() | st.just("../run")
    )
    return st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3))


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document that can hold something else."""
    if path:
        yield path
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inner:
        yield from places(value, (*path, key))


@st.composite
def changed(draw: st.DrawFn, document: Any) -> Any:
    """The document with one to three places that hold something else, are gone, or were put in."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        known = list(places(document))
        if not known:
            return draw(values())
        *way, last = draw(st.sampled_from(known))
        holder = document
        for key in way:
            holder = holder[key]
        match draw(st.sampled_from(["replace", "replace", "remove", "add", "near"])):
            case "remove":
                del holder[last]
            case "add" if isinstance(holder, dict):
                holder[draw(texts())] = draw(values())
            case "near" if type(holder[last]) is int:
                holder[last] += draw(st.sampled_from([-1, 1, 100, -(2**70), 2**70]))
            case "near" if isinstance(holder[last], str):
                holder[last] += draw(texts(3))
            case _:
                holder[last] = draw(values())
    return document


@st.composite
def spoilt(draw: st.DrawFn, content: bytes) -> bytes:
    """The content cut, with other bytes in it, or with more after it; or any other content at all."""
    raw = bytearray(content)
    match draw(st.sampled_from(["cut", "bytes", "insert", "more", "other"])):
        case "cut":
            return bytes(raw[: draw(st.integers(0, len(raw)))])
        case "bytes" if raw:
            for _ in range(draw(st.integers(1, 3))):
                raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
            return bytes(raw)
        case "insert":
            place = draw(st.integers(0, len(raw)))
            return bytes(raw[:place]) + draw(st.binary(min_size=1, max_size=9)) + bytes(raw[place:])
        case "more":
            return bytes(raw) + draw(st.binary(min_size=1, max_size=9))
        case _:
            return draw(st.binary(max_size=200))


def written(document: Any) -> bytes:
    """As JSON, with halves of surrogate pairs as escapes."""
    return json.dumps(document).encode()


class Long(bytes):
    """Bytes that a report of a failure shows the beginning of."""

    def __repr__(self) -> str:
        return f"{self[:20]!r}..."


DEEP = [Long(b"[" * 100_000), Long(b'{"a":' * 100_000), Long(b"9" * 5000), Long(b"[" + b"1," * 1000 + b"1]")]


def json_files(content: bytes) -> st.SearchStrategy[bytes]:
    """A JSON file that is mostly still JSON, and says something else."""
    return st.one_of(*[changed(json.loads(content)).map(written)] * 4, spoilt(content), st.sampled_from(DEEP))
