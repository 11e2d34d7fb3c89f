"""Lists: what is read is what was written, and whatever cannot be used is refused with its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.data import MAX_ALPHABET, MAX_ITEM_SYMBOLS, MIN_ITEMS, ItemList, make_list, read_list
from wavetree.errors import InputError, ListError

FILLERS = tuple(f"filler {number}" for number in range(MIN_ITEMS))
"""Enough items for a list to be accepted, whatever else is in it."""

Reader = Callable[[Path], ItemList]

lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=1).filter(
    lambda line: not line.isspace() and not line.endswith("\r")
)


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "list.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def reads_what_was_written(read: Reader, folder: Path) -> None:
    """Property: any items, any allowed line ends, with and without a mark and a last line end, come back exactly."""

    @given(
        st.lists(lines, max_size=8),
        st.sampled_from(["\n", "\r\n"]),
        st.booleans(),
        st.sampled_from(["", "\n", "\n \t\n\n"]),
    )
    def check(drawn: list[str], end: str, marked: bool, last: str) -> None:
        items = (*FILLERS, *drawn)
        text = ("\ufeff" if marked else "") + end.join(items) + last.replace("\n", end)
        assert read(write(folder, text)).items == items

    check()


def test_items_come_back_exactly(tmp_path: Path) -> None:
    reads_what_was_written(read_list, tmp_path)


def read_by_splitlines(path: Path) -> ItemList:
    return make_list(line for line in path.read_text("utf-8-sig").splitlines() if line.strip())


def read_stripped(path: Path) -> ItemList:
    return make_list(item.strip() for item in read_list(path).items)


def read_with_mark(path: Path) -> ItemList:
    return make_list(line for line in path.read_bytes().decode().replace("\r\n", "\n").split("\n") if line.strip())


@pytest.mark.parametrize("broken", [read_by_splitlines, read_stripped, read_with_mark])
def test_the_property_rejects_broken_readers(broken: Reader, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, ListError)):
        reads_what_was_written(broken, tmp_path)


@given(
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe", "\n".join(FILLERS).encode() + b"\n"]),
    st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))),
)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, start: bytes, rest: bytes) -> None:
    path = write(tmp_path_factory.getbasetemp(), start + rest)
    try:
        made = read_list(path)
    except ListError as error:
        message = str(error)
        assert message.startswith(str(path))
        assert message.endswith(".")
    else:
        assert len(made.distinct) >= MIN_ITEMS
        assert "\n" not in "".join(made.items)


def test_order_duplicates_and_digest(tmp_path: Path) -> None:
    made = read_list(write(tmp_path, "\r\n".join([*FILLERS, "b", "a", "b", FILLERS[0]])))
    assert made.items == (*FILLERS, "b", "a", "b", FILLERS[0])
    assert made.distinct == (*FILLERS, "b", "a")
    assert made.duplicates == 2
    assert made.source == str(tmp_path / "list.txt")
    assert made.digest == make_list(made.items).digest
    assert made.digest != make_list(made.items[::-1]).digest


# What is refused: (content of the file, what the message says)
REFUSED = {
    "empty": (b"", "is empty or holds only blank lines"),
    "mark alone": (b"\xef\xbb\xbf", "is empty or holds only blank lines"),
    "blank lines": (b"\n \r\n\t\n\xe3\x80\x80", "is empty or holds only blank lines"),
    "one item": (b"emma\n", "has 1 distinct item; at least 50 are needed"),
    "ten items": (b"".join(b"name%d\n" % i for i in range(10)), "has 10 distinct items; at least 50"),
    "few distinct": (b"".join(b"name%d\n" % (i % 49) for i in range(100)), r"has 49 distinct items \(100 with dup"),
    "latin-1": (b"anna\n\nzo\xeb\n", r"line 3: byte 3 of the line \(0xeb\) is not valid UTF-8.*iconv"),
    "cut short": (b"anna\nzo\xc3", r"line 2: byte 3 of the line \(0xc3\)"),
    "utf-16": ("emma\nliam\n".encode("utf-16"), r"line 1: byte 1 of the line.*looks like UTF-16"),
    "utf-16 without mark": ("emma\nliam\n".encode("utf-16-le"), "line 1: a quarter or more.*looks like UTF-16"),
    "old mac": (b"\r".join(b"name%d" % i for i in range(99)), "98 CR characters and no LF"),
    "long line": (
        b"a\n\n" + b"x" * 200_000 + b"\n",
        "line 3 has 200,000 symbols; an item may have 4,096.*running text",
    ),
    "large alphabet": (
        "\n".join(map(chr, range(0x4E00, 0x4E00 + 5000))).encode(),
        "has 5,000 distinct symbols; an alphabet may have 4,096",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_files_say_what_and_where(case: str, tmp_path: Path) -> None:
    content, message = REFUSED[case]
    path = write(tmp_path, content)
    with pytest.raises(ListError, match=message) as caught:
        read_list(path)
    assert str(caught.value).startswith(str(path))
    assert caught.value.exit_code == InputError.exit_code == 2


def test_the_limits_themselves_are_allowed(tmp_path: Path) -> None:
    longest = "x" * MAX_ITEM_SYMBOLS
    alphabet = [chr(0x4E00 + i) for i in range(MAX_ALPHABET)]
    assert read_list(write(tmp_path, "\n".join([*FILLERS, longest]))).items[-1] == longest
    assert len(make_list(alphabet).items) == MAX_ALPHABET
    assert len(make_list(FILLERS).items) == MIN_ITEMS
    with pytest.raises(ListError, match="item 51 has 4,097 symbols"):
        make_list([*FILLERS, longest + "x"])
    with pytest.raises(ListError, match="4,097 distinct symbols"):
        make_list([*alphabet, "a"])
    with pytest.raises(ListError, match="49 distinct items"):
        make_list(FILLERS[1:])


def test_a_missing_file_offers_the_nearest_name(tmp_path: Path) -> None:
    write(tmp_path, "")
    with pytest.raises(ListError, match=r"there is no file .*lits\.txt\. Did you mean .*list\.txt\?"):
        read_list(tmp_path / "lits.txt")
    with pytest.raises(ListError, match=r"there is no file .*zzz\. Check the path\."):
        read_list(tmp_path / "zzz")
    with pytest.raises(ListError, match=r"The folder .*gone does not exist either"):
        read_list(tmp_path / "gone" / "list.txt")


def test_what_is_no_readable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ListError, match="is a folder"):
        read_list(tmp_path)
    with pytest.raises(ListError, match="cannot be read"):
        read_list(Path("a\0b"))
    with pytest.raises(ListError, match="cannot be read"):
        read_list(write(tmp_path, "a") / "below a file")

    def forbidden(path: Path) -> bytes:  # chmod does not stop root, whom tests may run as
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with pytest.raises(ListError, match="may not be read by this user"):
        read_list(tmp_path / "list.txt")


def test_an_unreadable_folder_offers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "iterdir", forbidden)
    with pytest.raises(ListError, match=r"there is no file .*x\. Check the path\."):
        read_list(tmp_path / "x")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (7, "item 51 is of type int"),
        (b"emma", "item 51 is of type bytes"),
        ("", "item 51 is empty"),
        ("\u2003", "item 51 is empty or white space alone"),
        ("em\nma", r"item 51 holds a line feed \(character 3\)"),
        ("a\ud800", r"item 51, character 2 is half a surrogate pair \(U\+D800\)"),
    ],
)
def test_refused_items_from_python(item: str, message: str) -> None:
    with pytest.raises(ListError, match=f"^your list, {message}"):
        make_list([*FILLERS, item])


def test_a_string_is_not_a_list() -> None:
    with pytest.raises(ListError, match="names is a single string"):
        make_list("emma\nliam", source="names")
