"""WAV files that grow: right after every block, whoever reads them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from tests.data.wav_files import tone

from wavetree.data.audio import WavWriter, read_audio, write_wav, writing
from wavetree.errors import SaveError


def test_others_read_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    write_wav(path, tone(), 22_050)
    levels = np.rint(tone() * 2**15).astype("<i2")
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (1, 2, 22_050, 1000)
        assert file.readframes(1000) == levels.tobytes()
    theirs, rate = soundfile.read(path, dtype="int16")
    assert rate == 22_050
    assert np.array_equal(theirs, levels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


@given(levels=st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=50))
def test_16_bits_come_back_exactly(levels: list[int], folder: Path) -> None:
    samples = np.array(levels, dtype=np.float32) / 2**15
    write_wav(folder / "x.wav", samples, 16_000)
    assert np.array_equal(read_audio(folder / "x.wav").samples, samples)


def test_what_lies_beyond_is_cut(tmp_path: Path) -> None:
    write_wav(tmp_path / "x.wav", [1.0, 7.0, -1.0, -7.0], 8_000)
    assert read_audio(tmp_path / "x.wav").samples.tolist() == [1 - 2**-15, 1 - 2**-15, -1, -1]


def test_the_file_is_good_after_every_block(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    with WavWriter(path, 16_000) as file:
        with wave.open(str(path)) as reader:
            assert reader.getnframes() == 0
        for count in (1, 2, 3):
            file.add(tone(100))
            assert file.samples == 100 * count
            with wave.open(str(path)) as reader:
                assert reader.getnframes() == 100 * count
            assert len(read_audio(path).samples) == 100 * count
    assert path.stat().st_size == 44 + 600


def test_a_block_without_its_header_is_read_all_the_same(tmp_path: Path) -> None:
    """The power goes between the first block and its header."""
    path = tmp_path / "x.wav"
    with WavWriter(path, 16_000):
        pass
    path.write_bytes(path.read_bytes() + b"\1\0" * 50)
    assert len(read_audio(path).samples) == 50


def test_an_interrupted_writer_keeps_what_was_added(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"

    def interrupted() -> None:
        with WavWriter(path, 16_000) as file:
            file.add(tone(100))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(read_audio(path).samples) == 100


PROGRAM = """
import numpy as np
from wavetree.data.audio import WavWriter
with WavWriter("-", 16_000) as file:
    file.add(np.zeros(100))
    file.add(np.zeros(50))
print("still open", flush=True)
"""


def test_standard_output_is_a_stream(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    body = done.stdout.removesuffix(b"still open\n")
    assert len(body) == 44 + 300
    (tmp_path / "x.wav").write_bytes(body)
    assert len(read_audio(tmp_path / "x.wav").samples) == 150


def test_a_pipe_is_a_stream_and_its_reader_may_leave(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got = []

    def read() -> None:
        with path.open("rb") as file:
            got.append(file.read(64))

    reader = threading.Thread(target=read)
    reader.start()
    with WavWriter(path, 16_000) as file:
        file.add(np.zeros(10))
        reader.join()
        with pytest.raises(BrokenPipeError):
            file.add(np.zeros(10))
    assert got[0][40:44] == b"\xff\xff\xff\xff"


def test_places_that_cannot_be_written_to(tmp_path: Path) -> None:
    for place, reason in (
        (tmp_path, "is a directory"),
        (tmp_path / "none" / "x.wav", "no such file or directory"),
        ("a\0b", "embedded null byte"),
    ):
        with pytest.raises(SaveError, match=rf"could not write .*{reason}\. Choose another place") as caught:
            WavWriter(place, 16_000)
        assert caught.value.exit_code == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_a_full_disk_is_a_sentence() -> None:
    with pytest.raises(SaveError, match="could not write /dev/full: no space left on device"):
        write_wav("/dev/full", tone(), 16_000)


def test_no_file_becomes_longer_than_its_header_can_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MAX_BYTES", 300)
    with WavWriter(tmp_path / "x.wav", 16_000) as file:
        file.add(np.zeros(100))
        with pytest.raises(SaveError, match="would be longer than a WAV file can be"):
            file.add(np.zeros(100))
    assert len(read_audio(tmp_path / "x.wav").samples) == 100
