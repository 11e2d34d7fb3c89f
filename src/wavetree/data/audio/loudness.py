"""How loud a clip is, heard a block at a time: what is silent or clipped is reported, and nothing is dropped.

dBFS     decibels below full scale: 20 log10 of a sample's size, 0 for 1.0, -60 for 0.001
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SILENT_DBFS = -60.0
"""Quieter than this, around its own mean, a stretch is silent: a quiet room recorded for speech lies about there."""

_SILENT_POWER = math.pow(10, SILENT_DBFS / 10)

SILENT_SECONDS = 0.02
"""A stretch: two periods of the deepest voice. Each is judged as a whole, so that a zero crossing is no silence."""

MANY_CLIPPED = 1e-4
"""The share of clipped samples that is worth a sentence: one in 10,000, at 16 kHz one or two a second."""

MUCH_SILENCE = 0.5
"""The share of silence that is worth a sentence."""


@dataclass(frozen=True)
class Loudness:
    """What was heard.

    `samples` in each channel; `seconds`; `peak`, the size of the largest sample of the mix (1 is full scale);
    `clipped`, the samples at which a channel stays at full scale for two samples or more, or lies beyond it;
    `silent`, the samples of the mix in silent stretches.
    """

    samples: int
    seconds: float
    peak: float
    clipped: int
    silent: int

    @property
    def clipped_share(self) -> float:
        """The share of samples that are clipped, 0 to 1."""
        return self.clipped / max(self.samples, 1)

    @property
    def silent_share(self) -> float:
        """The share of samples in silent stretches, 0 to 1."""
        return self.silent / max(self.samples, 1)

    @property
    def peak_dbfs(self) -> float:
        """The peak in dBFS; minus infinity for zeros."""
        return 20 * math.log10(self.peak) if self.peak else -math.inf


class LoudnessMeter:
    """Hears a clip a block at a time, at constant memory.

    Clipping is judged in each channel, since that is where it happens. The peak and silence are those of the mix, since
    that is what is learnt: two channels that cancel each other are silent, and it is said.
    """

    def __init__(self, rate: int, step: float = 2**-15) -> None:
        """For samples at `rate` Hz, written in steps of `step` of full scale (16-bit PCM: 2^-15)."""
        self._rate = rate
        self._full = 1 - step
        self._stretch = max(1, round(rate * SILENT_SECONDS))
        self._samples = self._clipped = self._silent = 0
        self._peak = 0.0
        self._levels: npt.NDArray[np.int8] | None = None  # (1 or 2, C): the last one judged, and one that waits
        self._rest = np.zeros(0, np.float32)  # the beginning of a stretch

    def hear(self, frames: npt.NDArray[np.float32]) -> None:
        """The next samples, shape (T, C) before the channels are mixed, or (T,) for mono."""
        if not len(frames):
            return
        frames = frames.reshape(len(frames), -1)  # (T, C)
        self._samples += len(frames)
        self._judge(frames)
        mix = mixed(frames)  # (T,)
        self._peak = max(self._peak, float(np.abs(mix).max()))
        mix = np.concatenate([self._rest, mix])
        whole = len(mix) - len(mix) % self._stretch
        self._silent += self._silence(mix[:whole].reshape(-1, self._stretch))
        self._rest = mix[whole:].copy()

    def facts(self) -> Loudness:
        """What was heard so far. The meter may go on hearing."""
        clipped = self._clipped
        if self._levels is not None:
            clipped += _clipped(np.concatenate([self._levels, np.zeros_like(self._levels[:1])]))
        silent = self._silent + (self._silence(self._rest[None, :]) if len(self._rest) else 0)
        return Loudness(self._samples, self._samples / self._rate, self._peak, clipped, silent)

    def _judge(self, frames: npt.NDArray[np.float32]) -> None:
        """Counts clipped frames, all but the newest, which may yet turn out to begin a run."""
        sizes = np.abs(frames)
        levels = np.sign(frames).astype(np.int8) * ((sizes >= self._full).astype(np.int8) + (sizes > 1))  # (T, C)
        before = np.zeros_like(levels[:1]) if self._levels is None else self._levels
        levels = np.concatenate([before, levels])
        self._clipped += _clipped(levels)
        self._levels = levels[-2:]

    @staticmethod
    def _silence(stretches: npt.NDArray[np.float32]) -> int:
        """How many samples of `stretches` (N, T) are silent."""
        power = stretches.var(axis=1, dtype=np.float64)
        return int(np.count_nonzero(power < _SILENT_POWER) * stretches.shape[1])


def _clipped(levels: npt.NDArray[np.int8]) -> int:
    """How many frames of `levels` (T, C) are clipped, the first and the last left out, which only tell of neighbours.

    A level is 0, or with the sample's sign 1 at full scale and 2 beyond it.
    """
    signs = np.sign(levels)
    here = signs[1:-1]
    in_run = (here != 0) & ((here == signs[:-2]) | (here == signs[2:]))
    return int(np.count_nonzero((in_run | (np.abs(levels[1:-1]) == 2)).any(axis=1)))


def mixed(frames: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The mean of the channels, shape (T,), of frames (T, C)."""
    if frames.shape[1] == 1:
        return frames[:, 0]
    mix: npt.NDArray[np.float32] = (frames / np.float32(frames.shape[1])).sum(axis=1, dtype=np.float32)
    return mix


def remarks(name: str, heard: Loudness) -> tuple[str, ...]:
    """What a person should know of the clip `name`, a sentence each; none where it is neither silent nor clipped."""
    found = []
    peak = f"peak {heard.peak_dbfs:.1f} dBFS" if heard.peak else "every sample is zero"
    if heard.samples and heard.silent == heard.samples:
        found.append(f"{name} is silent from beginning to end ({peak}). It is kept; leave it out if it is a mistake.")
    elif heard.silent_share >= MUCH_SILENCE:
        found.append(
            f"{name} is silent (below {SILENT_DBFS:.0f} dBFS) for {heard.silent_share:.0%} of its "
            f"{heard.seconds:,.1f} s. It is kept, and silence is learnt with the rest."
        )
    if heard.clipped_share >= MANY_CLIPPED:
        found.append(
            f"{name} is clipped: {heard.clipped:,} of its samples ({heard.clipped_share:.2%}) lie at full scale or "
            f"beyond ({peak}). It is kept; if you hear it crackle, record it with less gain."
        )
    return tuple(found)
