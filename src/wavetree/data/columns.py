"""An item and its labels: one class for each field of its list, such as F and 1920 for the fields sex and decade.

In a file they are columns with a tab between them, the item first; from Python, a tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral

from wavetree.errors import ListError, SettingError

MAX_CLASSES = 4096
"""The most classes of one field: with more, most would be met too rarely to be learnt."""

Labels = tuple[str, ...]
"""The classes of one item, in the order of the fields; empty where there are none."""
Row = tuple[str, Labels]

_SEPARATORS = {
    "\n": ("a line feed", "Give each line as an item of its own."),
    "\t": ("a tab", "A tab stands between an item and its classes: replace it."),
}


def checked_names(fields: Iterable[object]) -> tuple[str, ...]:
    """The names of fields. Raises SettingError for what cannot be one: `sex=F,decade=1920` must be readable."""
    if isinstance(fields, str):
        raise SettingError(f"the fields are the single string {fields!r}: give a list of names.")
    names: list[str] = []
    for number, name in enumerate(fields, 1):
        if not isinstance(name, str) or not name or name != name.strip() or set(name) & set("=,\t\n"):
            raise SettingError(
                f"field {number} cannot be called {name!r}: a name has no '=', comma, tab or outer space."
            )
        if name in names:
            raise SettingError(f"there are two fields called {name!r}: name each column once.")
        names.append(name)
    return tuple(names)


def row_of_line(line: str, fields: Sequence[str], place: Callable[[], str]) -> Row:
    """The item and the classes of a line with tabs; `place` names the line. Raises ListError."""
    item, *labels = line.split("\t")
    if len(labels) != len(fields):
        raise ListError(
            f"{place()} has {len(labels) + 1} column{'s' if labels else ''}, and {len(fields) + 1} are needed: the "
            f"item, {', '.join(fields)}, with one tab between each. Complete the line, or name other fields."
        )
    for what, text in zip(("item", *fields), (item, *labels), strict=True):
        if not text or text.isspace():
            raise ListError(f"{place()} has an empty {what}. Fill every column, or leave the line out.")
    return item, tuple(labels)


def row_of_tuple(given: object, fields: Sequence[str], where: str) -> Row:
    """The item and the classes of (item, class, ...) or (item, {field: class}); `where` names it. Raises ListError."""
    if not isinstance(given, tuple | list) or not given:
        raise ListError(
            f"{where} is of type {type(given).__name__}. With fields, each is a tuple: the item, {', '.join(fields)}."
        )
    item, *classes = given
    if len(classes) == 1 and isinstance(classes[0], Mapping):
        if odd := set(classes[0]) ^ set(fields):
            name = min(odd, key=str)
            what = f"no class for {name!r}" if name in fields else f"a class for {name!r}, which is no field"
            raise ListError(f"{where} has {what}. The fields are {', '.join(fields)}.")
        classes = [classes[0][name] for name in fields]
    if len(classes) != len(fields):
        raise ListError(
            f"{where} has {len(classes)} class{'' if len(classes) == 1 else 'es'}, and {len(fields)} are needed: "
            f"{', '.join(fields)}."
        )
    labels = (str(label) if isinstance(label, Integral) else label for label in classes)
    return (
        checked_text(item, where, "\n\t"),
        tuple(checked_text(text, f"{where}, {name}", "\n\t") for name, text in zip(fields, labels, strict=True)),
    )


def checked_text(text: object, where: str, separators: str) -> str:
    """`text`, if it can stand in a file with these separators; `where` names it. Raises ListError."""
    if not isinstance(text, str):
        raise ListError(f"{where} is of type {type(text).__name__}. It must be a string.")
    if not text or text.isspace():
        raise ListError(f"{where} is empty or white space alone. Leave the item out.")
    for symbol in separators:
        if symbol in text:
            name, way_out = _SEPARATORS[symbol]
            raise ListError(f"{where} holds {name} (character {text.index(symbol) + 1}). {way_out}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ListError(
            f"{where}, character {error.start + 1} is half a surrogate pair "
            f"(U+{ord(text[error.start]):04X}), which is no character. Decode the text again from its bytes."
        ) from None
    return text


def refuse_many_classes(fields: Sequence[str], labels: Sequence[Labels], place: Callable[[int], str]) -> None:
    """Raises ListError, with the place of the first that is too many, if a field has more than MAX_CLASSES classes."""
    for f, name in enumerate(fields):
        column = [told[f] for told in labels]
        classes = list(dict.fromkeys(column))
        if len(classes) > MAX_CLASSES:
            one_more = classes[MAX_CLASSES]
            raise ListError(
                f"{place(column.index(one_more))} has class {MAX_CLASSES + 1:,} of the field {name}, {one_more!r}; "
                f"a field may have {MAX_CLASSES:,}. A class is what many items share: leave this field out, or make "
                "its classes coarser."
            )
