"""The command, called as a shell would call it, and what must come of every call."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from tests.fuzz.guard import guarded

from wavetree.cli import main

CODES = {0, 1, 2, 3}
"""All there are but those of an interruption."""


class Called(NamedTuple):
    """What a call returned and wrote."""

    code: int
    out: str
    err: str


def call(argv: Sequence[str], given: bytes = b"") -> Called:
    """Calls the command with `given` on standard input. Fails where what comes is no result and no sentence."""
    with _streams(given) as (out, err), guarded():
        code = main(list(argv))
    called = Called(code, _text(out), _text(err))
    assert code in CODES, called
    if code:
        assert any(line.endswith((".", "?")) for line in called.err.splitlines()), called
    assert "Traceback" not in called.err
    return called


@contextmanager
def _streams(given: bytes) -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    kept = sys.stdin, sys.stdout, sys.stderr
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO(given), "utf-8"), out, err
    try:
        yield out, err
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined]
