"""Rows of a stream: every position once where a loss is added up, and nothing of another span anywhere."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.streams import RATE, corpus_of, voices

from wavetree.codecs import PAD
from wavetree.data import NOT_TOLD
from wavetree.data.corpus import CorpusSettings, Stream, open_corpus, split_stream
from wavetree.data.rows import NO_TARGET, rows_anew, rows_in_order

texts = st.lists(st.text("abc\n", min_size=1, max_size=30), max_size=5, unique=True)
firsts = st.text("abc\n", min_size=31, max_size=60)


@contextmanager
def train_side(first: str, others: list[str]) -> Iterator[Stream]:
    """The train side of texts of which the first is long enough to be cut; the others may have one symbol."""
    with tempfile.TemporaryDirectory() as folder:
        yield split_stream(corpus_of(Path(folder), *dict.fromkeys([first, *others])), "blocks").train


def span_of(side: Stream, number: int) -> list[int]:
    """The ids of a span."""
    return np.concatenate([*side.blocks(number, 1 << 20)]).tolist()


@given(firsts, texts, st.integers(0, 9), st.integers(1, 12), st.integers(1, 5))
def test_in_order_every_position_is_a_target_once(
    first: str, others: list[str], context: int, length: int, batch: int
) -> None:
    with train_side(first, others) as side:
        whole = [span_of(side, number) for number in range(len(side.begins))]
        found: list[tuple[list[int], int]] = []
        for rows in rows_in_order(side, context, length, batch):
            assert rows.ids.shape[0] <= batch
            assert (rows.ids.shape[1], rows.targets.shape[1]) == (context + length, length)
            for ids, targets in zip(rows.ids.tolist(), rows.targets.tolist(), strict=True):
                found += [
                    (ids[place : place + context + 1], target)
                    for place, target in enumerate(targets)
                    if target != NO_TARGET
                ]
        wanted = [
            (([PAD] * (context + 1) + ids[:place])[-context - 1 :], target)
            for ids in whole
            for place, target in enumerate(ids)
        ]
        assert found == wanted


@given(firsts, texts, st.integers(1, 40), st.data())
def test_rows_that_begin_anew_are_cut_from_one_span(
    first: str, others: list[str], length: int, data: st.DataObject
) -> None:
    """Clips shorter than a row, and of one symbol, included."""
    with train_side(first, others) as side:
        numbers = data.draw(st.lists(st.integers(0, side.symbols - 1), min_size=1, max_size=6))
        rows = rows_anew(side, np.array(numbers), length)
        assert rows.ids.shape == rows.targets.shape == (len(numbers), length)
        assert (rows.ids[:, 0] == PAD).all()
        spans, offsets = side.positions(np.array(numbers))
        for ids, targets, span, offset in zip(rows.ids, rows.targets, spans, offsets, strict=True):
            whole = span_of(side, int(span))
            real = [int(target) for target in targets if target != NO_TARGET]
            begin = max(0, min(int(offset), len(whole) - length))
            assert real == whole[begin : begin + length]
            assert len(real) == min(length, len(whole))
            assert ids[1 : len(real)].tolist() == real[:-1]


def test_conditions_are_those_of_the_clip_and_may_be_left_untold(tmp_path: Path) -> None:
    folder = voices(tmp_path / "voices")
    corpus = open_corpus([folder], CorpusSettings("audio", RATE), ("voice",), cache=tmp_path / "cache")
    side = split_stream(corpus, "blocks").train
    numbers = np.concatenate([side.firsts, side.firsts + 5])  # (B,)
    rows = rows_anew(side, numbers, 16)
    wanted = corpus.fields.one_hot(side.classes(numbers))  # (B, G)
    assert NOT_TOLD not in side.classes(numbers)
    assert rows.given is not None
    assert rows.given.shape == (len(numbers), 1, 2)
    assert np.array_equal(rows.given[:, 0], wanted)
    assert rows.before is not None
    assert np.array_equal(rows.before, wanted)
    untold = np.arange(len(numbers))[:, None] % 3 == 0
    some = rows_anew(side, numbers, 16, untold)
    assert some.given is not None
    assert np.array_equal(some.given[:, 0], np.where(untold, 0, wanted))
    (whole,) = rows_in_order(side, 3, int(side.lengths.max()), len(side.begins))
    assert whole.given is not None
    assert np.array_equal(whole.given[:, 0], wanted[: len(side.begins)])


def test_frames_lie_beside_what_they_foretell(tmp_path: Path) -> None:
    folder = voices(tmp_path / "voices")
    draw = np.random.default_rng(1)
    for clip in folder.rglob("*.wav"):
        samples = (clip.stat().st_size - 44) // 2
        np.save(clip.with_suffix(".npy"), draw.random((-(-samples // 40), 3), dtype=np.float32))
    settings = CorpusSettings("audio", RATE, local=3, hop=40)
    side = split_stream(open_corpus([folder], settings, ("voice",), cache=tmp_path / "cache"), "blocks").train
    rows = rows_anew(side, side.firsts + 3, 100)
    assert rows.given is not None
    assert rows.before is not None
    assert rows.given.shape == (len(side.begins), 100, 2 + 3)
    assert np.array_equal(rows.given[:, :, 2:], side.frames(side.firsts + 3, 100))
    assert (rows.before[:, 2:] == 0).all()
