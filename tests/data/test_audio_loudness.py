"""Silent and clipped clips are reported, however they come in blocks."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.wav_files import FLOAT, tone, wav, written

from wavetree.data.audio import Loudness, LoudnessMeter, blocks, read_audio, remarks

RATE = 16_000
FULL = 1 - 2**-15


def heard(frames: object, cuts: tuple[int, ...] = ()) -> Loudness:
    samples = np.asarray(frames, dtype=np.float32)
    meter = LoudnessMeter(RATE)
    for start, stop in pairwise([0, *sorted(cuts), len(samples)]):
        meter.hear(samples[start:stop])
    return meter.facts()


def clipped_by_hand(frames: np.ndarray) -> int:
    """Sample by sample: at full scale beside another of its sign, or beyond it, in any channel."""
    count = 0
    for t in range(len(frames)):
        for c in range(frames.shape[1]):
            x = frames[t, c]
            near = [frames[n, c] for n in (t - 1, t + 1) if 0 <= n < len(frames)]
            if abs(x) > 1 or (abs(x) >= FULL and any(abs(y) >= FULL and y * x > 0 for y in near)):
                count += 1
                break
    return count


@given(
    st.lists(st.tuples(*[st.sampled_from([0, 0.5, FULL, 1, -1, 1.5, -2])] * 2), max_size=30),
    st.lists(st.integers(0, 30), max_size=4),
)
def test_clipping_is_what_the_definition_says(frames: list[tuple[float, float]], cuts: list[int]) -> None:
    samples = np.array(frames, dtype=np.float32).reshape(-1, 2)
    facts = heard(samples, tuple(min(cut, len(samples)) for cut in cuts))
    assert facts.clipped == clipped_by_hand(samples)
    assert facts.samples == len(samples)


def test_one_sample_at_full_scale_is_no_clipping() -> None:
    assert heard([0, 1, 0, -1, 1, -1, 0]).clipped == 0
    assert heard([0, 1, 1, 0]).clipped == 2


def test_the_meter_may_be_read_in_between() -> None:
    meter = LoudnessMeter(RATE)
    meter.hear(np.ones(1, np.float32))
    assert meter.facts() == meter.facts()
    meter.hear(np.ones(1, np.float32))
    assert meter.facts().clipped == 2


@given(st.lists(st.integers(0, 4000), max_size=5))
def test_blocks_make_no_difference(cuts: list[int]) -> None:
    samples = np.concatenate([tone(1500), np.zeros(1500), tone(1000, 1.2)])
    assert heard(samples, tuple(cuts)) == heard(samples)


def test_silence_is_counted_in_stretches_of_20_ms() -> None:
    facts = heard(np.concatenate([tone(1600), np.full(1600, 0.0005), tone(800)]))
    assert (facts.samples, facts.seconds, facts.silent) == (4000, 0.25, 1600)
    assert facts.silent_share == 0.4
    assert heard(np.zeros(50)).silent == 50  # shorter than a stretch
    assert heard(tone(50)).silent == 0


def test_a_constant_is_silence() -> None:
    """An 8-bit recording of nothing may lie one step off the middle."""
    facts = heard(np.full(1000, 1 / 128))
    assert (facts.silent, facts.peak) == (1000, 1 / 128)


def test_decibels() -> None:
    assert heard(np.array([0.5, -0.25])).peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert heard(np.zeros(3)).peak_dbfs == -math.inf
    assert (heard([]).peak_dbfs, heard([]).silent_share, heard([]).clipped_share) == (-math.inf, 0, 0)


def test_a_usual_clip_needs_no_remark() -> None:
    assert remarks("x.wav", heard(tone(16_000))) == ()


def test_each_remark() -> None:
    (line,) = remarks("a.wav", heard(np.zeros(16_000)))
    assert line.startswith("a.wav is silent from beginning to end (every sample is zero). It is kept;")
    (line,) = remarks("b.wav", heard(np.full(16_000, 0.0001) * (-1) ** np.arange(16_000)))
    assert "silent from beginning to end (peak -80.0 dBFS)" in line
    (line,) = remarks("c.wav", heard(np.concatenate([tone(4_160), np.zeros(11_840)])))
    assert line.startswith("c.wav is silent (below -60 dBFS) for 74% of its 1.0 s. It is kept")
    (line,) = remarks("d.wav", heard(np.clip(tone(16_000, 1.3, 160), -1, 1)))
    assert "d.wav is clipped: " in line
    assert "lie at full scale or beyond (peak 0.0 dBFS). It is kept;" in line
    assert len(remarks("e.wav", heard(np.concatenate([np.ones(400), np.zeros(16_000)])))) == 2


def test_two_channels_that_cancel_are_silent_and_clipping_is_seen_before_they_are_mixed(tmp_path: Path) -> None:
    loud = np.clip(tone(4000, 2), -1, 1)
    clip = read_audio(written(tmp_path, wav(np.stack([loud, -loud], axis=1), 32, FLOAT)))
    assert (clip.peak, clip.loudness.silent_share) == (0, 1)
    assert clip.clipped > 2000
    assert [line.split(" ")[2] for line in remarks("x.wav", clip.loudness)] == ["silent", "clipped:"]


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_full_scale_is_known_for_each_encoding(bits: int, tmp_path: Path) -> None:
    clip = read_audio(written(tmp_path, wav([0, 1, 1, 1, 0, -1, -1, 0, 0.97, 0.97], bits)))
    assert clip.clipped == 5


def test_a_meter_hears_what_is_read_in_blocks(tmp_path: Path) -> None:
    path = written(tmp_path, wav(np.stack([tone(3000, 1.4), tone(3000)], axis=1)))
    meter = LoudnessMeter(RATE)
    for _ in blocks(path, 700, meter):
        pass
    assert meter.facts() == read_audio(path).loudness
