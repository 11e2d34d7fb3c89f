"""How high a voice is: the fundamental frequency of each moment that has one.

    F frames   N samples of a frame   x a frame under a Hann window w

A sound that repeats itself resembles itself after a period: r(lag) = autocorrelation of x over that of w, 1 at lag 0.
A frame is voiced where r has a peak of VOICED or more among the lags of LOWEST to HIGHEST; its period is the shortest
lag whose peak is nearly as good as the best, since what repeats after one period does so after two.
Source: Boersma 1993, "Accurate short-term analysis of the fundamental frequency".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wavetree.data.audio.wav import Samples

LOWEST, HIGHEST = 60.0, 500.0
"""Hz: from a low voice of a man to a high one of a child."""
PERIODS = 3
"""Of the lowest pitch, in a frame: fewer do not show that it repeats itself."""
STEP_SECONDS = 0.01
VOICED = 0.5
NEARLY = 0.9
LOUD = 0.1
"""A frame is heard where it is at least this share as loud (root mean square) as the loudest one."""


def pitches(samples: Samples, rate: int) -> npt.NDArray[np.float64]:
    """The fundamental frequency in Hz of each voiced frame of mono `samples` (T,), in order; of shape (voiced,)."""
    size = round(PERIODS * rate / LOWEST)
    shortest, longest = max(2, int(rate / HIGHEST)), int(np.ceil(rate / LOWEST))
    if len(samples) < size:
        return np.zeros(0)
    every = max(1, round(STEP_SECONDS * rate))
    frames = np.lib.stride_tricks.sliding_window_view(np.asarray(samples, np.float64), size)[::every]  # (F, N)
    frames = frames - frames.mean(axis=1, keepdims=True)
    loudness = np.sqrt(np.square(frames).mean(axis=1))  # (F,)
    frames = frames[(loudness >= LOUD * loudness.max()) & (loudness > 0)]
    window = np.hanning(size + 2)[1:-1]
    likeness = _autocorrelation(frames * window)[:, : longest + 2] / _autocorrelation(window)[: longest + 2]
    found = [_frequency(row, shortest, longest, rate) for row in likeness]
    return np.array([each for each in found if each is not None])


def median_pitch(samples: Samples, rate: int) -> float | None:
    """The median fundamental frequency in Hz of the voiced frames of `samples` (T,); None where there are none."""
    found = pitches(samples, rate)
    return float(np.median(found)) if len(found) else None


def _autocorrelation(frames: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of frames (..., N) at the lags 0 to N - 1, over that at lag 0."""
    size = frames.shape[-1]
    power = np.square(np.abs(np.fft.rfft(frames, 2 * size)))  # twice as long: nothing comes round from the other end
    raw = np.fft.irfft(power)[..., :size]
    likeness: npt.NDArray[np.float64] = raw / raw[..., :1]
    return likeness


def _frequency(likeness: npt.NDArray[np.float64], shortest: int, longest: int, rate: int) -> float | None:
    """The pitch by the likeness of a frame to itself at the lags 0 to longest + 1; None where it is not voiced."""
    lags = np.arange(shortest, longest + 1)
    here = likeness[lags]
    peaks = lags[(here >= likeness[lags - 1]) & (here > likeness[lags + 1])]
    if not len(peaks) or likeness[peaks].max() < VOICED:
        return None
    lag = int(peaks[likeness[peaks] >= NEARLY * likeness[peaks].max()][0])
    before, at, after = likeness[lag - 1 : lag + 2]
    return float(rate / (lag + (before - after) / (2 * (before - 2 * at + after))))  # the top of the parabola
