"""The report counts what is there, checked against lists small enough to count by hand."""

from __future__ import annotations

import json

from wavetree.data import ItemList, Lengths, Sides, describe_list, make_list, side_of, split_items

COUNTED = ItemList(("ab", "abc", "ab", " a", "bcdef", "ab", "abc", "日本語のな "), "by hand")


def test_counts() -> None:
    report = describe_list(COUNTED)
    assert (report.source, report.digest) == ("by hand", COUNTED.digest)
    assert (report.items, report.distinct, report.duplicates) == (8, 5, 3)
    assert report.repeated == (("ab", 3), ("abc", 2))
    assert report.fields == ()
    assert report.edge_spaces == 2
    assert report.alphabet == " abcdefなの日本語"
    assert report.commonest[:2] == (("a", 3), ("b", 3))
    assert len(report.rarest) == 5
    assert set(report.rarest) <= {(symbol, 1) for symbol in "defのな日本語"}
    assert report.lengths == Lengths(shortest=2, median=3, mean=18 / 5, longest=6)
    assert report.fits == ((2, 2 / 5), (4, 3 / 5), (8, 1.0))


def test_classes_are_counted_over_the_distinct_rows() -> None:
    given = [("ab", "F", 1920), ("ab", "F", 1920), ("ab", "M", 1920), ("cd", "F", 1880), (" x", "F", 1880)]
    given += [(str(number), "M", 1880) for number in range(400)]
    items = make_list(given, fields=("sex", "decade"))
    report = describe_list(items)
    assert report.fields == (("sex", (("F", 3), ("M", 401))), ("decade", (("1880", 402), ("1920", 2))))
    assert (report.items, report.distinct, report.duplicates) == (405, 404, 1)
    assert report.repeated == (("ab F 1920", 2),)
    by_hash, by_lecture = split_items(items, "hash"), split_items(items, "lecture")
    assert report.hash_split == Sides(len(by_hash.train), len(by_hash.validation), len(by_hash.test), 0, 0)
    assert report.lecture_split.validation == len(by_lecture.validation)
    assert json.loads(json.dumps(report.to_json()))["fields"][0] == ["sex", [["F", 3], ["M", 401]]]


def test_sides() -> None:
    items = make_list([*map(str, range(400)), *map(str, range(100))])
    report = describe_list(items)
    by_hash, by_lecture = split_items(items, "hash"), split_items(items, "lecture")
    assert report.hash_split == Sides(len(by_hash.train), len(by_hash.validation), len(by_hash.test), 0, 0)
    assert report.hash_split.leaked_share == 0
    assert report.lecture_split == Sides(400, 50, 50, by_lecture.leaked_validation, by_lecture.leaked_test)
    assert report.lecture_split.leaked_share == by_lecture.leaked_validation / 50 > 0


def test_an_empty_side_is_reported_not_refused() -> None:
    items = make_list(name for name in map(str, range(400)) if side_of(name) != "validation")
    report = describe_list(items)
    assert report.hash_split.validation == 0
    assert report.hash_split.leaked_share == 0


def test_json_holds_all_of_it() -> None:
    report = describe_list(COUNTED)
    document = json.loads(json.dumps(report.to_json()))
    assert set(document) == set(vars(report))
    assert document["lengths"] == {"shortest": 2, "median": 3, "mean": 3.6, "longest": 6}
    assert document["fits"] == [[2, 0.4], [4, 0.6], [8, 1.0]]
    assert document["lecture_split"]["leaked_share"] == report.lecture_split.leaked_share
