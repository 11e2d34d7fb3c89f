"""What the command says, and where: content on stdout, talk on stderr, `--json` as one object on stdout's last line."""

from __future__ import annotations

import io
import json
import logging
import math
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, TextIO

from wavetree.errors import SaveError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

NO_VALUE = "-"
GAP = 2
"""Between the columns of a table."""


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
    if sys.stdout is not None:  # it is None where the caller closed it, who wants no content
        with _sentence_for_failure():
            sys.stdout.write(f"{line}\n")


def passage(text: str) -> None:
    """A part of a running text, shown at once: line ends and tabs stay, what could steer a terminal is escaped."""
    if sys.stdout is not None:
        with _sentence_for_failure():
            sys.stdout.write("".join(part if part in "\n\t" else visible(part) for part in text))
            sys.stdout.flush()


def content_json(document: Mapping[str, object]) -> None:
    """The one object of `--json`. A figure that is not finite is null there: JSON has no other word for it."""
    content(json.dumps(_finite(document), allow_nan=False))


def flush() -> None:
    """Writes all content out, so that a full disk, or a reader that has left, is noticed here and not at exit."""
    if sys.stdout is not None:
        with _sentence_for_failure():
            sys.stdout.flush()


def say(line: str) -> None:
    """A line of talk; on a terminal, broken between words."""
    if sys.stderr is not None and sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
    _talk(line)


def complain(sentence: str) -> None:
    """Says why the command failed."""
    say(f"wavetree: {visible(sentence)}")


class _Talk(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def tell_of_waits() -> None:
    """On a terminal, what the library logs of a long wait is talk as well."""
    if sys.stderr is not None and sys.stderr.isatty():
        log = logging.getLogger("wavetree")
        if not any(isinstance(handler, _Talk) for handler in log.handlers):
            log.addHandler(_Talk())
        log.setLevel(logging.INFO)


@contextmanager
def working(on: str) -> Iterator[Callable[[str], None]]:
    """On a terminal, says what is being worked on for as long as it is; what it gives says how far that is."""
    console = margin()
    with console.status(on) if console.is_terminal else nullcontext() as status:
        yield status.update if status else lambda text: None


def margin() -> Console:
    """Where talk is laid out while it changes: a bar, what is being worked on."""
    from rich.console import Console

    return Console(stderr=True, markup=False, emoji=False, highlight=False)


def table(heads: Sequence[str], rows: Iterable[Sequence[RenderableType]], *, fold: bool = False) -> Table:
    """A table without lines. A head that begins with `>` stands over a column that is flush right, as numbers are.

    A cell that is too long for the terminal is cut, or with `fold` broken into lines.
    """
    from rich.table import Table

    made = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_header=any(head.strip("<>") for head in heads))
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


Column = tuple[str, Sequence[str]]
"""A head, as `table` takes it, and the cells under it."""


def show_columns(names: Column, *groups: Sequence[Column]) -> None:
    """A table that begins with the column `names`, as content; in parts, one below the other, where it is too wide.

    A group of columns stays together if it can. No cell is cut as long as `names` and one other column fit.
    """
    width = shutil.get_terminal_size().columns
    every = [column for group in groups for column in group]
    parts = [every] if _wide([names, *every]) <= width else list(_parts(names, groups, width))
    for number, part in enumerate(parts):
        if number:
            content("")
        columns = [names, *part]
        show(table([head for head, _ in columns], list(zip(*(cells for _, cells in columns), strict=True))))


def _parts(names: Column, groups: Sequence[Sequence[Column]], width: int) -> Iterator[list[Column]]:
    for group in groups:
        part: list[Column] = []
        for column in group:
            if part and _wide([names, *part, column]) > width:
                yield part
                part = []
            part.append(column)
        if part:
            yield part


def _wide(columns: Sequence[Column]) -> int:
    from rich.cells import cell_len

    widest = [max(cell_len(visible(text)) for text in (head.lstrip("<>"), *cells)) for head, cells in columns]
    return sum(widest) + GAP * (len(columns) - 1)


def show(made: Table) -> None:
    """A table as content."""
    content(_laid_out(made, sys.stdout))


def show_talk(made: Table) -> None:
    """A table as talk."""
    _talk(_laid_out(made, sys.stderr))


def number(value: float, places: int = 0) -> str:
    """With thousands separators and a fixed number of decimal places."""
    return f"{value:,.{places}f}"


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _talk(text: str) -> None:
    """Writes to stderr. Where that fails there is nobody to tell."""
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()


def _laid_out(made: Table, stream: TextIO | None) -> str:
    """The text of a table as `stream` can show it: as wide as the terminal, coloured if it is one."""
    from rich.console import Console

    text = io.StringIO()  # written by `content` and `_talk`, which know what to do when that fails
    terminal = stream is not None and stream.isatty()
    Console(file=text, force_terminal=terminal, markup=False, emoji=False, highlight=False).print(made)
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip("\n").split("\n"))


@contextmanager
def _sentence_for_failure() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SaveError(f"could not write the output: {reason}. What was saved is still good.") from error
