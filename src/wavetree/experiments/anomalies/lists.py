"""The made lists: good items to learn and to hold out, and bad ones, which nothing ever learns from."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from wavetree.data import ItemList, Split, embedded_names, make_list, split_items
from wavetree.errors import ListError
from wavetree.experiments.anomalies.families import FAMILIES, generated
from wavetree.experiments.anomalies.hosts import hosts
from wavetree.experiments.anomalies.logs import FAULTS, faulty, tokens

DICTIONARY = Path("/usr/share/dict/words")
GOOD, BAD = 20_000, 2_000


@dataclass(frozen=True)
class MadeList:
    """Good items, and bad ones by family. No bad item is a good one, and each consists of symbols that are learnt."""

    name: str
    good: ItemList
    bad: dict[str, tuple[str, ...]]

    @cached_property
    def split(self) -> Split:
        """The leak-free sides of the good items."""
        return split_items(self.good, "hash")

    @cached_property
    def random(self) -> tuple[str, ...]:
        """As many random texts as there are good validation items, each as long as one: the bad ones to choose by."""
        draw, symbols = random.Random(31), sorted(set("".join(self.split.train)))
        return tuple("".join(draw.choice(symbols) for _ in item) for item in self.split.validation)

    @property
    def digest(self) -> str:
        """SHA-256 of everything in it."""
        whole = [self.good.digest, *("\n".join([family, *items]) for family, items in self.bad.items())]
        return hashlib.sha256("\n\n".join(whole).encode()).hexdigest()


def dictionary(path: Path = DICTIONARY) -> tuple[str, ...]:
    """The words of a dictionary that are nothing but small letters, 3 to 14 of them. Raises ListError without one."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except OSError:
        raise ListError(
            f"there is no dictionary at {path}, which the hosts and the words are made from. On Debian and Ubuntu, "
            "`apt-get install wamerican` installs one."
        ) from None
    words = tuple(sorted({line for line in lines if re.fullmatch("[a-z]{3,14}", line)}))
    if len(words) < 1000:
        raise ListError(f"{path} has {len(words):,} words of small letters, and at least 1,000 are needed. Replace it.")
    return words


def made_lists(words: Sequence[str], good: int = GOOD, bad: int = BAD) -> list[MadeList]:
    """The three lists: `good` items each (of names, as many as there are at most) and `bad` ones of each family."""
    return [_hosts(words, good, bad), _logs(good, bad), _names(words, good if good < GOOD else None, bad)]


def _hosts(words: Sequence[str], good: int, bad: int) -> MadeList:
    labels = hosts(good, words)
    return _made("hosts", labels, {family: generated(family, 2 * bad, words) for family in FAMILIES}, bad)


def _logs(good: int, bad: int) -> MadeList:
    return _made("log tokens", tokens(good), {fault: faulty(fault, bad) for fault in FAULTS}, bad)


def _names(words: Sequence[str], good: int | None, bad: int) -> MadeList:
    """Shuffled: the letters of held-out names in another order. Words: a dictionary's, of 3 to 12 letters."""
    every = embedded_names().items
    known, items = set(every), every[:good]
    draw = random.Random(41)
    held_out = split_items(make_list(items), "hash").test
    shuffled = ["".join(draw.sample(name, len(name))) for name in held_out]
    usable = [word for word in words if len(word) <= 12]
    drawn = draw.sample(usable, min(2 * bad, len(usable)))
    chosen = {"shuffled": tuple(shuffled), "words": tuple(drawn)}
    return _made(
        "names", items, {family: tuple(x for x in some if x not in known) for family, some in chosen.items()}, bad
    )


def _made(name: str, good: Sequence[str], bad: dict[str, tuple[str, ...]], most: int) -> MadeList:
    """At most `most` bad items of each family, those that are good ones left out."""
    known = set(good)
    kept = {family: [item for item in dict.fromkeys(items) if item not in known] for family, items in bad.items()}
    made = MadeList(name, make_list(good, name), {family: tuple(items[:most]) for family, items in kept.items()})
    learnt = set("".join(made.split.train))
    for family, items in made.bad.items():
        strange = set("".join(items)) - learnt
        if strange:
            raise ListError(f"{name}, {family}: {sorted(strange)} are in no item that is learnt. Make more good items.")
    return made
