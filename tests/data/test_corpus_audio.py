"""Corpora of sound: at one rate, split by file, with classes from folders and frames beside the clips."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from wavetree.codecs import MuLawCodec
from wavetree.data.audio import resampled, write_wav
from wavetree.data.corpus import Corpus, CorpusSettings, build, encoding, open_corpus, sources, split_stream
from wavetree.errors import AudioError, InputError

RATE = 8000
AUDIO = CorpusSettings("audio", RATE)
FRAMED = CorpusSettings("audio", RATE, local=3, hop=80)


def tone(seconds: float, pitch: float = 220.0, rate: int = RATE) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Two voices with three clips each, a quarter of a second and more, which differ."""
    folder = tmp_path / "clips"
    for voice, pitch in (("anna", 220.0), ("bert", 110.0)):
        (folder / voice).mkdir(parents=True)
        for number in range(3):
            write_wav(folder / voice / f"{number}.wav", tone(0.25 + 0.1 * number, pitch), RATE)
    return folder


def opened(tmp_path: Path, *given: Path, settings: CorpusSettings = AUDIO, fields: tuple[str, ...] = ()) -> Corpus:
    return open_corpus(given, settings, fields, cache=tmp_path / "cache")


def ids_of(corpus: Corpus, number: int) -> np.ndarray:
    piece = corpus.pieces[number]
    with corpus.reading() as file:
        return corpus.read_ids(file, piece.begin, piece.symbols).astype(np.int64)


def test_ids_are_the_mu_law_of_the_samples(tmp_path: Path) -> None:
    samples = np.round(tone(9.0) * 2**15) / 2**15  # longer than a block
    write_wav(tmp_path / "a.wav", samples, RATE)
    corpus = opened(tmp_path, tmp_path / "a.wav")
    assert corpus.codec == MuLawCodec(RATE)
    assert corpus.about.width == 1
    assert ids_of(corpus, 0).tolist() == MuLawCodec(RATE).encode(samples).tolist()


def test_another_rate_is_brought_to_the_corpus_own(tmp_path: Path) -> None:
    pytest.importorskip("soxr")
    samples = (np.round(tone(9.0, rate=22_050) * 2**15) / 2**15).astype(np.float32)
    write_wav(tmp_path / "a.wav", samples, 22_050)
    told: list[float] = []
    corpus = open_corpus([tmp_path / "a.wav"], AUDIO, cache=tmp_path / "cache", progress=told.append)
    assert ids_of(corpus, 0).tolist() == MuLawCodec(RATE).encode(resampled(samples, 22_050, RATE)).tolist()
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1, abs=0.01)
    loudness = corpus.pieces[0].loudness
    assert loudness is not None
    assert loudness.samples == len(samples)  # heard as it is on disk
    assert opened(tmp_path, tmp_path / "a.wav", settings=CorpusSettings("audio", 16_000)).digest != corpus.digest


def test_the_second_start_reads_no_sound(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in clips.rglob("*.wav"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    first = opened(tmp_path, clips, fields=("speaker",))
    for room, name in ((sources, "read_chunks"), (encoding, "read_chunks"), (encoding, "blocks"), (build, "_build")):
        monkeypatch.setattr(room, name, None)  # to call it is now an error
    second = opened(tmp_path, clips, fields=("speaker",))
    assert second == first
    assert second.pieces[0].loudness == first.pieces[0].loudness


def test_sound_is_split_by_file_and_copies_go_together(clips: Path, tmp_path: Path) -> None:
    copy = clips / "bert" / "copy.wav"
    copy.write_bytes((clips / "anna" / "0.wav").read_bytes())
    corpus = opened(tmp_path, clips)
    assert corpus.duplicates == ((str(copy), str(clips / "anna" / "0.wav")),)
    split = split_stream(corpus)
    assert (split.kind, split.note) == ("files", "")
    sides = [set(side.pieces.tolist()) for side in (split.train, split.validation, split.test)]
    assert set.union(*sides) == set(range(6))
    assert sum(map(len, sides)) == 6
    assert all(sides)


def test_classes_are_folders(clips: Path, tmp_path: Path) -> None:
    write_wav(clips / "stray.wav", tone(0.3, 300), RATE)
    corpus = opened(tmp_path, clips / "anna", clips, fields=("speaker",))
    assert corpus.fields.tables == (("speaker", ("anna", "bert", "clips")),)
    assert [piece.labels for piece in corpus.pieces][2:5] == [{"speaker": v} for v in ("anna", "bert", "bert")]
    assert corpus.classes.tolist() == [[1]] * 3 + [[2]] * 3 + [[3]]
    two = opened(tmp_path, clips, fields=("made by", "speaker"))
    assert two.fields.sizes == (2, 4)
    assert two.classes.tolist() == [[1, 1]] * 3 + [[1, 2]] * 3 + [[0, 3]]  # nothing is told of who made the stray
    assert two.digest == corpus.digest
    train = split_stream(two, "blocks").train
    starts = np.arange(train.symbols)
    assert (train.classes(starts) == two.classes[train.pieces[train.positions(starts)[0]]]).all()


def framed(clips: Path) -> dict[str, np.ndarray]:
    """Frames beside every clip; each number in them tells which it is."""
    made = {}
    for number, path in enumerate(sorted(clips.rglob("*.wav"))):
        samples = (path.stat().st_size - 44) // 2
        frames = np.zeros((-(-samples // 80), 3), np.float32)
        frames[:] = 1 + 1000 * number + np.arange(len(frames))[:, None] + np.array([0, 0.25, 0.5])
        np.save(path.with_suffix(".npy"), frames)
        made[str(path)] = frames
    return made


def test_frames_are_those_of_the_positions(clips: Path, tmp_path: Path) -> None:
    by_name = framed(clips)
    corpus = opened(tmp_path, clips, settings=FRAMED)
    for kind in ("files", "blocks"):
        split = split_stream(corpus, kind)
        for side in (split.train, split.validation, split.test):
            starts = np.arange(0, side.symbols, 7)
            rows = side.frames(starts, 100, before=30)
            assert rows.shape == (len(starts), 100, 3)
            assert rows.dtype == np.float32
            inside = side.inside(starts, 100, before=30)
            assert not rows[~inside].any()
            for row, within, span, offset in zip(rows, inside, *side.positions(starts), strict=True):
                piece = corpus.pieces[side.pieces[span]]
                at = side.begins[span] - piece.begin + offset - 30 + np.flatnonzero(within)
                assert (row[within] == by_name[piece.name][at // 80]).all()


def test_changed_frames_are_noticed(clips: Path, tmp_path: Path) -> None:
    framed(clips)
    first = opened(tmp_path, clips, settings=FRAMED)
    path = clips / "bert" / "2.npy"
    np.save(path, np.load(path) + 1)
    second = opened(tmp_path, clips, settings=FRAMED)
    assert second.digest != first.digest
    stream = split_stream(second, "tail").validation  # which ends with bert/2
    assert stream.frames(np.array([stream.symbols - 1]), 1).tolist() == [[np.load(path)[-1].tolist()]]
    os.truncate(second.folder / "frames.bin", 8)
    assert opened(tmp_path, clips, settings=FRAMED) == second


def test_copies_have_no_frames_of_their_own(clips: Path, tmp_path: Path) -> None:
    (clips / "anna" / "0a.wav").write_bytes((clips / "anna" / "0.wav").read_bytes())
    framed(clips)
    corpus = opened(tmp_path, clips, settings=FRAMED)
    assert len(corpus.duplicates) == 1
    assert corpus.frame_begins.tolist() == [0, 25, 60, 105, 130, 165, 210]
    assert (corpus.folder / "frames.bin").stat().st_size == 210 * 3 * 4
    assert opened(tmp_path, clips, settings=FRAMED) == corpus


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (None, r"^.*0\.wav has no frames beside it: there is no file .*0\.npy\. Make it, or leave the clip out\.$"),
        (
            np.zeros((24, 3), np.float32),
            r"holds float32 of the shape \(24, 3\); float32 of the shape \(25, 3\) was exp",
        ),
        (
            np.zeros((25, 4), np.float32),
            r"\(25, 4\).*expected: a frame of 3 for every 80 of the 2,000 samples that .*0\.",
        ),
        (np.zeros((25, 3)), r"holds float64 of the shape \(25, 3\); float32"),
        (np.full((25, 3), np.nan, np.float32), r"0\.npy, frame 0 \(counted from 0\) is not finite"),
        (b"no array", r"0\.npy is no array that numpy can read \(.*\); float32 of the shape"),
        (b"", r"0\.npy is no array that numpy can read"),
        (np.array([{}]), r"0\.npy is no array that numpy can read \(.*Python objects in dtype\); float32"),
    ],
)
def test_frames_that_cannot_be_used(frames: object, message: str, clips: Path, tmp_path: Path) -> None:
    framed(clips)
    path = clips / "anna" / "0.npy"
    path.unlink()
    if isinstance(frames, bytes):
        path.write_bytes(frames)
    elif frames is not None:
        np.save(path, frames)
    with pytest.raises(InputError, match=message):
        opened(tmp_path, clips, settings=FRAMED)


def test_sound_that_cannot_be_used(clips: Path, tmp_path: Path) -> None:
    (clips / "empty.wav").write_bytes(b"")
    with pytest.raises(AudioError, match=r"empty\.wav is empty"):
        opened(tmp_path, clips)
    (clips / "empty.wav").write_bytes((clips / "anna" / "0.wav").read_bytes()[:-9])
    with pytest.raises(AudioError, match=r"empty\.wav is truncated: 9 bytes"):
        opened(tmp_path, clips)


def test_fewer_than_three_clips_are_cut(clips: Path, tmp_path: Path) -> None:
    split = split_stream(opened(tmp_path, clips / "anna" / "0.wav", clips / "anna" / "1.wav"))
    assert split.kind == "blocks"
    assert split.note.startswith("2 distinct files cannot be split by file")
    assert [side.lengths.tolist() for side in (split.train, split.validation)] == [[1600, 2240], [200, 280]]
