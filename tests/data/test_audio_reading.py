"""Compressed files by libsndfile, what happens without it, and other sample rates."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.data.wav_files import tone, wav, written

from wavetree.data.audio import blocks, read_audio, read_header, resampled, resampled_blocks
from wavetree.errors import AudioError

SOUND = tone(40_000, period=160)  # 100 Hz at 16 kHz


def saved(folder: Path, name: str, frames: np.ndarray = SOUND, rate: int = 16_000) -> Path:
    soundfile.write(folder / name, frames, rate)
    return folder / name


@pytest.mark.parametrize(("name", "lost"), [("x.flac", 1e-4), ("x.ogg", 0.05), ("x.mp3", 0.05), ("x.aiff", 1e-4)])
def test_each_kind_comes_back(name: str, lost: float, tmp_path: Path) -> None:
    clip = read_audio(saved(tmp_path, name))
    assert (clip.rate, clip.channels, clip.samples.dtype, clip.samples.shape) == (16_000, 1, np.float32, (40_000,))
    assert np.abs(clip.samples - SOUND)[2000:-2000].max() < lost
    assert np.array_equal(np.concatenate(list(blocks(clip.path, 777))), clip.samples)
    header = read_header(clip.path)
    assert header.encoding == name.partition(".")[2].upper()
    assert header.frames == (None if name == "x.mp3" else 40_000)
    assert header.seconds == (None if name == "x.mp3" else 2.5)


def test_two_channels_become_their_mean(tmp_path: Path) -> None:
    clip = read_audio(saved(tmp_path, "x.flac", np.stack([SOUND, SOUND / 3], axis=1)))
    assert clip.channels == 2
    assert np.abs(clip.samples - SOUND * 2 / 3).max() < 1e-4


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    raw = saved(tmp_path, "x.flac").read_bytes()
    assert len(read_audio(written(tmp_path, raw, "named.wav")).samples) == 40_000
    assert len(read_audio(written(tmp_path, wav(SOUND), "named.mp3")).samples) == 40_000


def test_an_mp3_with_a_tag_of_its_maker(tmp_path: Path) -> None:
    raw = saved(tmp_path, "x.mp3").read_bytes()
    tagged = b"ID3\x04\0\0\0\0\0\x0a" + b"\0" * 10 + raw
    assert len(read_audio(written(tmp_path, tagged, "y.mp3")).samples) == 40_000


@pytest.mark.parametrize(
    ("name", "cut", "match"),
    [
        ("x.flac", 0.7, r"looks like FLAC and cannot be decoded \(flac decoder lost sync\)\. Convert it"),
        ("x.flac", 0.001, "looks like FLAC and cannot be decoded"),
        ("x.ogg", 0.01, "looks like OGG and cannot be decoded"),
    ],
)
def test_a_truncated_file_is_refused(name: str, cut: float, match: str, tmp_path: Path) -> None:
    raw = saved(tmp_path, name).read_bytes()
    with pytest.raises(AudioError, match=match):
        read_audio(written(tmp_path, raw[: int(len(raw) * cut)], name))


def relabelled(path: Path, count: int) -> Path:
    """The FLAC file with another number of samples in its STREAMINFO (RFC 9639, section 8.2)."""
    raw = bytearray(path.read_bytes())
    assert raw[22:26] == (40_000).to_bytes(4, "big")
    raw[22:26] = count.to_bytes(4, "big")
    return written(path.parent, bytes(raw), "relabelled.flac")


def test_missing_samples_are_counted(tmp_path: Path) -> None:
    path = relabelled(saved(tmp_path, "x.flac"), 50_000)
    with pytest.raises(AudioError, match="truncated: 10,000 of its 50,000 samples are missing"):
        read_audio(path)


def test_a_stream_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    path = relabelled(saved(tmp_path, "x.flac"), 0)
    assert read_header(path).frames is None
    assert len(read_audio(path).samples) == 40_000


def test_seven_channels_and_no_samples(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="has 7 channels; one or two can be read"):
        read_header(saved(tmp_path, "x.flac", np.zeros((100, 7))))
    with pytest.raises(AudioError, match="holds no samples"):
        read_audio(saved(tmp_path, "x.aiff", np.zeros(0)))


def test_without_soundfile_wav_is_read_and_flac_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, "x.flac")
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert len(read_audio(written(tmp_path, wav(SOUND))).samples) == 40_000
    with pytest.raises(AudioError, match=r"is FLAC, which needs .* soundfile: `pip install 'wavetree\[audio\]'`"):
        read_audio(path)


# --- sample rates


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000])
def test_a_tone_stays_a_tone(rate: int) -> None:
    """A second of 440 Hz is one at any rate, but for the edges, where there is nothing on one side."""
    given = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    made = resampled(given, rate, 16_000)
    assert made.dtype == np.float32
    assert len(made) == 16_000
    wanted = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert np.abs(made - wanted)[500:-500].max() < 1e-3


def test_what_the_new_rate_cannot_hold_is_gone() -> None:
    """7 kHz would fold to 1 kHz at 8 kHz if every other sample were simply dropped."""
    given = np.sin(2 * np.pi * 7_000 * np.arange(16_000) / 16_000).astype(np.float32)
    assert np.abs(given[::2]).max() > 0.7
    assert np.abs(resampled(given, 16_000, 8_000))[500:-500].max() < 1e-3


@pytest.mark.parametrize("size", [1, 100, 1777, 5000])
def test_however_a_clip_is_cut_the_same_comes_out(size: int) -> None:
    given = np.random.default_rng(1).standard_normal(5_000).astype(np.float32)
    cut = [given[i : i + size] for i in range(0, 5_000, size)]
    made = np.concatenate(list(resampled_blocks(cut, 44_100, 16_000)))
    assert np.array_equal(made, resampled(given, 44_100, 16_000))


def test_empty_and_tiny_clips() -> None:
    assert len(resampled(np.zeros(0, np.float32), 44_100, 16_000)) == 0
    assert len(resampled(np.zeros(2, np.float32), 8_000, 16_000)) == 4


def test_the_right_rate_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    given = SOUND.astype(np.float32)
    assert resampled(given, 16_000, 16_000) is given
    assert next(resampled_blocks([given], 8_000, 8_000)) is given
    for ask in (resampled, lambda *rates: resampled_blocks([rates[0]], *rates[1:])):
        with pytest.raises(
            AudioError, match=r"from 44,100 to 16,000 Hz needs .* soxr: `pip install 'wavetree\[audio\]'`"
        ):
            ask(given, 44_100, 16_000)
