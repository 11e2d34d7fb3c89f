"""`bench speech` on made tones of two pitches: all of its figures and files; its n-grams and its rank test."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from wavetree.config import NgramConfig
from wavetree.data.audio import read_audio, write_wav
from wavetree.data.corpus import CorpusSettings, Stream, open_corpus, split_stream
from wavetree.errors import InputError, RunError
from wavetree.experiments.bench_speech import bench_speech
from wavetree.experiments.stream_ngrams import BLOCK, DISCOUNTS, best_ngram, ngram_loss, ngram_of, stream_counts
from wavetree.experiments.voices import Pitches, rank_p_value, told_apart
from wavetree.models import Ngram

RATE = 2000
TINY = (
    f"data.rate={RATE}",
    "data.untold=0",
    *("model.stacks=1", "model.levels=5", "model.channels=16", "model.hidden=16", "model.skip=16"),
    *("train.rows=4", "train.length=128", "train.checks=1", "train.threads=1"),
    *("train.learning_rate=0.05", "train.steps=250"),
)
HZ = {"high": 300.0, "low": 100.0}


def ignore(_: str) -> None: ...


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two voices, each a tone."""
    folder = tmp_path_factory.mktemp("tones")
    for voice, hz in HZ.items():
        (folder / voice).mkdir()
        for number in range(6):
            at = np.arange(RATE + 100 * number) / RATE
            write_wav(folder / voice / f"{number}.wav", 0.3 * np.sin(2 * np.pi * (hz + number) * at + number), RATE)
    return folder


@pytest.fixture(scope="module")
def sides(tones: Path) -> tuple[Stream, Stream]:
    split = split_stream(open_corpus([tones], CorpusSettings("audio", RATE), ("voice",)))
    return split.train, split.validation


@pytest.mark.slow
def test_two_tones_are_told_apart_and_all_is_written(tones: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said: list[str] = []
    found = bench_speech(tones, 60, 1, said.append, out, TINY, clips=3)
    assert found["told_apart"] is True
    assert (found["lower"], found["higher"], found["p_value"]) == ("low", "high", 1 / 20)
    for row in found["voices"]:
        assert row["recorded_hz"] == pytest.approx(HZ[row["voice"]], rel=0.04)
        assert row["made_hz"] == pytest.approx(HZ[row["voice"]], rel=0.04)
        assert row["made_clips"] == row["with_a_pitch"] == 3
    assert 0 < found["trigram_nll"] < found["bigram_nll"] < np.log(256)
    assert found["margin"] == pytest.approx(found["trigram_nll"] - found["val_nll"])
    assert found["val_bits"] == pytest.approx(found["val_nll"] / np.log(2))
    assert found["val_symbols"] == found["validation_seconds_of_sound"] * RATE
    assert found["realtime"] > 1
    assert found["machine"]
    wavs = {f"{voice}-{number}.wav" for voice in HZ for number in (1, 2, 3)}
    assert {path.name for path in out.glob("*.wav")} == wavs | {"recorded.wav", "continued.wav"}
    assert len(read_audio(out / "low-1.wav").samples) == 5 * RATE
    assert len(read_audio(out / "continued.wav").samples) == (5 + found["prompt_seconds"]) * RATE
    assert (out / "low-1.wav").read_bytes() != (out / "low-2.wav").read_bytes()
    assert json.loads((out / "speech.json").read_text()) == json.loads(json.dumps(found))
    page = (out / "speech.html").read_text()
    assert page.count("<audio") == page.count("<figure>") == 4
    assert "are told apart" in page
    assert (out / "run" / "report.html").is_file()
    assert any("validation" in line for line in said)
    with pytest.raises(RunError):
        bench_speech(tones, 60, 1, ignore, out, TINY)


def test_a_folder_without_two_voices_is_refused(tones: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not hold two voices"):
        bench_speech(tones / "low", 60, 1, ignore, tmp_path / "out", TINY)
    assert not (tmp_path / "out").exists()


def test_counts_are_those_of_every_position_with_pad_before(sides: tuple[Stream, Stream]) -> None:
    side, _ = sides
    wanted = np.zeros((256,) * 3, dtype=np.int64)
    for span in range(len(side.lengths)):
        row = [0, 0, *np.concatenate([*side.blocks(span, BLOCK)])]
        for gram in itertools.pairwise(itertools.pairwise(row)):
            wanted[gram[0][0], gram[0][1], gram[1][1]] += 1
    counts = stream_counts(side, 3)
    np.testing.assert_array_equal(counts, wanted)
    np.testing.assert_array_equal(stream_counts(side, 2), counts.sum(0))


def test_blocks_of_any_size_count_and_judge_the_same(
    sides: tuple[Stream, Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = stream_counts(sides[0], 3)
    loss = ngram_loss(ngram_of(counts, 0.75), sides[1])
    monkeypatch.setattr("wavetree.experiments.stream_ngrams.BLOCK", 7)
    np.testing.assert_array_equal(stream_counts(sides[0], 3), counts)
    again = ngram_loss(ngram_of(counts, 0.75), sides[1])
    assert again.symbols == loss.symbols == sides[1].symbols
    assert again.nats == pytest.approx(loss.nats)


def test_it_is_the_model_that_counts_packed_items(sides: tuple[Stream, Stream]) -> None:
    side, _ = sides
    clips = [np.concatenate([*side.blocks(span, BLOCK)]) for span in range(len(side.lengths))]
    ids = np.concatenate([[0, *clip[:-1]] for clip in clips])
    ages = np.concatenate([np.arange(len(clip)) for clip in clips])
    ours, other = ngram_of(stream_counts(side, 3), 0.9), Ngram(NgramConfig(order=3, discount=0.9), 256)
    other.count(ids, np.concatenate(clips), ages)
    for name, table in other.state_dict().items():
        assert ours.state_dict()[name].equal(table), name


def test_the_best_discount_is_taken(sides: tuple[Stream, Stream]) -> None:
    counts = stream_counts(sides[0], 2)
    loss, discount = best_ngram(counts, sides[1])
    assert discount in DISCOUNTS
    assert loss.nats == min(ngram_loss(ngram_of(counts, each), sides[1]).nats for each in DISCOUNTS)


def test_the_rank_test_counts_all_ways_to_deal_the_clips_out() -> None:
    assert rank_p_value([1, 2, 3], [4, 5, 6]) == 1 / 20
    assert rank_p_value([4, 5, 6], [1, 2, 3]) == 1
    assert rank_p_value([1, 3], [2, 4]) == 2 / 6  # ranks 2 and 4, or 3 and 4
    assert rank_p_value([5, 5], [5, 5]) == 1
    assert rank_p_value([1, 2, 3, 4, 5, 6, 7, 8], [11, 12, 13, 14, 15, 16, 17, 18]) == 1 / 12_870


@pytest.mark.parametrize(
    ("low", "high", "apart", "sides"),
    [
        ([90.0, 100, 95], [200.0, 210, 190], True, True),
        ([200.0, 210, 190], [90.0, 100, 95], False, False),
        ([160.0, 165, 170], [200.0, 210, 190], True, False),  # in order, but both are high voices
        ([90.0, 205, 95], [200.0, 92, 190], False, True),  # right in the middle, and could be luck
        ([], [200.0], False, False),
    ],
)
def test_voices_are_told_apart_by_ranks_and_their_sides_are_said_beside(
    low: list[float], high: list[float], apart: bool, sides: bool
) -> None:
    found = told_apart([Pitches("b", [230.0], high), Pitches("m", [140.0], []), Pitches("a", [80.0], low)])
    assert (found["told_apart"], found["on_their_sides"]) == (apart, sides)
