"""The names that come with the package are the ones that scripts/make_names.py made."""

from __future__ import annotations

import lzma
import string
from collections import Counter
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from wavetree.data import ItemList, embedded_names, embedded_names_by_decade, make_list, split_items
from wavetree.errors import DamagedError

DIGEST = "facec480c37137d71c4cad183a22a06cb3e2bd202c630993264a78896d282cea"
DIGEST_BY_DECADE = "a43c381e77c49a57edfbf9981bc2498965a83bb8466ffc0aec091e461fa9d58e"


def test_the_embedded_names() -> None:
    names = embedded_names()
    assert len(names.items) == len(names.distinct) == 29_910
    assert names.items[:3] == ("emma", "liam", "olivia")
    assert set("".join(names.items)) == set(string.ascii_lowercase)
    assert names.digest == DIGEST
    assert make_list(names.items, names.source) == names


def test_their_sides() -> None:
    split = split_items(embedded_names(), "hash")
    assert (len(split.train), len(split.validation), len(split.test)) == (23_883, 2_984, 3_043)


def test_the_names_by_decade() -> None:
    names = embedded_names_by_decade()
    assert names.fields == ("sex", "decade")
    assert Counter(names.labels) == {(sex, str(decade)): 1_000 for sex in "FM" for decade in range(1880, 2020, 10)}
    assert len(names.distinct) == 28_000
    assert len(set(names.items)) == 5_104
    assert set("".join(names.items)) == set(string.ascii_lowercase)
    assert names.digest == DIGEST_BY_DECADE
    assert make_list([(item, *labels) for item, labels in names.rows], names.source, names.fields) == names


@pytest.mark.parametrize(
    ("name", "sex", "decades"),
    [
        ("mary", "F", range(1880, 2020, 10)),
        ("john", "M", range(1880, 2020, 10)),
        ("minnie", "F", range(1880, 1970, 10)),
        ("mildred", "F", range(1880, 1980, 10)),
        ("jennifer", "F", range(1940, 2020, 10)),
        ("nevaeh", "F", range(2000, 2020, 10)),
        ("jayden", "M", range(1990, 2020, 10)),
    ],
)
def test_what_is_known_of_some_names(name: str, sex: str, decades: range) -> None:
    rows = embedded_names_by_decade().rows
    assert [decade for item, (s, decade) in rows if (item, s) == (name, sex)] == [str(decade) for decade in decades]


def test_the_sides_by_decade() -> None:
    split = split_items(embedded_names_by_decade(), "hash")
    assert (len(split.train), len(split.validation), len(split.test)) == (22_631, 2_682, 2_687)


@pytest.mark.parametrize(
    ("read", "name"),
    [(embedded_names, "names-us-2017.txt.xz"), (embedded_names_by_decade, "names-us-decades.txt.xz")],
)
@pytest.mark.parametrize("content", [None, b"no xz", lzma.compress("zoë".encode()), lzma.compress(b"emma " * 99)[:-8]])
def test_a_damaged_package_says_so(
    read: Callable[[], ItemList], name: str, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    with pytest.raises(DamagedError, match=f"{name}.*Install the package again"):
        read()
