"""Tokens of log lines, made by a documented grammar, and the same with one fault each.

A kind of token is a row of parts: marks, words of a short list, numbers with limits, hexadecimal digits. What draws a
token also says whether a text is one (`is_token`), so that a fault that happens to leave a token is not counted as one.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Mark:
    """Always the same text."""

    text: str


@dataclass(frozen=True)
class Word:
    """One of these."""

    choices: tuple[str, ...]


@dataclass(frozen=True)
class Number:
    """A decimal number from `low` to `high`; with a `width`, padded with zeros. Without one small ones are commoner."""

    low: int
    high: int
    width: int = 0


@dataclass(frozen=True)
class Hex:
    """So many lower-case hexadecimal digits."""

    digits: int


Part = Mark | Word | Number | Hex


def _words(text: str) -> Word:
    return Word(tuple(text.split()))


SERVICES = _words("auth billing cart catalog gateway inventory mailer orders payments search session shipping users")
THINGS = _words("accounts carts events invoices items messages orders products reports sessions tickets users")
REGIONS = _words("eu-west eu-north us-east us-west ap-south")
STATUS = _words("200 201 202 204 301 302 304 400 401 403 404 409 410 422 429 500 502 503 504")
METHOD = _words("GET POST PUT PATCH DELETE HEAD")
OCTET, PORT, M = Number(0, 255), Number(1024, 65535), Mark

KINDS: dict[str, tuple[Part, ...]] = {
    "time": (
        *(Number(2024, 2026, 4), M("-"), Number(1, 12, 2), M("-"), Number(1, 28, 2), M("T")),
        *(Number(0, 23, 2), M(":"), Number(0, 59, 2), M(":"), Number(0, 59, 2), M("."), Number(0, 999, 3), M("Z")),
    ),
    "file": (M("/var/log/"), SERVICES, M("/"), THINGS, M("-"), Number(1, 999, 3), M(".log")),
    "path": (M("/api/v"), Number(1, 3, 1), M("/"), THINGS, M("/"), Number(1, 99999), M("/"), THINGS),
    "request": (M("req-"), Hex(12)),
    "trace": (M("trace="), Hex(8), M("-"), Hex(4)),
    "status": (M("status="), STATUS, M(";bytes="), Number(0, 99999)),
    "latency": (M("latency_ms="), Number(0, 29999), M(";retries="), Number(0, 5)),
    "user": (M("user_id="), Number(10000, 99999), M(";role="), _words("admin guest member owner staff")),
    "call": (METHOD, M(":"), SERVICES, M("."), THINGS, M(":"), STATUS),
    "address": (M("10."), OCTET, M("."), OCTET, M("."), OCTET, M(":"), PORT),
    "host": (SERVICES, M("-"), Number(1, 40, 2), M("."), REGIONS, M("-"), Number(1, 3)),
    "version": (SERVICES, M("@v"), Number(0, 9), M("."), Number(0, 40), M("."), Number(0, 99)),
    "worker": (M("["), SERVICES, M("-worker-"), Number(1, 64), M("]")),
    "source": (SERVICES, M("."), THINGS, M(".py:"), Number(1, 900)),
}
FAULTS = ("wrong class", "truncated", "swapped", "doubled", "separator", "out of range")
SEPARATORS = "-/:.=;@"


def tokens(many: int, seed: int = 21) -> tuple[str, ...]:
    """`many` different tokens, every kind as often as it can."""
    draw, names = random.Random(seed), list(KINDS)
    seen: dict[str, None] = {}
    while len(seen) < many:
        seen["".join(_drawn(KINDS[draw.choice(names)], draw))] = None
    return tuple(seen)


def faulty(fault: str, many: int, seed: int = 22) -> tuple[str, ...]:
    """`many` different texts, each a fresh token with one fault, which no kind of token is any more."""
    draw, names = random.Random(f"{fault}, {seed}"), list(KINDS)
    inject, seen = INJECTED[fault], dict[str, None]()
    while len(seen) < many:
        kind = KINDS[draw.choice(names)]
        text = inject(kind, _drawn(kind, draw), draw)
        if text and not is_token(text):
            seen[text] = None
    return tuple(seen)


def is_token(text: str) -> bool:
    """Whether the grammar can make `text`, by any kind."""
    return any(_fits(kind, text) for kind in KINDS.values())


def _fits(kind: tuple[Part, ...], text: str) -> bool:
    matched = _pattern(kind).fullmatch(text)
    numbers = [part for part in kind if isinstance(part, Number)]
    return matched is not None and all(
        part.low <= int(found) <= part.high for part, found in zip(numbers, matched.groups(), strict=True)
    )


@cache
def _pattern(kind: tuple[Part, ...]) -> re.Pattern[str]:
    """A group for each number: whether that lies within its limits, the pattern does not say."""

    def of(part: Part) -> str:
        if isinstance(part, Mark):
            return re.escape(part.text)
        if isinstance(part, Word):
            return f"(?:{'|'.join(map(re.escape, part.choices))})"
        if isinstance(part, Hex):
            return f"[0-9a-f]{{{part.digits}}}"
        return rf"([0-9]{{{part.width}}})" if part.width else r"(0|[1-9][0-9]*)"

    return re.compile("".join(map(of, kind)))


def _drawn(kind: tuple[Part, ...], draw: random.Random) -> list[str]:
    """The text of each part."""

    def of(part: Part) -> str:
        if isinstance(part, Mark):
            return part.text
        if isinstance(part, Word):
            return draw.choice(part.choices)
        if isinstance(part, Hex):
            return "".join(draw.choice("0123456789abcdef") for _ in range(part.digits))
        if part.width:
            return f"{draw.randint(part.low, part.high):0{part.width}}"
        spread = math.exp(draw.random() * math.log(part.high - part.low + 2))  # 1 to the span and one
        return str(part.low + min(int(spread) - 1, part.high - part.low))

    return [of(part) for part in kind]


Injection = Callable[[tuple[Part, ...], list[str], random.Random], str]


def _wrong_class(kind: tuple[Part, ...], texts: list[str], draw: random.Random) -> str:
    """One character of a part that is no mark: a letter (beyond f) for a digit, or a digit for a letter."""
    part = draw.choice([n for n, part in enumerate(kind) if not isinstance(part, Mark)])
    place = draw.randrange(len(texts[part]))
    other = "ghiklmnopqrstuvwy" if texts[part][place].isdigit() else "0123456789"
    texts[part] = texts[part][:place] + draw.choice(other) + texts[part][place + 1 :]
    return "".join(texts)


def _truncated(kind: tuple[Part, ...], texts: list[str], draw: random.Random) -> str:
    """The end is missing, from one character up to half."""
    text = "".join(texts)
    return text[: -draw.randint(1, len(text) // 2)]


def _swapped(kind: tuple[Part, ...], texts: list[str], draw: random.Random) -> str:
    """Two parts that are no marks have changed places; nothing where there are no two."""
    fields = [n for n, part in enumerate(kind) if not isinstance(part, Mark)]
    if len(fields) < 2:
        return ""
    one, other = draw.sample(fields, 2)
    texts[one], texts[other] = texts[other], texts[one]
    return "".join(texts)


def _doubled(kind: tuple[Part, ...], texts: list[str], draw: random.Random) -> str:
    """A part stands there twice."""
    part = draw.randrange(len(texts))
    texts[part] *= 2
    return "".join(texts)


def _separator(kind: tuple[Part, ...], texts: list[str], draw: random.Random) -> str:
    """One separator is another one."""
    text = "".join(texts)
    places = [place for place, symbol in enumerate(text) if symbol in SEPARATORS]
    place = draw.choice(places) if places else -1
    other = draw.choice([symbol for symbol in SEPARATORS if symbol != text[place]])
    return text[:place] + other + text[place + 1 :] if places else ""


def _out_of_range(kind: tuple[Part, ...], texts: list[str], draw: random.Random) -> str:
    """A number lies above its limit, with as many digits as the limit has where it can; nothing without a number."""
    numbers = [(n, part) for n, part in enumerate(kind) if isinstance(part, Number)]
    if not numbers:
        return ""
    place, part = draw.choice(numbers)
    digits = len(str(part.high))
    most = 10**digits - 1
    if most == part.high:
        most = 10 ** (digits + 1) - 1
    texts[place] = str(draw.randint(part.high + 1, most))
    return "".join(texts)


INJECTED: dict[str, Injection] = dict(
    zip(FAULTS, (_wrong_class, _truncated, _swapped, _doubled, _separator, _out_of_range), strict=True)
)
