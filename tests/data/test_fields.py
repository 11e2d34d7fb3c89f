"""Fields: labels come back from their ids, conditions are read as they are meant, and everything else is a sentence."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.data import NOT_TOLD, Fields, ItemList
from wavetree.errors import DamagedError, SettingError

NAMES = ItemList(
    ("mary", "john", "emma", "mary"),
    "by hand",
    ("sex", "decade"),
    (("F", "1920"), ("M", "1880"), ("F", "1880"), ("F", "2010")),
)
FIELDS = Fields((("sex", ("F", "M")), ("decade", ("1880", "1920", "2010"))))

classes = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\t,="), min_size=1).filter(str.strip)
labels = st.lists(st.tuples(classes, classes, classes), min_size=1, max_size=9)


def test_the_fields_of_a_list() -> None:
    assert Fields.of(NAMES) == FIELDS
    assert (len(FIELDS), FIELDS.sizes) == (2, (3, 4))
    ids = FIELDS.encode(NAMES.labels)
    assert ids.dtype == np.int64
    assert ids.tolist() == [[1, 2], [2, 1], [1, 1], [1, 3]]


def test_without_fields() -> None:
    none = Fields.of(ItemList(("a",), "plain"))
    assert none == Fields()
    assert not none
    assert none.sizes == ()
    assert none.encode(()).shape == (0, 0)
    assert none.parse("").shape == (0,)
    with pytest.raises(SettingError, match=r"no field 'sex' for a condition\. There are no fields: conditions come"):
        none.parse("sex=F")


@given(labels)
def test_ids_name_the_classes(drawn: list[tuple[str, ...]]) -> None:
    fields = Fields.of(ItemList(("x",) * len(drawn), "drawn", ("a", "b", "c"), tuple(drawn)))
    ids = fields.encode(drawn)
    assert NOT_TOLD not in ids
    assert (ids < fields.sizes).all()
    assert [tuple(fields.tables[f][1][i - 1] for f, i in enumerate(row)) for row in ids] == drawn
    for row, told in zip(ids, drawn, strict=True):
        text = ",".join(f"{name}={label}" for name, label in zip("abc", told, strict=True))
        assert fields.parse(text).tolist() == row.tolist()
    assert Fields.from_json(json.loads(json.dumps(fields.to_json()))) == fields


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("sex=F,decade=1920", [1, 2]),
        ("decade=2010,sex=M", [2, 3]),
        (" sex = M , decade = 1880 ", [2, 1]),
        ("decade=1920", [NOT_TOLD, 2]),
        ("", [NOT_TOLD, NOT_TOLD]),
        (" ", [NOT_TOLD, NOT_TOLD]),
    ],
)
def test_conditions(text: str, ids: list[int]) -> None:
    found = FIELDS.parse(text)
    assert found.dtype == np.int64
    assert found.tolist() == ids


def test_a_class_may_hold_commas_and_spaces() -> None:
    fields = Fields((("speaker", (" x ", "Austen, Jane", "a=b")), ("sex", ("F",))))
    assert fields.parse("speaker=Austen, Jane,sex=F").tolist() == [2, 1]
    assert fields.parse("speaker=a=b").tolist() == [3, NOT_TOLD]
    assert fields.parse("sex=F,speaker= x ").tolist() == [1, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sx=F", "there is no field 'sx' for a condition. Did you mean sex? The fields are sex: F, M; decade: 1880, "),
        ("era=1", "there is no field 'era' for a condition. The fields are sex: F, M; decade: 1880, 1920, 2010."),
        ("sex=f", "the field sex has no class 'f'. Did you mean F? It has F, M."),
        ("decade=1921", "the field decade has no class '1921'. Did you mean 1920? It has 1880, 1920, 2010."),
        ("sex=", "the field sex has no class ''. It has F, M."),
        ("F", "the condition 'F' names no field: write it as FIELD=CLASS. The fields are sex: F, M; "),
        ("sex=F,sex=M", "the condition 'sex=F,sex=M' has sex twice: give each field one class."),
    ],
)
def test_a_condition_that_is_not_understood(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=f"^{re.escape(message)}"):
        FIELDS.parse(text)


def test_a_label_that_is_not_known() -> None:
    with pytest.raises(SettingError, match=r"the field decade has no class '1930'\. Did you mean"):
        FIELDS.encode([("F", "1920"), ("M", "1930")])


def test_many_classes_are_not_all_listed() -> None:
    fields = Fields((("speaker", tuple(f"{i:04}" for i in range(1000))),))
    assert fields.describe().endswith("0038, 0039 and 960 more.")
    with pytest.raises(SettingError, match=r"Did you mean 0999\? It has 0000, .* and 960 more\.$"):
        fields.parse("speaker=0999x")


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": None},
        {"fields": "sex"},
        {"fields": [["sex", ["F"]]]},
        {"fields": [{"name": "sex"}]},
        {"fields": [{"name": "sex", "classes": []}]},
        {"fields": [{"name": "sex", "classes": "FM"}]},
        {"fields": [{"name": "sex", "classes": ["M", "F"]}]},
        {"fields": [{"name": "sex", "classes": ["F", "F"]}]},
        {"fields": [{"name": "sex", "classes": [1, 2]}]},
        {"fields": [{"name": "sex", "classes": ["F", 2]}]},
        {"fields": [{"name": "a=b", "classes": ["F"]}]},
        {"fields": [{"name": "a", "classes": ["F"]}, {"name": "a", "classes": ["F"]}]},
        {"fields": [{"name": 7, "classes": ["F"]}]},
        {"not_told": 1},
        {"more": 1},
    ],
)
def test_what_does_not_describe_fields_is_damage(changes: dict[str, object]) -> None:
    with pytest.raises(DamagedError, match="does not describe fields"):
        Fields.from_json({**FIELDS.to_json(), **changes})
