"""Which files are taken, and what is said of those that cannot be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wavetree.data.corpus import CorpusSettings, open_corpus, sources
from wavetree.data.corpus.sources import find_sources
from wavetree.errors import InputError, SettingError

TEXT = CorpusSettings("text")


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"the text of {name}")


def test_folders_are_searched_and_sorted(tmp_path: Path) -> None:
    write(tmp_path, "b/two.txt", "b/one.TXT", "a.txt", "b/c/three.txt", "z.txt", "b/x.md", ".hidden.txt", ".git/x.txt")
    write(tmp_path, "b.txt/inner.txt")
    found = find_sources([tmp_path / "z.txt", tmp_path, tmp_path / "b" / "x.md"], "text")
    names = [str(Path(source.name).relative_to(tmp_path)) for source in found]
    assert names == ["z.txt", "a.txt", "b/c/three.txt", "b/one.TXT", "b/two.txt", "b.txt/inner.txt", "b/x.md"]
    assert found[2].folders == (tmp_path.name, "b", "c")
    assert found[-1].folders == (tmp_path / "b").parts[1:]


def test_paths_are_named_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "books/a.txt")
    monkeypatch.chdir(tmp_path)
    assert [source.name for source in find_sources(["books"], "text")] == ["books/a.txt"]
    assert [source.folders for source in find_sources(["."], "text")] == [(tmp_path.name, "books")]


def test_names_that_are_no_unicode(tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.txt").write_text("a text in a file with an old name")
    for _ in range(2):
        corpus = open_corpus([tmp_path], TEXT, cache=tmp_path / "cache")
        assert [Path(piece.name).name for piece in corpus.pieces] == ["caf?.txt"]


def test_what_is_there_twice_is_taken_once_and_named(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "b.txt", "c.txt", "e.txt")
    (tmp_path / "d.txt").write_bytes((tmp_path / "b.txt").read_bytes())
    (tmp_path / "f.txt").write_bytes((tmp_path / "b.txt").read_bytes())
    for _ in range(2):  # made, and found
        corpus = open_corpus([tmp_path], TEXT, cache=tmp_path / "cache")
        assert [Path(piece.name).name for piece in corpus.pieces] == ["a.txt", "b.txt", "c.txt", "e.txt"]
        assert [(Path(x).name, Path(y).name) for x, y in corpus.duplicates] == [("d.txt", "b.txt"), ("f.txt", "b.txt")]
        with corpus.reading() as file:
            text = corpus.codec.decode(corpus.read_ids(file, 0, corpus.symbols))
        assert text == "".join(f"the text of {name}.txt" for name in "abce")
    alone = open_corpus([tmp_path / f"{name}.txt" for name in "abce"], TEXT, cache=tmp_path / "cache")
    assert alone.digest == corpus.digest


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"^FILE is empty\. There is nothing to learn\.$"),
        (b"one\ntwo\xe9 three", r"^FILE, line 2: byte 4 of the line \(0xe9\) is not valid UTF-8\. Save it .*Latin-1"),
        (b"\xe9", r"^FILE, line 1: byte 1 of the line \(0xe9\)"),
        (b"fine\n\ncut \xe6\x97", r"^FILE, line 3: byte 5 of the line \(0xe6\)"),
        (b"fine\n" * 99_999 + b"not \xff fine", r"line 100000: byte 5 of the line \(0xff\) .* the kind bytes\.$"),
        (b"half \xed\xa0\x80 a pair", r"byte 6 of the line \(0xed\)"),
        ("日本語\n".encode("utf-16"), r"byte 1 of the line \(0xff\) .* It looks like UTF-16: save it as UTF-8\.$"),
        ("text\n".encode("utf-16"), r"^FILE: a quarter or more of the bytes are zero\. It looks like UTF-16"),
        ("text\n".encode("utf-16-le"), r"^FILE: a quarter or more of the bytes are zero\. It looks like UTF-16"),
        ("".join(map(chr, range(0x100, 0x1101))).encode(), r"more than 4,096 distinct symbols, of which FILE has the"),
    ],
)
def test_a_text_that_cannot_be_used(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message.replace("FILE", str(path))):
        open_corpus([path], TEXT, cache=tmp_path / "cache")
    assert list((tmp_path / "cache" / "corpora").iterdir()) == []


def test_the_place_in_a_text_that_comes_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes("é\nüé\nab\nxyz".encode() + b"\xe9.\n\n")
    for chunk in range(1, 20):
        monkeypatch.setattr(sources, "CHUNK", chunk)
        with pytest.raises(InputError, match=r"line 4: byte 4 of the line \(0xe9\)"):
            open_corpus([path], TEXT, cache=tmp_path / "cache")


def test_paths_that_cannot_be_used(tmp_path: Path) -> None:
    write(tmp_path, "book.txt", "empty/x.md")
    os.mkfifo(tmp_path / "pipe.txt")
    for given, message in (
        ([], "no files were given"),
        ("book.txt", "no files were given. Give a list"),
        ([tmp_path / "bok.txt"], r"there is no file or folder .*bok\.txt\. Did you mean .*book\.txt\?"),
        ([tmp_path / "empty"], r"empty holds no \.txt file\. Give a folder that does, or files\."),
        ([tmp_path / "pipe.txt"], "is a pipe or a device"),
    ):
        with pytest.raises(InputError, match=message):
            find_sources(given, "text")
    with pytest.raises(InputError, match=r"empty holds no \.wav or \.flac or \.ogg or \.mp3 file"):
        find_sources([tmp_path / "empty"], "audio")


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(InputError, match=r"^the folder .* cannot be listed \(Permission denied\)\."):
        find_sources([tmp_path], "text")


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "book.txt")
    (source,) = find_sources([tmp_path], "text")
    (tmp_path / "book.txt").unlink()
    for failing in (sources.stamp, lambda gone: list(sources.read_chunks(gone))):
        with pytest.raises(InputError, match=r"book\.txt cannot be read \(No such file or directory\)"):
            failing(source)


def test_fields_need_folders(tmp_path: Path) -> None:
    write(tmp_path, "books/a.txt")
    with pytest.raises(SettingError, match=r"no file lies deep enough in folders to have a shelf: the last field is"):
        open_corpus([tmp_path / "books"], TEXT, fields=("shelf", "genre"), cache=tmp_path / "cache")
