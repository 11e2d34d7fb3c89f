"""Sound files and the frames beside them, from the command to the corpus on disk. The reader alone: tests/data."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.test_audio_any_bytes import NUMBERS, VALID
from tests.data.wav_files import chunk, content, fmt, riff, tone
from tests.fuzz.calling import call
from tests.fuzz.guard import a_result_or_a_sentence
from tests.fuzz.hostile import spoilt
from tests.fuzz.runs import Spoilable

from wavetree.data.corpus import CorpusSettings, open_corpus

CHUNKS = [b"fmt ", b"data", b"LIST", b"ds64", b"fact", b"\0\0\0\0", b"DATA", b"id3 "]


@st.composite
def sounds(draw: st.DrawFn) -> bytes:
    """A valid WAV file with fields that lie, chunks in any order and number, an end that is missing."""
    raw = bytearray(draw(st.sampled_from(VALID)))
    match draw(st.sampled_from(["fields", "fields", "chunks", "spoilt"])):
        case "fields":
            for _ in range(draw(st.integers(1, 4))):
                width = draw(st.sampled_from([1, 2, 4, 8]))
                number = draw(st.sampled_from(NUMBERS) | st.integers(0, 2**64 - 1)) % 2 ** (8 * width)
                place = draw(st.integers(0, min(len(raw), 80)))
                raw[place : place + width] = number.to_bytes(width, "little")
            return bytes(raw)
        case "chunks":
            rate, bits = (
                draw(st.sampled_from([1, 999, 8000, 44_100, 768_000, 2**32 - 1])),
                draw(st.sampled_from([8, 16])),
            )
            parts = [
                chunk(b"fmt ", fmt(bits, channels=draw(st.sampled_from([1, 2, 65_535 * 8 // bits // 8])), rate=rate)),
                chunk(b"data", content(tone(draw(st.integers(0, 50))), bits)),
                *draw(st.lists(st.builds(chunk, st.sampled_from(CHUNKS), st.binary(max_size=20)), max_size=3)),
            ]
            return riff(*draw(st.permutations(parts)), name=draw(st.sampled_from([b"RIFF", b"RF64", b"RIFX"])))
        case _:
            return draw(spoilt(bytes(raw)))


@given(raw=sounds(), rate=st.sampled_from([8000, 16_000]))
def test_a_sound_becomes_a_corpus(desk: Path, raw: bytes, rate: int) -> None:
    path = desk / "clip.wav"
    path.write_bytes(raw)
    with a_result_or_a_sentence({2}):
        assert open_corpus([path], CorpusSettings("audio", rate=rate), cache=desk / "cache").symbols > 0


@given(raw=sounds())
def test_a_sound_is_described(desk: Path, raw: bytes) -> None:
    (desk / "described.wav").write_bytes(raw)
    assert call(["data", str(desk / "described.wav"), "--json"]).code in {0, 2}


@given(raw=sounds())
def test_a_sound_to_score_or_to_go_on_from(heard: Spoilable, desk: Path, raw: bytes) -> None:
    (desk / "prompt.wav").write_bytes(raw)
    assert call(["score", str(heard.path), str(desk / "prompt.wav")]).code in {0, 2}


@st.composite
def arrays(draw: st.DrawFn) -> bytes:
    """A .npy file whose header or content is wrong."""
    shape = draw(st.sampled_from([(1, 2), (2, 2), (0, 2), (2,), (), (1, 2, 1)]))
    kind = draw(st.sampled_from([np.float32, np.float64, np.int8, object, "U3", "datetime64[s]", ">f4"]))
    file = io.BytesIO()
    np.save(file, np.zeros(shape, dtype=kind), allow_pickle=True)
    raw = file.getvalue()
    if draw(st.booleans()):
        raw = raw.replace(
            b"(1, 2)", draw(st.sampled_from([b"(10**9, 2)", b"(-1, 2)", b"(2**62,4)", b"((1,),)", b"(9999999999, 2)"]))
        )
    return draw(st.just(raw) | spoilt(raw))


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(raw=arrays())
def test_frames_beside_a_clip(desk: Path, raw: bytes) -> None:
    (desk / "told.wav").write_bytes(riff(chunk(b"fmt ", fmt()), chunk(b"data", content(tone(16)))))
    (desk / "told.npy").write_bytes(raw)
    with a_result_or_a_sentence({2}):
        open_corpus([desk / "told.wav"], CorpusSettings("audio", 16_000, 2, 16), cache=desk / "cache")
