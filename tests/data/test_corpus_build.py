"""A corpus holds what its files hold, is made once, and is made again when it must be."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.codecs import AlphabetCodec, BytesCodec
from wavetree.data.corpus import Corpus, CorpusSettings, build, cache_folder, encoding, open_corpus, sources
from wavetree.errors import DamagedError, InputError, SaveError, SettingError

TEXT = CorpusSettings("text")
BYTES = CorpusSettings("bytes")
LONG_AGO = 1_600_000_000

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A text that was last changed long ago, so that its time of change can be relied on."""
    path = tmp_path / "book.txt"
    path.write_bytes("zoë read\r\na book\n".encode())
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read, by name, in order."""
    names: list[str] = []
    honest = sources.read_chunks

    def noted(source: sources.Source) -> Iterator[bytes]:
        names.append(Path(source.name).name)
        return honest(source)

    monkeypatch.setattr(sources, "read_chunks", noted)
    monkeypatch.setattr(encoding, "read_chunks", noted)
    return names


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each time that a corpus is made."""
    times: list[str] = []
    honest = build._build
    monkeypatch.setattr(build, "_build", lambda *given: (times.append("made"), honest(*given))[1])
    return times


def ids_of(corpus: Corpus) -> np.ndarray:
    with corpus.reading() as file:
        return corpus.read_ids(file, 0, corpus.symbols).astype(np.int64)


@given(st.lists(texts, min_size=1, max_size=4, unique=True), st.integers(1, 9))
def test_ids_are_those_of_the_text(several: list[str], chunk: int) -> None:
    """However the files are cut into chunks, in the middle of a code point, too."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "CHUNK", chunk)
        patch.setattr(encoding, "CHUNK", chunk)
        for number, text in enumerate(several):
            Path(folder, f"{number}.txt").write_bytes(text.encode())
        corpus = open_corpus([folder], TEXT, cache=Path(folder, "cache"))
        raw = open_corpus([folder], BYTES, cache=Path(folder, "cache"))
        assert corpus.codec == AlphabetCodec.of(several)
        assert ids_of(corpus).tolist() == AlphabetCodec.of(several).encode("".join(several)).tolist()
        assert [(p.begin, p.end) for p in corpus.pieces][-1] == (corpus.symbols - len(several[-1]), corpus.symbols)
        assert raw.codec == BytesCodec()
        assert ids_of(raw).tolist() == BytesCodec().encode("".join(several)).tolist()


@pytest.mark.parametrize(("count", "width"), [(255, 1), (256, 2), (4096, 2)])
def test_ids_take_a_byte_as_long_as_they_can(
    count: int, width: int, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "CHUNK", 100)
    monkeypatch.setattr(sources, "CHUNK", 100)
    text = "".join(chr(0x100 + (7919 * i) % count) for i in range(count)) * 2
    path = tmp_path / "many.txt"
    path.write_bytes(text.encode())
    corpus = open_corpus([path], TEXT, cache=cache)
    assert corpus.about.width == width
    assert (corpus.folder / "ids.bin").stat().st_size == width * len(text)
    assert corpus.codec.decode(ids_of(corpus)) == text
    corpus.check()


def test_bytes_are_any(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "any.dat"
    path.write_bytes(bytes(range(255)))
    assert open_corpus([path], BYTES, cache=cache).about.width == 1
    path.write_bytes(bytes(range(256)))
    corpus = open_corpus([path], BYTES, cache=cache)
    assert corpus.about.width == 2
    assert ids_of(corpus).tolist() == list(range(1, 257))


def test_a_text_is_what_it_is(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "windows.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\x0c\r\n")
    assert open_corpus([path], TEXT, cache=cache).codec.symbols == "\n\x0c\renotw\ufeff"


def test_the_second_start_reads_nothing(book: Path, cache: Path, read: list[str], made: list[str]) -> None:
    first = open_corpus([book], TEXT, cache=cache)
    assert (read, made) == (["book.txt"], ["made"])
    assert open_corpus([book], TEXT, cache=cache) == first
    assert (read, made) == (["book.txt"], ["made"])


def test_a_touched_file_is_read_and_nothing_made(book: Path, cache: Path, read: list[str], made: list[str]) -> None:
    first = open_corpus([book], TEXT, cache=cache)
    os.utime(book, (LONG_AGO + 60, LONG_AGO + 60))
    assert open_corpus([book], TEXT, cache=cache) == first
    assert open_corpus([book], TEXT, cache=cache) == first
    assert (read, made) == (["book.txt", "book.txt"], ["made"])


@pytest.mark.parametrize("content", ["zoë read\r\na cook\n", "zoë read\r\na book", "another"])
def test_a_changed_file_is_noticed(content: str, book: Path, cache: Path) -> None:
    first = open_corpus([book], TEXT, cache=cache)
    book.write_bytes(content.encode())
    second = open_corpus([book], TEXT, cache=cache)
    assert second.digest != first.digest
    assert second.codec.decode(ids_of(second)) == content
    assert first.codec.decode(ids_of(first)) == "zoë read\r\na book\n"


def test_a_change_within_the_same_tick_is_noticed(book: Path, cache: Path) -> None:
    """Same size, same time of change: possible only just after a change, so that such a time is not relied on."""
    now = time.time_ns()
    os.utime(book, ns=(now, now))
    first = open_corpus([book], TEXT, cache=cache)
    book.write_bytes("zoë read\r\na cook\n".encode())
    os.utime(book, ns=(now, now))
    second = open_corpus([book], TEXT, cache=cache)
    assert second.digest != first.digest
    assert "cook" in second.codec.decode(ids_of(second))


def test_names_are_no_part_of_the_digest(book: Path, cache: Path, made: list[str]) -> None:
    first = open_corpus([book], TEXT, cache=cache)
    moved = book.rename(book.with_name("renamed.txt"))
    second = open_corpus([moved], TEXT, cache=cache)
    assert second.digest == first.digest
    assert second.folder == first.folder
    assert [piece.name for piece in second.pieces] == [str(moved)]
    assert second.about == first.about
    assert made == ["made", "made"]  # the second time only to find that it is there


def test_settings_and_order_are_part_of_the_digest(tmp_path: Path, cache: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(f"text {name}")
    a, b = tmp_path / "a.txt", tmp_path / "b.txt"
    digests = {
        open_corpus(given, settings, cache=cache).digest
        for given in ([a], [b], [a, b], [b, a])
        for settings in (TEXT, BYTES)
    }
    assert len(digests) == 8
    assert {folder.name for folder in (cache / "corpora").iterdir()} == digests


DAMAGE: list[Callable[[Path], object]] = [
    lambda folder: os.truncate(folder / "ids.bin", 3),
    lambda folder: (folder / "ids.bin").unlink(),
    lambda folder: (folder / "corpus.json").unlink(),
    lambda folder: (folder / "corpus.json").write_text("{"),
    lambda folder: (folder / "corpus.json").write_text("[]"),
    lambda folder: (folder / "corpus.json").write_bytes(b"\xff"),
    lambda folder: altered(folder, symbols=3),
    lambda folder: altered(folder, codec={"kind": "morse"}),
    lambda folder: altered(folder, pieces=[]),
    lambda folder: altered(folder, settings={"kind": "text", "rate": 8000}),
    lambda folder: (shutil.rmtree(folder), folder.mkdir()),
]


def altered(folder: Path, **entries: object) -> None:
    document = json.loads((folder / "corpus.json").read_text())
    (folder / "corpus.json").write_text(json.dumps(document | entries))


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_corpus_is_made_anew(damage: Callable[[Path], object], book: Path, cache: Path) -> None:
    first = open_corpus([book], TEXT, cache=cache)
    damage(first.folder)
    second = open_corpus([book], TEXT, cache=cache)
    assert second == first
    assert second.codec.decode(ids_of(second)) == "zoë read\r\na book\n"
    assert [path.name for path in (cache / "corpora").iterdir()] == [first.digest]


@pytest.mark.parametrize("index", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"BOOK": 3}', b'{"BOOK": [1, 2]}'])
def test_a_damaged_index_is_begun_afresh(index: bytes, book: Path, cache: Path) -> None:
    first = open_corpus([book], TEXT, cache=cache)
    (cache / "sources.json").write_bytes(index.replace(b"BOOK", str(book).encode()))
    assert open_corpus([book], TEXT, cache=cache) == first
    assert str(book) in json.loads((cache / "sources.json").read_text())


def test_a_flipped_bit_is_found_by_check(book: Path, cache: Path) -> None:
    corpus = open_corpus([book], TEXT, cache=cache)
    corpus.check()
    raw = bytearray((corpus.folder / "ids.bin").read_bytes())
    raw[4] ^= 1
    (corpus.folder / "ids.bin").write_bytes(raw)
    with pytest.raises(DamagedError, match=r"ids\.bin was altered\. Delete .*: it is then made anew\."):
        corpus.check()


def test_many_starts_at_once_end_well(tmp_path: Path, book: Path, cache: Path) -> None:
    book.write_bytes(b"a text that takes a while\n" * 100_000)
    with ThreadPoolExecutor(8) as pool:
        corpora = list(pool.map(lambda _: open_corpus([book], TEXT, cache=cache), range(8)))
    assert all(corpus == corpora[0] for corpus in corpora)
    corpora[0].check()
    assert [path.name for path in (cache / "corpora").iterdir()] == [corpora[0].digest]


def test_what_interrupted_starts_have_left_is_deleted(book: Path, cache: Path) -> None:
    for name, age in (("old", 100_000), ("young", 1000)):
        left = cache / "corpora" / f".new-{name}"
        left.mkdir(parents=True)
        (left / "ids.bin").write_bytes(b"12")
        for path in (left / "ids.bin", left):
            os.utime(path, (time.time() - age, time.time() - age))
    corpus = open_corpus([book], TEXT, cache=cache)
    assert {path.name for path in (cache / "corpora").iterdir()} == {".new-young", corpus.digest}


def test_an_interrupted_start_leaves_nothing(book: Path, cache: Path) -> None:
    def interrupt(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_corpus([book], TEXT, cache=cache, progress=interrupt)
    assert list((cache / "corpora").iterdir()) == []


def test_progress_goes_to_the_end(tmp_path: Path, book: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "CHUNK", 4)
    (tmp_path / "more.txt").write_bytes(b"and more")
    for settings in (TEXT, BYTES):
        told: list[float] = []
        open_corpus([tmp_path], settings, cache=cache, progress=told.append)
        assert told == sorted(told)
        assert len(told) >= 7
        assert told[-1] == 1


@pytest.mark.parametrize("blocked", ["", "corpora"])
def test_a_cache_that_cannot_be_written_to(blocked: str, book: Path, cache: Path) -> None:
    (cache / blocked).parent.mkdir(exist_ok=True)
    (cache / blocked).write_text("a file")
    with pytest.raises(
        SaveError, match=r"^the corpus could not be written to the cache .*\(.+\)\. Make room there, or "
    ):
        open_corpus([book], TEXT, cache=cache)


def test_a_full_disk(book: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: encoding.IdsFile, ids: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(encoding.IdsFile, "add", full)
    with pytest.raises(SaveError, match=r"\(No space left on device\)\. Make room there"):
        open_corpus([book], TEXT, cache=cache)
    assert list((cache / "corpora").iterdir()) == []


def test_where_the_cache_is(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WAVETREE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / "home" / ".cache" / "wavetree"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")  # to be ignored, as its specification says
    assert cache_folder() == tmp_path / "home" / ".cache" / "wavetree"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "wavetree"
    monkeypatch.setenv("WAVETREE_CACHE", str(tmp_path / "mine"))
    assert open_corpus([book], TEXT).folder.parent == tmp_path / "mine" / "corpora"


def test_a_corpus_that_goes_away(book: Path, cache: Path) -> None:
    corpus = open_corpus([book], TEXT, cache=cache)
    os.truncate(corpus.folder / "ids.bin", 3)
    with pytest.raises(DamagedError, match=r"was cut short while it was used\. Start again"):
        ids_of(corpus)
    shutil.rmtree(corpus.folder)
    with pytest.raises(DamagedError, match=r"ids\.bin cannot be read any more \(No such file or directory\)"):
        ids_of(corpus)


def test_a_file_that_changes_while_it_is_read(book: Path, cache: Path) -> None:
    with pytest.raises(InputError, match=r"book\.txt changed while it was read\. Start again when it is finished\."):
        open_corpus([book], TEXT, cache=cache, progress=lambda share: book.write_text("other") and None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("words",), r"no corpus of the kind 'words'. Choose one of text, bytes, audio\."),
        (("audio",), r"cannot have 0 samples a second: give 1,000 to 768,000"),
        (("text", 8000), "a corpus of the kind text has neither sample rate nor frames"),
        (("bytes", 0, 80, 64), "a corpus of the kind bytes has neither sample rate nor frames"),
        (("audio", 8000, 80, 0), r"\(local, here 80\) .* \(hop, here 0\)\. Give both, or neither\."),
        (("audio", 8000, -1, -1), "Give both, or neither"),
    ],
)
def test_settings_that_do_not_fit(settings: tuple[str, int, int, int], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        CorpusSettings(*settings)
