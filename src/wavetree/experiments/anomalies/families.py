"""Eight published families of domain-generation algorithms, written from their published descriptions.

Malware meets its masters at names that both sides compute. Here are labels alone: the suffix that a family adds would
give it away. Which families there are was settled before anything was measured. By kind:

    letters at random   Ramnit, Necurs, CryptoLocker, Murofet
    pronounceable       Kraken, Simda
    words               Banjori (a tail of words, whose head changes), Suppobox (two words of a short list)

Sources: J. Bader's analyses (johannesbader.ch; Ramnit, Necurs, Murofet, Banjori, Simda); Fortinet, "A closer look at
CryptoLocker's DGA" (2014); Endgame, "Malware with a personal touch" (2013), for Suppobox; PC Tools (2008) and Yadav et
al., "Detecting algorithmically generated malicious domain names" (2010), for Kraken's words. What differs from them is
said in each docstring.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import count, islice

WORD32, WORD64 = (1 << 32) - 1, (1 << 64) - 1
FIRST_DAY = date(2014, 1, 6)
CONSONANTS, VOWELS = "bcdfghjklmnprstvwz", "aeiou"

RAMNIT_SEEDS = (0xEF214BBF, 0x28488EEA, 0x4BFCBC6A, 0x79159C10, 0x92F4BE35)
NECURS_MAGIC = 9
SIMDA_BASE, SIMDA_KEY = 0x45AE94B2, "1676d5775e05c50b46baa5579d4fc7"
SIMDA_CONSONANTS, SIMDA_VOWELS = "qwrtpsdfghjklzxcvbnm", "eyuioa"
KRAKEN_SUFFIXES = ("able", "dom", "hood", "ment", "ness", "ship", "ly", "ency", "ance", "ery", "ise", "al")
BANJORI_SEEDS = 40
SUPPOBOX_FIRST, SUPPOBOX_SECOND = 128, 256
SUPPOBOX_PLACES = (3, 9, 13, 6, 2, 4, 11, 7, 14, 1, 10, 5, 8, 12, 0)


def letter(number: int) -> str:
    """Letter `number` of the alphabet, from 0."""
    return chr(ord("a") + number)


def ramnit(words: Sequence[str]) -> Iterator[str]:
    """8 to 19 letters of a to y, by Park and Miller's generator; the next name's seed is a product of two states.

    The five seeds take turns, each those of a published sample.
    """

    def names(state: int) -> Iterator[str]:
        def below(bound: int) -> int:
            nonlocal state
            high, low = divmod(state, 127773)
            state = (16807 * low - 2836 * high) & WORD32
            return state % bound

        while True:
            before = state
            length = 8 + below(12)
            product = before * state
            yield "".join(letter(below(25)) for _ in range(length))
            state = (product + (product >> 32)) & WORD32

    streams = [names(seed) for seed in RAMNIT_SEEDS]
    while True:
        yield from map(next, streams)


def necurs(words: Sequence[str]) -> Iterator[str]:
    """7 to 21 letters of a to y: year, month, four days, a number (2,048 of them) and a magic 9, mixed in 64 bits."""

    def mixed(value: int) -> int:
        for turn in range((value & 0x7F) + 21):
            value = (value + ((7 * value) ^ (value << 15)) + 8 * turn - (value >> 5)) & WORD64
        return value

    for period in count():
        day = FIRST_DAY + timedelta(days=4 * period)
        start = mixed(mixed(mixed(day.year) + day.month + 43690) + (day.day >> 2))
        for number in range(2048):
            state = mixed(mixed(start + number) + NECURS_MAGIC)
            label = ""
            for place in range(state % 15 + 7):
                state = mixed(state + place)
                label += letter(state % 25)
                state = mixed(state + 0xABBEDF)
            yield label


def cryptolocker(words: Sequence[str]) -> Iterator[str]:
    """12 to 15 letters of a to y, 1,000 a day: three Tausworthe generators, of the day, the month, and year and key."""
    for number in count():
        days, key = divmod(number, 1000)
        when = FIRST_DAY + timedelta(days=days)
        day, month, year = (65537 * part for part in (when.day, when.month, when.year + key))
        label = ""
        for _ in range(12 + ((day >> 3 ^ year >> 8 ^ year >> 11) & 3)):
            day = ((day & 0xFFFFFFFE) << 12 & WORD32) ^ (((day << 13 & WORD32) ^ day) >> 19)
            month = ((month & 0xFFFFFFF8) << 4 & WORD32) ^ (((month << 2 & WORD32) ^ month) >> 25)
            year = ((year & 0xFFFFFFF0) << 17 & WORD32) ^ (((year << 3 & WORD32) ^ year) >> 11)
            label += letter((day ^ month ^ year) % 25)
        yield label


def murofet(words: Sequence[str]) -> Iterator[str]:
    """The MD5 of a date (to the week) and a number, 1,000 a week; each byte gives up to two letters.

    Simplified: the seven bytes that are hashed are year, month, day and number in plain order.
    """
    for number in count():
        weeks, index = divmod(number, 1000)
        when = FIRST_DAY + timedelta(days=7 * weeks)
        seed = bytes([(when.year + 0x30) & 0xFF, when.month, when.day // 7 * 7]) + index.to_bytes(4, "little")
        label = ""
        for byte in hashlib.md5(seed, usedforsecurity=False).digest():
            low, high = byte & 0x1F, byte >> 3
            if low != high:
                label += "".join(letter(part) for part in (low, high) if part < 26)
        yield label


def kraken(words: Sequence[str]) -> Iterator[str]:
    """A word of consonants and vowels in turn and an English suffix, 7 to 12 letters, by the C library's generator.

    Simplified: descriptions tell of 33 suffixes, and name the kinds and a few; here are a dozen.
    """
    state = 1

    def below(bound: int) -> int:
        nonlocal state
        state = (1103515245 * state + 12345) & WORD32
        return (state >> 16) % bound

    while True:
        suffix = KRAKEN_SUFFIXES[below(len(KRAKEN_SUFFIXES))]
        length = 7 + below(6) - len(suffix)
        begins = below(2)
        yield (
            "".join(
                (CONSONANTS, VOWELS)[kind][below(len((CONSONANTS, VOWELS)[kind]))]
                for kind in ((begins + place) % 2 for place in range(length))
            )
            + suffix
        )


def simda(words: Sequence[str]) -> Iterator[str]:
    """7 letters, consonants and vowels in turn: a number grows by the sum of a key and is divided by 3, 5, 7 ..."""
    number, step = SIMDA_BASE, sum(map(ord, SIMDA_KEY))
    while True:
        number += step
        yield "".join(
            SIMDA_VOWELS[number // (3 + 2 * place) % 6]
            if place % 2
            else SIMDA_CONSONANTS[number // (3 + 2 * place) % 20]
            for place in range(7)
        )


def banjori(words: Sequence[str]) -> Iterator[str]:
    """A seed name whose first four letters change from name to name.

    Ours are 40 seeds that take turns, made as the published one, earnestness-biophysical-ohax, is: two words of
    `words` and four letters.
    """
    draw = random.Random(1)
    long = [word for word in words if 8 <= len(word) <= 11]
    heads = ["".join(draw.choice(long) for _ in range(2)) + _letters(draw, 4) for _ in range(BANJORI_SEEDS)]
    while True:
        for number, name in enumerate(heads):
            heads[number] = after(name)
            yield heads[number]


def after(name: str) -> str:
    """The name that follows `name` in Banjori's row."""
    a, b, c, d = map(ord, name[:4])
    a = _small(a + d)
    b = _small(a + 2 * b)
    c = _small(a + c - 1)
    d = _small(b + c + d)
    return "".join(map(chr, (a, b, c, d))) + name[4:]


def _small(code: int) -> int:
    """The code of a small letter."""
    return ord("a") + (code - ord("a")) % 26


def suppobox(words: Sequence[str]) -> Iterator[str]:
    """Two words, one of 128 and one of 256: which ones, the 15 shuffled bits of a counter of the time (512 s) say.

    The malware's lists are not copied: ours are 384 words of 4 to 8 letters, drawn from `words`.
    """
    known = random.Random(2).sample([word for word in words if 4 <= len(word) <= 8], SUPPOBOX_FIRST + SUPPOBOX_SECOND)
    for counter in count(1_389_000_000 >> 9):
        bits = [0] * 15
        for number, place in enumerate(SUPPOBOX_PLACES):
            bits[place] = counter >> number & 1
        index = int("".join(map(str, bits)), 2)  # 7 bits for the first word, 8 for the second
        yield known[index >> 8] + known[SUPPOBOX_FIRST + (index & 0xFF)]


FAMILIES: dict[str, Callable[[Sequence[str]], Iterator[str]]] = {
    "ramnit": ramnit,
    "necurs": necurs,
    "cryptolocker": cryptolocker,
    "murofet": murofet,
    "kraken": kraken,
    "simda": simda,
    "banjori": banjori,
    "suppobox": suppobox,
}
"""Settled before any was measured; none may be taken out for what it shows."""


def generated(family: str, many: int, words: Sequence[str]) -> tuple[str, ...]:
    """The first `many` different names of a family. `words`: a lower-case dictionary, for those that need one."""
    seen: dict[str, None] = {}
    for label in islice(FAMILIES[family](words), 50 * many):
        seen[label] = None
        if len(seen) == many:
            return tuple(seen)
    raise ValueError(f"{family} gave {len(seen)} different names, and {many} were asked for")


def _letters(draw: random.Random, many: int) -> str:
    return "".join(letter(draw.randrange(26)) for _ in range(many))
