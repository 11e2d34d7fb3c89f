"""Limits on what is drawn, and how near it is to what was learnt."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.errors import SettingError, WavetreeError
from wavetree.generate import Drawn, limits
from wavetree.generate.limits import Limits, fitting
from wavetree.generate.memory import Memory, Nearest

words = st.text("abc", max_size=7)


def distance(one: str, other: str) -> int:
    """By the textbook."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
    return row[-1]


@given(words, st.lists(words, min_size=1, max_size=12))
def test_the_nearest_is_nearest(item: str, others: list[str]) -> None:
    found, near = Nearest(others).to(item)
    assert near in others
    assert found == distance(item, near) == min(distance(item, other) for other in others)


def test_any_symbols() -> None:
    assert Nearest(["日本", "👩‍🚀", "zoë"]).to("zoe") == (1, "zoë")
    assert Nearest(["x" * 300]).to("x" * 298) == (2, "x" * 300)
    with pytest.raises(ValueError, match="no items"):
        Nearest([]).to("a")


def test_memory_counts() -> None:
    found = Memory.of(["anna", "anna", "anne", "bob", "zz"], Nearest(["anna", "bo", "x"]))
    assert found.distances == {0: 2, 1: 2, 2: 1}
    assert (found.items, found.copies) == (5, 2)
    assert found.mean_of_others == pytest.approx(4 / 3)
    assert [pair[2] for pair in found.pairs] == [1, 1, 2]
    assert Memory.of([], Nearest(["a"])).mean_of_others == 0


def drawn(*items: str) -> Iterator[Drawn]:
    while True:
        for item in items:
            yield Drawn(item.rstrip("~"), "new", not item.endswith("~"))


def test_limits() -> None:
    found = list(islice(fitting(drawn("anna", "bo", "maria", "mar~"), Limits(3)), 3))
    assert [one.item for one in found] == ["anna", "maria", "anna"]
    found = list(islice(fitting(drawn("anna", "bo", "maria", "ma~"), Limits(pattern="ma.*")), 2))
    assert [one.item for one in found] == ["maria", "maria"]
    assert not Limits()
    assert Limits(1)


def test_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MISSES", 50)
    with pytest.raises(WavetreeError, match="none of 50 draws in a row has 9 symbols or more and is as 'x' has it"):
        next(fitting(drawn("anna", "bo"), Limits(9, "x")))


@pytest.mark.parametrize(
    ("settings", "sentence"), [((-1, ""), "min-length cannot be -1"), ((0, "("), "pattern cannot")]
)
def test_limits_without_sense(settings: tuple[int, str], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        Limits(*settings)
