"""Mu-law: 256 levels that hold still, silence the mark, fine steps where it is quiet."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.codecs import MAX_RATE, MIN_RATE, AlphabetCodec, BytesCodec, Codec, MuLawCodec, codec_from_json
from wavetree.errors import AudioError, DamagedError

CODEC = MuLawCodec(16_000)


def by_hand(sample: float) -> int:
    """The id of a sample, from the equation, on plain numbers."""
    sample = max(-1.0, min(1.0, sample))
    companded = math.copysign(math.log(1 + 255 * abs(sample)) / math.log(256), sample)
    return (math.floor((companded + 1) / 2 * 255 + 0.5) - 128) % 256


def test_ids_are_a_contract() -> None:
    assert CODEC.vocab_size == 256
    assert CODEC.encode([0.0, 1.0, -1.0, 0.5, -0.5, 0.01]).tolist() == [0, 127, 128, 111, 144, 29]
    assert CODEC.to_json() == {"kind": "mulaw", "rate": 16_000, "pad": 0}
    assert CODEC.describe() == "256 levels (mu-law) at 16,000 Hz"
    assert (CODEC.unit, CODEC.pad_is_symbol) == ("sample", True)


@given(st.floats(allow_nan=False, width=32))
def test_the_equation(sample: float) -> None:
    """Everywhere, also beyond full scale. (The two logarithms may differ in the last bit: at an edge, by one id.)"""
    assert (CODEC.encode([sample])[0] - by_hand(sample)) % 256 in {0, 1, 255}


def test_the_equation_holds_but_at_the_edges() -> None:
    samples = np.random.default_rng(1).uniform(-1.1, 1.1, 10_000)
    assert CODEC.encode(samples).tolist() == [by_hand(sample) for sample in samples]


def test_silence_is_the_mark() -> None:
    assert CODEC.encode(np.zeros(3, np.float32)).tolist() == [0, 0, 0]
    assert abs(CODEC.decode([0])[0]) < 1e-4  # half a step, -81 dBFS


def test_levels_are_symmetric_and_rise() -> None:
    samples = CODEC.decode((np.arange(256) - 128) % 256)
    assert samples.dtype == np.float32
    assert (samples[0], samples[-1]) == (-1, 1)
    assert (np.diff(samples) > 0).all()
    assert np.array_equal(samples, -samples[::-1])


def test_quiet_sounds_keep_their_detail() -> None:
    """A tone at -50 dBFS, which 8 even bits would lose altogether, comes back 20 dB above what is lost."""
    tone = 10 ** (-50 / 20) * np.sin(np.arange(4_000) * 0.1)
    lost = CODEC.decode(CODEC.encode(tone)) - tone
    assert 10 * math.log10((tone**2).mean() / (lost**2).mean()) > 20


def test_what_lies_beyond_is_clipped() -> None:
    assert CODEC.encode([1.5, -np.inf, 3e38]).tolist() == [127, 128, 127]


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(AudioError, match=r"sample 2 is not a number \(nan\)") as caught:
        CODEC.encode([0.0, math.nan])
    assert caught.value.exit_code == 2
    with pytest.raises(AudioError, match=r"have the shape \(3, 2\)\. Give mono samples"):
        CODEC.encode(np.zeros((3, 2)))


@pytest.mark.parametrize("outside", [-1, 256])
def test_other_ids_are_refused(outside: int) -> None:
    with pytest.raises(ValueError, match=f"id {outside} is no level: levels have ids 0 to 255"):
        CODEC.decode([3, outside])


@pytest.mark.parametrize("rate", [0, -8_000, MIN_RATE - 1, MAX_RATE + 1])
def test_rates_have_limits(rate: int) -> None:
    with pytest.raises(ValueError, match="1,000 to 768,000"):
        MuLawCodec(rate)


@pytest.mark.parametrize("rate", [None, "16000", 16_000.0, True, 0, 10**9])
def test_another_rate_in_the_file_is_damage(rate: object) -> None:
    with pytest.raises(DamagedError, match=r"codec\.json does not describe mu-law") as caught:
        MuLawCodec.from_json({"kind": "mulaw", "rate": rate, "pad": 0})
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("codec", [AlphabetCodec("ab"), BytesCodec(), CODEC])
def test_each_kind_is_found_by_its_document(codec: Codec) -> None:
    assert codec_from_json(codec.to_json()) == codec


@pytest.mark.parametrize("kind", [None, "opus", 3, ["bytes"]])
def test_an_unknown_kind_is_damage(kind: object) -> None:
    with pytest.raises(DamagedError, match="and there are alphabet, bytes, mulaw"):
        codec_from_json({"kind": kind, "pad": 0})
    with pytest.raises(DamagedError):
        codec_from_json({})
