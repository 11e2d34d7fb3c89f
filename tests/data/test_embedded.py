"""The names that come with the package are the ones that scripts/make_names.py made."""

from __future__ import annotations

import lzma
import string
from importlib import resources
from pathlib import Path

import pytest

from wavetree.data import embedded_names, make_list, split_items
from wavetree.errors import DamagedError

DIGEST = "facec480c37137d71c4cad183a22a06cb3e2bd202c630993264a78896d282cea"


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


@pytest.mark.parametrize("content", [None, b"no xz", lzma.compress("zoë".encode()), lzma.compress(b"emma " * 99)[:-8]])
def test_a_damaged_package_says_so(content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if content is not None:
        (tmp_path / "names-us-2017.txt.xz").write_bytes(content)
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    with pytest.raises(DamagedError, match="Install the package again"):
        embedded_names()
