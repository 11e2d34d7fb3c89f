"""How high a voice is, on tones whose pitch is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from wavetree.data.audio import median_pitch, pitches

RATE = 8000
HZ = [61.0, 83.0, 110.3, 220.0, 261.6, 330.0, 440.0]


def at(seconds: float, rate: int = RATE) -> npt.NDArray[np.float64]:
    return np.arange(round(seconds * rate)) / rate


def sine(hz: float, seconds: float = 0.5, rate: int = RATE) -> npt.NDArray[np.float32]:
    return (0.3 * np.sin(2 * np.pi * hz * at(seconds, rate))).astype(np.float32)


def sawtooth(hz: float, seconds: float = 0.5, rate: int = RATE) -> npt.NDArray[np.float32]:
    return (0.3 * (2 * np.mod(hz * at(seconds, rate), 1) - 1)).astype(np.float32)


@pytest.mark.parametrize("rate", [4000, 8000, 22_050])
@pytest.mark.parametrize("hz", HZ)
def test_the_pitch_of_a_sine_and_of_a_sawtooth(hz: float, rate: int) -> None:
    assert median_pitch(sine(hz, rate=rate), rate) == pytest.approx(hz, rel=0.003)
    assert median_pitch(sawtooth(hz, rate=rate), rate) == pytest.approx(hz, rel=0.01)


def test_a_tone_without_its_fundamental_still_has_its_pitch() -> None:
    wave = sum(sine(hz) for hz in (400.0, 600.0, 800.0))
    assert median_pitch(np.asarray(wave), RATE) == pytest.approx(200, rel=0.01)


def test_noise_does_not_move_it_and_has_none_of_its_own() -> None:
    noise = np.random.default_rng(1).normal(size=RATE).astype(np.float32)
    assert median_pitch(sawtooth(120.0, 1.0) + 0.03 * noise, RATE) == pytest.approx(120, rel=0.01)
    assert median_pitch(noise, RATE) is None


@pytest.mark.parametrize("samples", [np.zeros(RATE), np.full(RATE, 0.4), np.zeros(0), sine(100.0, 0.01)])
def test_what_does_not_sound_has_none(samples: npt.NDArray[np.float32]) -> None:
    assert median_pitch(samples, RATE) is None


def test_silence_within_a_sound_is_left_out_and_a_change_is_heard() -> None:
    parts = [sine(100.0, 1.0), np.zeros(RATE, dtype=np.float32), sine(300.0, 0.5)]
    found = pitches(np.concatenate(parts), RATE)
    assert len(found) < 1.65 / 0.01  # frames of what sounds, and of its edges
    assert found[0] == pytest.approx(100, rel=0.01)
    assert found[-1] == pytest.approx(300, rel=0.01)
    assert np.median(found) == pytest.approx(100, rel=0.01)
