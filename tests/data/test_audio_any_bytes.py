"""Whatever bytes a file holds: samples or a sentence, in a short time and in memory of the order of the file."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st
from tests.data.wav_files import FLOAT, PCM, chunk, content, fmt, riff, tone, wav, written

from wavetree.data.audio import LoudnessMeter, blocks, read_audio, read_header
from wavetree.errors import AudioError

ROOM = 300_000
"""Bytes that reading may take for itself: buffers, the meter, the exception."""

VALID = [
    wav(tone(60), 8),
    wav(tone(61), 16, before=chunk(b"LIST", b"INFO." * 3)),
    wav(np.stack([tone(30), tone(30)], axis=1), 24, extensible=True),
    wav(tone(40), 32, FLOAT, after=chunk(b"junk", b"?")),
    wav(tone(40), 64, FLOAT),
    riff(chunk(b"ds64", bytes(28)), chunk(b"fmt ", fmt()), chunk(b"data", content(tone(9))), name=b"RF64"),
]
NUMBERS = [0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


@pytest.fixture(scope="module")
def flac(folder: Path) -> bytes:
    soundfile.write(folder / "good.flac", tone(4000), 16_000)
    return (folder / "good.flac").read_bytes()


@contextmanager
def little_memory(limit: int) -> Iterator[None]:
    """Fails where more than `limit` bytes are taken at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def samples_or_a_sentence(folder: Path, raw: bytes) -> int:
    """How many samples the file holds, none where it is refused. Fails for anything else, and for too much memory."""
    path = written(folder, raw)
    try:
        with little_memory(ROOM + 64 * len(raw)):
            header = read_header(path)
            clip = read_audio(path)
            meter = LoudnessMeter(header.rate, header.step)
            cut = np.concatenate(list(blocks(path, 13, meter)))
    except AudioError as error:
        refusal = str(error)
    else:
        assert len(clip.samples) == header.frames == clip.loudness.samples
        assert np.isfinite(clip.samples).all()
        assert np.array_equal(cut, clip.samples)
        assert meter.facts() == clip.loudness
        return len(clip.samples)
    assert str(path) in refusal
    assert refusal.endswith(".")
    return 0


@given(raw=st.binary(max_size=200))
@example(raw=b"")
def test_any_bytes(raw: bytes, folder: Path) -> None:
    assert samples_or_a_sentence(folder, raw) == 0


@given(rest=st.binary(max_size=200), kind=st.sampled_from([b"RIFF\0\0\0\0WAVE", b"RF64\xff\xff\xff\xffWAVE"]))
def test_any_chunks(rest: bytes, kind: bytes, folder: Path) -> None:
    samples_or_a_sentence(folder, kind + rest)


@given(data=st.data(), valid=st.sampled_from(VALID))
def test_a_number_of_the_header_is_wrong(data: st.DataObject, valid: bytes, folder: Path) -> None:
    """Up to three fields hold another number, mostly one where sizes change their meaning."""
    raw = bytearray(valid)
    for _ in range(data.draw(st.integers(1, 3))):
        width = data.draw(st.sampled_from([1, 2, 4]))
        number = data.draw(st.sampled_from(NUMBERS) | st.integers(0, 2**32 - 1)) % 2 ** (8 * width)
        place = data.draw(st.integers(0, 80))
        raw[place : place + width] = number.to_bytes(width, "little")
    samples_or_a_sentence(folder, bytes(raw))


@given(valid=st.sampled_from(VALID), cut=st.integers(0, 400), more=st.binary(max_size=9))
def test_the_end_is_missing_or_more_follows(valid: bytes, cut: int, more: bytes, folder: Path) -> None:
    samples_or_a_sentence(folder, valid[:cut] + more)


def test_every_valid_file_is_read(folder: Path) -> None:
    assert [samples_or_a_sentence(folder, raw) for raw in VALID] == [60, 61, 30, 40, 40, 9]


def test_a_size_that_is_believed_would_be_seen(folder: Path) -> None:
    """A reader that makes room for as many samples as the header promises takes more than is allowed here."""
    raw = riff(chunk(b"fmt ", fmt()), chunk(b"data", content(tone(60)), 2**28))
    assert samples_or_a_sentence(folder, raw) == 0
    with pytest.raises(AssertionError), little_memory(ROOM + 64 * len(raw)):
        np.empty(2**28, np.uint8)


@given(data=st.data())
def test_flac_that_is_damaged(data: st.DataObject, folder: Path, flac: bytes) -> None:
    raw = bytearray(flac)
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, 60) | st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(AudioError):
        assert np.isfinite(read_audio(written(folder, bytes(raw), "x.flac")).samples).all()


def test_a_long_file_passes_in_little_memory(folder: Path) -> None:
    """40 MB of samples, never more than a few blocks of them at once."""
    path = folder / "long.wav"
    with path.open("wb") as file:
        file.write(riff(chunk(b"fmt ", fmt(16, PCM, 2)), chunk(b"data", b"", 40_000_000), size=40_000_036))
        file.truncate(40_000_044)
    with little_memory(5_000_000):
        header = read_header(path)
        meter = LoudnessMeter(header.rate, header.step)
        assert sum(len(block) for block in blocks(path, meter=meter)) == header.frames == 10_000_000
    assert meter.facts().silent_share == 1
