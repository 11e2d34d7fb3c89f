"""The lists that come with the package. `scripts/make_names.py` makes their files."""

from __future__ import annotations

import lzma
from importlib import resources

from wavetree.data.lists import ItemList
from wavetree.errors import DamagedError

_NAMES = "names-us-2017.txt.xz"
_BY_DECADE = "names-us-decades.txt.xz"


def embedded_names() -> ItemList:
    """The 29,910 given names of the United States in 2017, lower case, most given first.

    Raises DamagedError if the package's file is missing or altered.
    """
    return ItemList(tuple(_text(_NAMES).split()), "the embedded names (United States, 2017)")


def embedded_names_by_decade() -> ItemList:
    """The 1,000 names most given to each sex in each decade in the United States, with the fields sex and decade.

    sex is F or M, decade 1880, 1890 ... 2010: 28,000 items, 5,104 different names, lower case, in alphabetical order
    within each sex and decade. Raises DamagedError if the package's file is missing or altered.
    """
    rows = []
    for line in _text(_BY_DECADE).splitlines():
        sex, decade, *names = line.split()
        rows += [(name, (sex, decade)) for name in names]
    items, labels = zip(*rows, strict=True)
    return ItemList(items, "the embedded names by decade (United States, 1880 to 2017)", ("sex", "decade"), labels)


def _text(name: str) -> str:
    """A file of the package, unpacked."""
    try:
        packed = resources.files(__package__).joinpath(name).read_bytes()
        return lzma.decompress(packed).decode("ascii")
    except (OSError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise DamagedError(
            f"The names that come with wavetree ({name}) cannot be read: {error}. Install the package again."
        ) from error
