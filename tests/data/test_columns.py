"""Lists with fields: every row comes back exactly, and what cannot be used is refused with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.data import MAX_CLASSES, MIN_ITEMS, ItemList, make_list, read_list
from wavetree.errors import ListError, SettingError

FIELDS = ("sex", "decade")
FILLERS = tuple((f"filler {number}", ("F", "1920")) for number in range(MIN_ITEMS))

Reader = Callable[[Path], ItemList]
Rows = list[tuple[str, tuple[str, str]]]

columns = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\t"), min_size=1).filter(
    lambda text: not text.isspace() and not text.endswith("\r")
)
rows = st.lists(st.tuples(columns, st.tuples(columns, columns)), max_size=8)


def read_by_decade(path: Path) -> ItemList:
    return read_list(path, FIELDS)


def write(folder: Path, lines: list[str], end: str = "\n") -> Path:
    path = folder / "list.txt"
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def as_lines(drawn: Rows) -> list[str]:
    return ["\t".join((item, *labels)) for item, labels in (*FILLERS, *drawn)]


def reads_what_was_written(read: Reader, folder: Path) -> None:
    """Property: any items with any classes come back exactly, from a file with either line end."""

    @given(rows, st.sampled_from(["\n", "\r\n"]))
    def check(drawn: Rows, end: str) -> None:
        made = read(write(folder, as_lines(drawn), end))
        assert made.rows == (*FILLERS, *drawn)
        assert made.items == tuple(item for item, _ in made.rows)

    check()


def test_rows_come_back_exactly(tmp_path: Path) -> None:
    reads_what_was_written(read_by_decade, tmp_path)


def read_stripped(path: Path) -> ItemList:
    made = read_by_decade(path)
    return ItemList(made.items, made.source, made.fields, tuple((a.strip(), b.strip()) for a, b in made.labels))


def read_swapped(path: Path) -> ItemList:
    made = read_by_decade(path)
    return ItemList(made.items, made.source, made.fields, tuple(labels[::-1] for labels in made.labels))


@pytest.mark.parametrize("broken", [read_stripped, read_swapped])
def test_the_property_rejects_broken_readers(broken: Reader, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, ListError)):
        reads_what_was_written(broken, tmp_path)


def test_a_file_and_python_say_the_same(tmp_path: Path) -> None:
    extra = ("mary", "F", 1920)
    read = read_by_decade(write(tmp_path, [*as_lines([]), "", "mary\tF\t1920"]))
    named = {"decade": 1920, "sex": "F"}
    for last in (extra, list(extra), ("mary", named)):
        made = make_list([*((item, *labels) for item, labels in FILLERS), last], str(tmp_path / "list.txt"), FIELDS)
        assert made == read
        assert made.labels[-1] == ("F", "1920")


def test_rows_are_distinct_by_their_labels_too() -> None:
    made = make_list(
        [
            *((item, *labels) for item, labels in FILLERS),
            ("mary", "F", 1920),
            ("mary", "F", 1930),
            ("mary", "F", 1920),
        ],
        fields=FIELDS,
    )
    assert made.distinct[-2:] == ("mary", "mary")
    assert made.distinct_rows[-2:] == (("mary", ("F", "1920")), ("mary", ("F", "1930")))
    assert made.duplicates == 1


def test_the_digest_sees_labels_and_names_of_fields() -> None:
    given = [(item, *labels) for item, labels in FILLERS]
    digests = {
        make_list(given, fields=FIELDS).digest,
        make_list(given, fields=("sex", "year")).digest,
        make_list([(*given[0][:2], "1930"), *given[1:]], fields=FIELDS).digest,
        make_list([item for item, _ in FILLERS]).digest,
        make_list(["\t".join(row) for row in given]).digest,
    }
    assert len(digests) == 5


def test_without_fields_a_tab_is_a_symbol(tmp_path: Path) -> None:
    lines = as_lines([("mary", ("F", "1920"))])
    made = read_list(write(tmp_path, lines))
    assert made == make_list(lines, made.source)
    assert (made.items, made.fields, made.labels) == (tuple(lines), (), ())
    assert made.rows[-1] == ("mary\tF\t1920", ())


# What is refused: (line 52 of the file, what the message says)
REFUSED = {
    "no class": ("mary", "has 1 column, and 3 are needed: the item, sex, decade, with one tab between each"),
    "too few": ("mary\tF", "has 2 columns, and 3 are needed"),
    "too many": ("mary\tF\t1920\t7", "has 4 columns, and 3 are needed"),
    "spaces": ("mary F 1920", "has 1 column, and 3 are needed"),
    "no item": ("\tF\t1920", "has an empty item"),
    "blank item": (" \tF\t1920", "has an empty item"),
    "empty class": ("mary\t\t1920", "has an empty sex"),
    "blank class": ("mary\tF\t ", "has an empty decade"),
    "long item": ("x" * 5000 + "\tF\t1920", "has 5,000 symbols; an item may have 4,096"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_lines_say_what_and_where(case: str, tmp_path: Path) -> None:
    line, message = REFUSED[case]
    path = write(tmp_path, ["", *as_lines([]), line, "emma\tF\t1880"])
    with pytest.raises(ListError, match=f"^{path}, line {MIN_ITEMS + 2} {message}"):
        read_by_decade(path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("mary", r" is of type str\. With fields, each is a tuple: the item, sex, decade\."),
        ((), " is of type tuple"),
        (("mary",), r" has 0 classes, and 2 are needed: sex, decade\."),
        (("mary", "F"), " has 1 class, and 2 are needed"),
        (("mary", "F", "1920", "x"), " has 3 classes, and 2 are needed"),
        (("mary", {"sex": "F"}), r" has no class for 'decade'\. The fields are sex, decade\."),
        (("mary", {"sex": "F", "decade": 1920, "age": 3}), " has a class for 'age', which is no field"),
        (("mary", "F", 19.2), r", decade is of type float\. It must be a string\."),
        (("mary", None, 1920), ", sex is of type NoneType"),
        (("mary", "", 1920), ", sex is empty or white space alone"),
        (("mary", "F\t", 1920), r", sex holds a tab \(character 2\)"),
        (("mary", "F", "19\n20"), r", decade holds a line feed \(character 3\)"),
        (("mary", "F", "\ud800"), ", decade, character 1 is half a surrogate pair"),
        (("ma\try", "F", "1920"), r" holds a tab \(character 3\)"),
        ((7, "F", "1920"), " is of type int"),
    ],
)
def test_refused_rows_from_python(given: object, message: str) -> None:
    with pytest.raises(ListError, match=f"^your list, item 51{message}"):
        make_list([*((item, *labels) for item, labels in FILLERS), given], fields=FIELDS)


def test_a_field_has_a_largest_number_of_classes(tmp_path: Path) -> None:
    many = [(f"name {i}", ("F", f"class {i}")) for i in range(MAX_CLASSES - 2)]
    full = [*many, ("mary", ("F", "last")), ("emma", ("F", "last"))]
    assert len(set(read_by_decade(write(tmp_path, as_lines(full))).labels)) == MAX_CLASSES
    path = write(tmp_path, as_lines([*full, ("mary", ("F", "one more")), ("emma", ("F", "two more"))]))
    with pytest.raises(ListError, match=f"^{path}, line 4147 has class 4,097 of the field decade, 'one more'; a field"):
        read_by_decade(path)


def test_items_are_counted_without_their_labels() -> None:
    """The sides of a split follow from the items alone: 25 items with four classes each are 25 to divide."""
    with pytest.raises(ListError, match=r"has 25 distinct items \(100 with duplicates\); at least 50 are needed"):
        make_list([(f"name {i % 25}", i // 25) for i in range(100)], fields=["quarter"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("sex", "the fields are the single string 'sex': give a list of names"),
        (["sex", ""], "field 2 cannot be called ''"),
        (["sex", " decade"], "field 2 cannot be called ' decade'"),
        (["a=b"], "field 1 cannot be called 'a=b'"),
        (["a,b"], "field 1 cannot be called 'a,b'"),
        (["sex", "sex"], "there are two fields called 'sex'"),
    ],
)
def test_refused_names_of_fields(fields: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=message):
        make_list([], fields=fields)
    with pytest.raises(SettingError, match=message):
        read_list(tmp_path / "none", fields)
