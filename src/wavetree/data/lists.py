"""A list of items: from a text file with one item a line, or from Python.

A symbol is one Unicode code point. A list that is accepted here can be trained on; one that cannot is refused with a
sentence that names the place. A list may have fields: then each item carries one class for each of them.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice, repeat
from pathlib import Path

from wavetree.data.columns import (
    Labels,
    Row,
    checked_names,
    checked_text,
    refuse_many_classes,
    row_of_line,
    row_of_tuple,
)
from wavetree.errors import ListError

MAX_ITEM_SYMBOLS = 4096
"""The longest item: what a tree of 12 levels, the deepest, can see at once."""

MAX_ALPHABET = 4096
"""The most distinct symbols: beyond it the table of symbols outweighs the tree, and most rows are hardly ever seen."""

MIN_ITEMS = 50
"""The fewest distinct items. With 50, each held-out tenth is expected to hold five."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class ItemList:
    """Items in the order they came, duplicates kept, and where they came from (`source`, for a person to read).

    `fields` are the names of what each item carries, `labels` the classes of each item; both are empty without fields.
    """

    items: tuple[str, ...]
    source: str
    fields: tuple[str, ...] = ()
    labels: tuple[Labels, ...] = ()

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every item with its labels."""
        return tuple(zip(self.items, self.labels if self.fields else repeat((), len(self.items)), strict=True))

    @cached_property
    def distinct_rows(self) -> tuple[Row, ...]:
        """Every row once, in the order of first occurrence."""
        return tuple(dict.fromkeys(self.rows))

    @cached_property
    def distinct(self) -> tuple[str, ...]:
        """The items of `distinct_rows`: every item once, or with fields as often as it has different labels."""
        return tuple(item for item, _ in self.distinct_rows)

    @property
    def duplicates(self) -> int:
        """How many rows repeat an earlier one."""
        return len(self.items) - len(self.distinct)

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of the items in order, as UTF-8 with LF between them, whatever the file's own line ends.

        With fields, their names come first, as if they were the labels of an empty item; a tab is before each label.
        """
        lines = ["\t".join((item, *labels)) for item, labels in self.rows]
        head = ["\t".join(("", *self.fields))] if self.fields else []
        return hashlib.sha256("\n".join(head + lines).encode()).hexdigest()


def read_list(path: Path, fields: Sequence[str] = ()) -> ItemList:
    """The items of a UTF-8 text file, one a line; with `fields`, a tab and a class for each of them after the item.

    A byte order mark at the start is dropped; a line ends in LF or CRLF, the last one perhaps in nothing; lines of
    nothing but white space are skipped. Apart from that an item is exactly its line (or column), spaces included, and
    no other character (U+2028, form feed, a lone CR) ends one. Raises ListError for a file that cannot be read, is not
    UTF-8, holds no item, or holds items that `make_list` would refuse; SettingError for names that fields cannot have.
    """
    fields = checked_names(fields)
    text = _decode(_read_bytes(path), path)
    lines = text.replace("\r\n", "\n").split("\n")
    items = tuple(line for line in lines if line and not line.isspace())
    if not items:
        raise ListError(f"{path} is empty or holds only blank lines. Give a text file with one item a line.")
    if "\r" in text and "\n" not in text:
        raise ListError(
            f"{path} has {text.count(chr(13)):,} CR characters and no LF, so it is one single line here. "
            "Save it with LF or CRLF line ends."
        )

    def place(index: int) -> str:
        filled = (number for number, line in enumerate(lines, 1) if line and not line.isspace())
        return f"{path}, line {next(islice(filled, index, None))}"

    if not fields:
        return _checked(ItemList(items, str(path)), place)
    rows = [row_of_line(line, fields, partial(place, index)) for index, line in enumerate(items)]
    return _checked(_with_fields(rows, str(path), fields), place)


def make_list(items: Iterable[object], source: str = "your list", fields: Sequence[str] = ()) -> ItemList:
    """The list of `items` given from Python, under the rules that hold for a file; `source` names it in messages.

    An item is a string; with `fields`, a tuple of the string and its classes, in the order of the fields or as a
    dictionary: ("mary", "F", 1920) or ("mary", {"sex": "F", "decade": 1920}).

    Raises ListError for an item that is no string, is empty or white space alone, holds a line feed or half a
    surrogate pair (with fields: or a tab, and a class may not either), or has more than MAX_ITEM_SYMBOLS symbols; for
    classes that are not one for each field, or more than MAX_CLASSES of one field; for more than MAX_ALPHABET distinct
    symbols; and for fewer than MIN_ITEMS distinct items, whatever their labels. Raises SettingError for names that
    fields cannot have.
    """
    fields = checked_names(fields)
    if isinstance(items, str):
        raise ListError(f"{source} is a single string. Give a list of strings, one for each item.")
    numbered = [(f"{source}, item {number}", item) for number, item in enumerate(items, 1)]
    if fields:
        made = _with_fields([row_of_tuple(item, fields, where) for where, item in numbered], source, fields)
    else:
        made = ItemList(tuple(checked_text(item, where, "\n") for where, item in numbered), source)
    return _checked(made, lambda index: f"{source}, item {index + 1}")


def _with_fields(rows: Sequence[Row], source: str, fields: tuple[str, ...]) -> ItemList:
    return ItemList(tuple(item for item, _ in rows), source, fields, tuple(labels for _, labels in rows))


def _read_bytes(path: Path) -> bytes:
    """The file's bytes. Raises ListError, with the nearest name in the folder where the file is missing."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ListError(f"there is no file {path}.{_nearest(path)}") from None
    except IsADirectoryError:
        raise ListError(f"{path} is a folder. Give the text file in it, with one item a line.") from None
    except PermissionError:
        raise ListError(f"{path} may not be read by this user. Change its permissions, or copy it.") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
        reason = getattr(error, "strerror", None) or error
        raise ListError(f"{str(path)!r} cannot be read ({reason}). Check the path.") from None


def _nearest(path: Path) -> str:
    """What to try instead of a path that does not exist."""
    if not path.parent.is_dir():
        return f" The folder {path.parent} does not exist either; check the path."
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        names = []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f" Did you mean {path.with_name(near[0])}?" if near else " Check the path."


def _decode(raw: bytes, path: Path) -> str:
    """The text of `raw`. Raises ListError with the line and the byte where it stops being UTF-8."""
    raw = raw.removeprefix(_BOM)
    wide = raw.startswith((b"\xff\xfe", b"\xfe\xff")) or 4 * raw.count(0) >= max(len(raw), 1)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        byte = error.start - raw.rfind(b"\n", 0, error.start)
        way_out = (
            "It looks like UTF-16: save it as UTF-8."
            if wide
            else f"Save it as UTF-8; if it is Latin-1, `iconv -f latin1 -t utf-8 {path}` converts it."
        )
        raise ListError(
            f"{path}, line {line}: byte {byte} of the line (0x{raw[error.start]:02x}) is not valid UTF-8. {way_out}"
        ) from None
    if wide:  # UTF-16 without its mark: every second byte of plain Latin text is zero, which UTF-8 allows
        line = raw.count(b"\n", 0, raw.index(0)) + 1
        raise ListError(
            f"{path}, line {line}: a quarter or more of the bytes are zero. It looks like UTF-16: save it as UTF-8."
        )
    return text


def _checked(made: ItemList, place: Callable[[int], str]) -> ItemList:
    """`made`, if it can be trained on; `place` names the item of an index."""
    items, source = made.items, made.source
    if max(map(len, items), default=0) > MAX_ITEM_SYMBOLS:
        index = next(i for i, item in enumerate(items) if len(item) > MAX_ITEM_SYMBOLS)
        raise ListError(
            f"{place(index)} has {len(items[index]):,} symbols; an item may have {MAX_ITEM_SYMBOLS:,}. "
            "If this is running text, learn it as such (--preset text), or break it into lines: in a list every line "
            "is an item of its own."
        )
    alphabet = len(set("".join(items)))
    if alphabet > MAX_ALPHABET:
        raise ListError(
            f"{source} has {alphabet:,} distinct symbols; an alphabet may have {MAX_ALPHABET:,}. "
            "Check that it is text, and leave out or replace the rarest symbols."
        )
    refuse_many_classes(made.fields, made.labels, place)
    distinct = len(set(items))  # the sides of a split follow from the items alone
    if distinct < MIN_ITEMS:
        repeats = f" ({len(items):,} with duplicates)" if len(items) > distinct else ""
        raise ListError(
            f"{source} has {_count(distinct, 'distinct item')}{repeats}; at least {MIN_ITEMS} are needed, "
            "to learn from most and hold out the rest. Add more, one a line."
        )
    return made


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
