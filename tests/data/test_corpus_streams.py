"""The sides of a corpus hold all of it, each of them its own, and no row shows a symbol of another span."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from wavetree.codecs import PAD
from wavetree.data.corpus import Corpus, CorpusSettings, SplitKind, Stream, StreamSplit, open_corpus, split_stream
from wavetree.errors import InputError, SettingError

kinds = st.sampled_from(["blocks", "files", "tail"])
Rows = Callable[[Stream, np.ndarray, int, int], np.ndarray]


@contextmanager
def corpus_of(*texts: str) -> Iterator[Corpus]:
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(texts):
            Path(folder, f"{number:03d}.txt").write_bytes(text.encode())
        yield open_corpus([folder], CorpusSettings("text"), cache=Path(folder, "cache"))


def all_ids(corpus: Corpus) -> np.ndarray:
    with corpus.reading() as file:
        return corpus.read_ids(file, 0, corpus.symbols).astype(np.int64)


def sides(split: StreamSplit) -> list[Stream]:
    return [split.train, split.validation, split.test]


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[str], SplitKind]:
    """Texts that differ, the first long enough that every side has something of it."""
    texts = draw(st.lists(st.text("abc\n", min_size=1, max_size=30), max_size=6, unique=True))
    first = draw(st.text("abc\n", min_size=31, max_size=60))
    return [first, *texts], draw(kinds)


@given(corpora())
def test_sides_are_disjoint_and_hold_everything(drawn: tuple[list[str], SplitKind]) -> None:
    texts, kind = drawn
    with corpus_of(*texts) as corpus:
        split = split_stream(corpus, kind)
        places = [
            np.arange(begin, end) for side in sides(split) for begin, end in zip(side.begins, side.ends, strict=True)
        ]
        assert sorted(np.concatenate(places).tolist()) == list(range(corpus.symbols))
        assert sum(side.symbols for side in sides(split)) == corpus.symbols
        for side in sides(split):
            for begin, end, piece in zip(side.begins, side.ends, side.pieces, strict=True):
                assert corpus.pieces[piece].begin <= begin < end <= corpus.pieces[piece].end


def rows_are_those_of_the_span(rows: Rows) -> None:
    """Property: every row is its span's own symbols, with pad before and after, wherever it begins."""

    @settings(phases=[Phase.generate], max_examples=30)
    @given(corpora(), st.integers(1, 12), st.integers(0, 8))
    def check(drawn: tuple[list[str], SplitKind], length: int, before: int) -> None:
        texts, kind = drawn
        with corpus_of(*texts) as corpus:
            ids = all_ids(corpus)
            for side in sides(split_stream(corpus, kind)):
                expected = []
                for begin, end in zip(side.begins, side.ends, strict=True):
                    row = np.concatenate([np.full(8, PAD), ids[begin:end], np.full(12, PAD)])
                    expected += [row[8 + at - before :][:length] for at in range(end - begin)]
                starts = np.arange(side.symbols)
                wanted = np.array(expected).reshape(-1, length)
                assert np.array_equal(rows(side, starts, length, before), wanted)
                assert np.array_equal(side.inside(starts, length, before), wanted != PAD)

    check()


def beyond_the_span(side: Stream, starts: np.ndarray, length: int, before: int) -> np.ndarray:
    """Broken: what lies before a span in the corpus is taken for its context."""
    whole = Stream(side.corpus, np.array([0]), np.array([side.corpus.symbols]), np.array([0]))
    spans, offsets = side.positions(starts)
    return whole.rows(side.begins[spans] + offsets, length, before)


def one_late(side: Stream, starts: np.ndarray, length: int, before: int) -> np.ndarray:
    """Broken: a row has one symbol of context too few."""
    return np.roll(side.rows(starts, length, before), 1, axis=1) if before == 3 else side.rows(starts, length, before)


def test_rows_are_those_of_the_span() -> None:
    rows_are_those_of_the_span(Stream.rows)


@pytest.mark.parametrize("broken", [beyond_the_span, one_late])
def test_the_law_rejects_broken_rows(broken: Rows) -> None:
    with pytest.raises(AssertionError):
        rows_are_those_of_the_span(broken)


@given(corpora(), st.integers(1, 9))
def test_blocks_are_the_spans(drawn: tuple[list[str], SplitKind], size: int) -> None:
    texts, kind = drawn
    with corpus_of(*texts) as corpus:
        ids = all_ids(corpus)
        for side in sides(split_stream(corpus, kind)):
            for span, (begin, end) in enumerate(zip(side.begins, side.ends, strict=True)):
                blocks = list(side.blocks(span, size))
                assert np.concatenate(blocks).tolist() == ids[begin:end].tolist()
                assert {len(block) for block in blocks[:-1]} <= {size}


@given(corpora())
def test_positions_number_everything_once(drawn: tuple[list[str], SplitKind]) -> None:
    texts, kind = drawn
    with corpus_of(*texts) as corpus:
        for side in sides(split_stream(corpus, kind)):
            spans, offsets = side.positions(np.arange(side.symbols))
            expected = [(span, at) for span, length in enumerate(side.lengths) for at in range(length)]
            assert list(zip(spans.tolist(), offsets.tolist(), strict=True)) == expected
            for outside in (-1, side.symbols):
                with pytest.raises(ValueError, match="positions are numbered 0 to"):
                    side.positions(np.array([0, outside]))


def test_text_is_cut_into_blocks_of_each_file() -> None:
    with corpus_of("a" * 1000, "b" * 10, "c" * 3) as corpus:
        split = split_stream(corpus)
        assert (split.kind, split.note) == ("blocks", "")
        assert split.train.lengths.tolist() == [800, 8, 2]
        assert split.validation.lengths.tolist() == [100, 1]
        assert split.validation.pieces.tolist() == [0, 1]
        assert split.test.lengths.tolist() == [100, 1, 1]


@given(st.integers(2, 5000))
def test_tail_is_that_of_nanogpt(n: int) -> None:
    text = "ab" * (n // 2) + "c" * (n % 2)
    with corpus_of(text) as corpus:
        split = split_stream(corpus, "tail")
        assert split.train.ends.tolist() == [int(n * 0.9)]
        assert split.validation.begins.tolist() == [int(n * 0.9)]
        assert split.test.symbols == 0
        (first,) = split.validation.rows(np.array([0]), 4, before=3)
        assert first.tolist()[:3] == [PAD] * 3


@settings(max_examples=20)
@given(st.lists(st.integers(1, 3000), min_size=3, max_size=8, unique=True))
def test_files_go_by_their_hash_to_the_side_where_their_middle_is(lengths: list[int]) -> None:
    with corpus_of(*("x" * length for length in lengths)) as corpus:
        split = split_stream(corpus, "files")
        order = sorted(range(len(lengths)), key=lambda i: corpus.pieces[i].sha256)
        given = [i for side in sides(split) for i in sorted(side.pieces.tolist(), key=order.index)]
        assert given == order
        assert all(len(side.pieces) for side in sides(split))
        share = split.train.symbols / corpus.symbols
        middle = corpus.pieces[order[len(split.train.pieces) - 1]].symbols / corpus.symbols / 2
        assert share - middle < 0.8 or len(split.train.pieces) == 1


def test_two_files_cannot_be_split_by_file() -> None:
    with corpus_of("a" * 100, "b" * 200) as corpus:
        split = split_stream(corpus, "files")
        assert split.kind == "blocks"
        assert split.note.startswith("2 distinct files cannot be split by file: each is cut into blocks")
        assert split.train.lengths.tolist() == [80, 160]


def test_splits_that_cannot_be() -> None:
    with corpus_of("a") as corpus:
        for kind, empty in (("blocks", "train"), ("tail", "train"), ("files", "train")):
            with pytest.raises(InputError, match=f"^1 symbol in 1 file leave nothing for {empty}. Give more"):
                split_stream(corpus, kind)
        with pytest.raises(SettingError, match=r"no split 'hash' of a corpus\. Choose one of blocks, files, tail\."):
            split_stream(corpus, "hash")  # type: ignore[arg-type]
    with corpus_of("ab") as corpus, pytest.raises(InputError, match="2 symbols in 1 file leave nothing for validation"):
        split_stream(corpus)


def test_a_text_has_neither_classes_nor_frames() -> None:
    with corpus_of("some text to cut") as corpus:
        train = split_stream(corpus).train
        assert train.classes(np.arange(3)).shape == (3, 0)
        with pytest.raises(ValueError, match="the corpus has no frames"):
            train.frames(np.arange(3), 4)


MEASURE = """
import resource, sys
from pathlib import Path
import numpy as np
from wavetree.data.corpus import CorpusSettings, open_corpus, split_stream

def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 if sys.platform != "darwin" else 1024)

before = most()
split = split_stream(open_corpus([sys.argv[1]], CorpusSettings("text"), cache=Path(sys.argv[2])))
for block in split.train.blocks(0, 1 << 16):
    pass
starts = np.random.default_rng(0).integers(0, split.train.symbols, (2000, 32))
for batch in starts:
    split.train.rows(batch, 320, before=64)
print(most() - before)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    text = np.random.default_rng(0).integers(32, 127, 1 << 20, dtype=np.uint8).tobytes() + "ü—日".encode()
    with (tmp_path / "big.txt").open("wb") as file:
        for _ in range(200):
            file.write(text)
    for _ in range(2):  # made, and found
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(tmp_path / "big.txt"), str(tmp_path / "cache")],
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(done.stdout) < 60 * 1024  # KiB, for 200 MiB of text
    (tmp_path / "big.txt").unlink()
    next((tmp_path / "cache" / "corpora").rglob("ids.bin")).unlink()
