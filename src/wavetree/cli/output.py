"""What the command says, and where: content on stdout, talk on stderr, `--json` as one object on stdout's last line."""

from __future__ import annotations

import io
import json
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from wavetree.errors import SaveError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

NO_VALUE = "-"


def tolerate_any_encoding() -> None:
    """A symbol that the terminal's encoding lacks is shown as its escape; it stops nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def visible(text: str) -> str:
    """`text` with everything that could steer a terminal, or hide in it, written as an escape."""
    return "".join(
        c if c.isprintable() or unicodedata.category(c) == "Zs" else c.encode("unicode_escape").decode() for c in text
    )


def content(line: str) -> None:
    """A line of content. Raises SaveError where it cannot be written, BrokenPipeError where its reader has left."""
    if sys.stdout is None:  # closed by the caller, who wants none
        return
    try:
        sys.stdout.write(f"{line}\n")
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritten(error) from error


def content_json(document: Mapping[str, object]) -> None:
    """The one object of `--json`."""
    content(json.dumps(document))


def flush() -> None:
    """Writes all content out, so that a full disk, or a reader that has left, is noticed here and not at exit."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritten(error) from error


def say(line: str) -> None:
    """A line of talk; on a terminal, broken between words."""
    if sys.stderr is not None and sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
    _talk(line)


def complain(sentence: str) -> None:
    """Says why the command failed."""
    say(f"wavetree: {visible(sentence)}")


@contextmanager
def working(on: str) -> Iterator[None]:
    """On a terminal, says what is being worked on for as long as it is."""
    console = margin()
    with console.status(on) if console.is_terminal else nullcontext():
        yield


def page() -> Console:
    """Where content is laid out: as wide as the terminal, 80 columns where there is none."""
    return _console(stderr=False)


def margin() -> Console:
    """Where talk is laid out."""
    return _console(stderr=True)


def table(heads: Sequence[str], rows: Iterable[Sequence[RenderableType]], *, fold: bool = False) -> Table:
    """A table without lines. A head that begins with `>` stands over a column that is flush right, as numbers are.

    A cell that is too long for the terminal is cut, or with `fold` broken into lines.
    """
    from rich.table import Table

    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=any(head.strip("<>") for head in heads))
    for head in heads:
        right = head.startswith(">")
        made.add_column(
            head.lstrip("<>"),
            justify="right" if right else "left",
            no_wrap=right or not fold,
            overflow="fold" if fold else "ellipsis",
            header_style="bold",
        )
    for row in rows:
        made.add_row(*(visible(cell) if isinstance(cell, str) else cell for cell in row))
    return made


def show(laid_out: Table) -> None:
    """A table as content."""
    console = page()
    with console.capture() as captured:
        console.print(laid_out)
    content(_trimmed(captured.get()))


def show_talk(laid_out: Table) -> None:
    """A table as talk."""
    console = margin()
    with console.capture() as captured:
        console.print(laid_out)
    _talk(_trimmed(captured.get()))


def number(value: float, places: int = 0) -> str:
    """With thousands separators and a fixed number of decimal places."""
    return f"{value:,.{places}f}"


def _talk(text: str) -> None:
    """Writes to stderr. Where that fails there is nobody to tell."""
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def _console(stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip("\n").split("\n"))


def _unwritten(error: OSError) -> SaveError:
    return SaveError(
        f"could not write the output: {(error.strerror or str(error)).lower()}. What was saved is still good."
    )
