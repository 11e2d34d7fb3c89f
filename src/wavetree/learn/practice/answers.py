"""Right answers, and reading what a learner writes. What cannot be read is not wrong: it is asked for again."""

from __future__ import annotations

import abc
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

LONGEST = 400
"""Characters. Nothing longer is an answer."""

_THOUSANDS = re.compile(r"[+-]?\d{1,3}([,_ ]\d{3})+(\.\d*)?")
_BRACKETED = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
_SHAPE_ENDS = re.compile(r"\s*(?:;|->|→|\||\n)\s*")
_RANGE = re.compile(r"(\d{1,9})\s*(?:-|–|\.\.\.?|to)\s*(\d{1,9})")  # noqa: RUF001  an en dash is what some keyboards give
_WHOLE = re.compile(r"\d{1,9}")

Read = TypeVar("Read")


class Answer(abc.ABC):
    """A right answer: how it is shown, how it is to be written, and whether a text is that answer."""

    @property
    @abc.abstractmethod
    def shown(self) -> str:
        """The answer, as one might write it."""

    @property
    @abc.abstractmethod
    def how(self) -> str:
        """How to write one, with an example that is not the answer."""

    @abc.abstractmethod
    def matches(self, text: str) -> bool | None:
        """Whether `text` is this answer; None if it cannot be read."""


@dataclass(frozen=True)
class Amount(Answer):
    """One number, right within `tolerance`."""

    value: float
    tolerance: float = 0.0

    @property
    def shown(self) -> str:
        return _figure(self.value, self.tolerance)

    @property
    def how(self) -> str:
        return "one number, such as 12 or 0.5"

    def matches(self, text: str) -> bool | None:
        return _judged(_amount(_tidy(text)), lambda value: _near(value, self.value, self.tolerance))


@dataclass(frozen=True)
class Amounts(Answer):
    """Several numbers in order, each right within `tolerance`."""

    values: tuple[float, ...]
    tolerance: float = 0.0

    @property
    def shown(self) -> str:
        return ", ".join(_figure(value, self.tolerance) for value in self.values)

    @property
    def how(self) -> str:
        example = ", ".join(str(7 + i) for i in range(len(self.values)))
        return f"{len(self.values)} numbers, such as {example}"

    def matches(self, text: str) -> bool | None:
        text = _tidy(text).strip("()[]{}").strip(" ,;")
        loose, strict = re.split(r"\s*;\s*|,?\s+", text), re.split(r"[,;\s]+", text)  # `1,550, 250` and `1,2,3`
        for parts in (loose, strict):
            values = [value for value in map(_amount, parts) if value is not None]
            if len(values) == len(parts) == len(self.values):
                pairs = zip(values, self.values, strict=True)
                return all(_near(value, right, self.tolerance) for value, right in pairs)
        return None


@dataclass(frozen=True)
class Shape(Answer):
    """The sizes of a tensor's axes."""

    sizes: tuple[int, ...]

    @property
    def shown(self) -> str:
        return str(self.sizes)

    @property
    def how(self) -> str:
        return "a shape, such as (2, 3, 5)"

    def matches(self, text: str) -> bool | None:
        return _judged(_shape(_tidy(text)), lambda sizes: sizes == self.sizes)


@dataclass(frozen=True)
class Shapes(Answer):
    """Several shapes in order."""

    shapes: tuple[tuple[int, ...], ...]

    @property
    def shown(self) -> str:
        return " ".join(map(str, self.shapes))

    @property
    def how(self) -> str:
        return "shapes one after the other, such as (2, 6, 5) (2, 3, 5)"

    def matches(self, text: str) -> bool | None:
        text = _tidy(text)
        found = list(_BRACKETED.finditer(text))
        if found and re.sub(r"[\s,;|>→-]", "", _BRACKETED.sub("", text)):
            return None
        parts = [match[1] or match[2] or "" for match in found] or _SHAPE_ENDS.split(text)
        shapes = [_shape(part) for part in parts]
        return None if None in shapes else tuple(shapes) == self.shapes


@dataclass(frozen=True)
class Positions(Answer):
    """A set of positions, in any order; a range may be written by its ends."""

    places: frozenset[int]

    @classmethod
    def of(cls, places: Iterable[int]) -> Positions:
        """From any collection."""
        return cls(frozenset(places))

    @property
    def shown(self) -> str:
        return ", ".join(map(str, sorted(self.places)))

    @property
    def how(self) -> str:
        return "positions, such as 4, 5, 6 or 4-6"

    def matches(self, text: str) -> bool | None:
        return _judged(_places(_tidy(text)), lambda places: places == self.places)


@dataclass(frozen=True)
class Letter(Answer):
    """One of the choices that the question names by letters."""

    letter: str
    choices: str

    @property
    def shown(self) -> str:
        return self.letter

    @property
    def how(self) -> str:
        return f"one letter: {', '.join(self.choices[:-1])} or {self.choices[-1]}"

    def matches(self, text: str) -> bool | None:
        said = _tidy(text).strip("().").upper()
        return said == self.letter if len(said) == 1 and said in self.choices else None


def _judged(read: Read | None, right: Callable[[Read], bool]) -> bool | None:
    return None if read is None else right(read)


def _tidy(text: str) -> str:
    """Without what people wrap around an answer; nothing of a text that is too long to be one."""
    return text.replace("torch.Size", "").strip().rstrip(".").strip() if len(text) <= LONGEST else ""


def _amount(text: str) -> float | None:
    """`1,024`, `1 024` and `1_024` are 1024; `0,5` is 0.5; `+3` is 3."""
    text = text.replace("−", "-").strip("()[] ")  # noqa: RUF001  a minus sign that was pasted
    if _THOUSANDS.fullmatch(text):
        text = re.sub(r"[,_ ]", "", text)
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _near(value: float, right: float, tolerance: float) -> bool:
    return abs(value - right) <= tolerance + 1e-9 * max(1.0, abs(right))


def _figure(value: float, tolerance: float) -> str:
    """With no more places than the tolerance makes sense of, and none that are 0."""
    places = max(2, math.ceil(-math.log10(tolerance))) if tolerance else 4
    return f"{value:,.{places}f}".rstrip("0").removesuffix(".") if value else "0"


def _shape(text: str) -> tuple[int, ...] | None:
    parts = re.split(r"\s*[,x×*]\s*|\s+", text.strip().strip("()[]").strip(" ,"), flags=re.IGNORECASE)  # noqa: RUF001
    return tuple(map(int, parts)) if all(map(_WHOLE.fullmatch, parts)) else None


def _places(text: str) -> frozenset[int] | None:
    text = text.strip("()[]{} ")
    places: set[int] = set()
    for begin, end in _RANGE.findall(text):
        if int(end) - int(begin) > LONGEST:
            return None
        places |= set(range(int(begin), int(end) + 1))
    parts: Sequence[str] = [part for part in re.split(r"[,;\s]+|\band\b", _RANGE.sub(" ", text)) if part]
    if not all(map(_WHOLE.fullmatch, parts)) or not (parts or places):
        return None
    return frozenset(places | set(map(int, parts)))
