"""Ordinary host names, as labels without their suffix, made by a grammar from a dictionary.

    label   = word                              garden                 20%
            | word word                         gardenpath             15%
            | word "-" word                     garden-path            10%
            | word habit | habit word           gardenshop, mygarden   20%
            | brand | brand ending              vendora, zolify        20%
            | word number | brand number        garden24, vendo365     10%
            | initials "-" word | initials word bb-garden, dkgarden     5%
    word    = a lower-case word of 3 to 9 letters
    brand   = two or three syllables: consonant(s), vowel, sometimes n, r, l or x

It is a caricature of the registries, not a sample of them: what is measured on it is how models compare, not how a
filter will do in the field.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence


def _all(text: str) -> list[str]:
    return text.split()


BEFORE = _all("my the get go e i best top pro all your new one re")
AFTER = _all(
    "shop store online hub lab labs tech app world group media blog web net zone city club art home care plus direct "
    "express studio design travel games music news cloud data soft works"
)
ENDINGS = _all("ly ify io ia ex oo eo ster ora ix ado ella um on")
ONSETS = _all("b c d f g h j k l m n p r s t v w z br ch cl cr dr fl fr gl gr pl pr sh sl st tr th")
NUCLEI = _all("a e i o u a e i o ai ea ee io oo ou")
CODAS = ["", "", "", "", "n", "r", "l", "x", "m", "s"]
NUMBERS = _all("1 2 3 4 7 8 21 24 24 24 360 365 365 247 101 123 2000 99 88 777 66 5 10 100 4u 2go")


def hosts(many: int, words: Sequence[str], seed: int = 11) -> tuple[str, ...]:
    """`many` different labels. `words`: a dictionary, lower case."""
    draw = random.Random(seed)
    usable = [word for word in words if 3 <= len(word) <= 9]
    kinds: list[Callable[[], str]] = [
        *[lambda: draw.choice(usable)] * 20,
        *[lambda: draw.choice(usable) + draw.choice(usable)] * 15,
        *[lambda: f"{draw.choice(usable)}-{draw.choice(usable)}"] * 10,
        *[lambda: draw.choice(usable) + _joined(draw) + draw.choice(AFTER)] * 14,
        *[lambda: draw.choice(BEFORE) + _joined(draw) + draw.choice(usable)] * 6,
        *[lambda: _brand(draw)] * 10,
        *[lambda: _brand(draw).rstrip("aeiou") + draw.choice(ENDINGS)] * 10,
        *[lambda: draw.choice(usable) + draw.choice(NUMBERS)] * 7,
        *[lambda: _brand(draw) + draw.choice(NUMBERS)] * 3,
        *[lambda: _initials(draw) + draw.choice(["-", ""]) + draw.choice(usable)] * 5,
    ]
    seen: dict[str, None] = {}
    while len(seen) < many:
        label = draw.choice(kinds)()
        if 3 <= len(label) <= 24:
            seen[label] = None
    return tuple(seen)


def _joined(draw: random.Random) -> str:
    return "-" if draw.random() < 0.2 else ""


def _brand(draw: random.Random) -> str:
    return "".join(
        draw.choice(ONSETS) + draw.choice(NUCLEI) + draw.choice(CODAS) for _ in range(2 + (draw.random() < 0.4))
    )


def _initials(draw: random.Random) -> str:
    return "".join(draw.choice("abcdefghiklmnoprstvw") for _ in range(draw.choice([2, 3])))
