"""Audio files of any kind as mono samples: whole, or a block at a time at constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wavetree.data.audio.compressed import compressed_frames, compressed_header, compressed_kind
from wavetree.data.audio.loudness import Loudness, LoudnessMeter, mixed
from wavetree.data.audio.wav import AudioHeader, Samples, opened, wav_frames, wav_header
from wavetree.errors import AudioError

BLOCK = 1 << 16
"""Frames in a block: four seconds at 16 kHz, 256 KiB as mono float32."""


@dataclass(frozen=True)
class Clip:
    """A file's `samples`, mono, float32, shape (T,), at `rate` Hz; how many `channels` were mixed; how loud it is.

    Full scale is -1 to 1; a float file may go beyond, and nothing is cut here.
    """

    samples: Samples
    rate: int
    channels: int
    loudness: Loudness
    path: Path

    @property
    def clipped(self) -> int:
        """How many samples are clipped, as `Loudness` defines it."""
        return self.loudness.clipped

    @property
    def peak(self) -> float:
        """The size of the largest sample; 1 is full scale."""
        return self.loudness.peak


def read_header(path: Path) -> AudioHeader:
    """What an audio file says of itself: rate, channels, frames, encoding.

    What it is follows from its first bytes, whatever its name. Raises AudioError for a file that cannot be read, is no
    audio, is truncated or empty, or holds what cannot be read here; and where it needs a library that is not installed.
    """
    with opened(path) as file:
        start = file.read(12)
    if not start:
        raise AudioError(f"{path} is empty. Check where it came from.")
    if start[4:8] == b"ftyp":
        raise AudioError(
            f"{path} is an MP4 container, which cannot be read here. Take the sound out of it, for instance with "
            f"`ffmpeg -i {path} sound.wav`."
        )
    kind = compressed_kind(start)
    return compressed_header(path, kind) if kind else wav_header(path)


def blocks(path: Path, size: int = BLOCK, meter: LoudnessMeter | None = None) -> Iterator[Samples]:
    """The samples of an audio file, mono, float32, in blocks of shape (`size`,), of which the last may be shorter.

    Two channels become their mean. The `meter`, where one is given, hears every block before that. Raises AudioError:
    at the call for what the header tells (see `read_header`), later for what only reading shows, such as a sample
    that is no number.
    """
    if size < 1:
        raise ValueError(f"size is {size}; a block has 1 frame or more.")
    return _blocks(read_header(path), size, meter)


def read_audio(path: Path) -> Clip:
    """The whole of an audio file. Raises AudioError (see `blocks`, which is the way to read a long one)."""
    header = read_header(path)
    meter = LoudnessMeter(header.rate, header.step)
    samples = np.concatenate(list(_blocks(header, BLOCK, meter)))
    return Clip(samples, header.rate, header.channels, meter.facts(), path)


def _blocks(header: AudioHeader, size: int, meter: LoudnessMeter | None) -> Iterator[Samples]:
    read = compressed_frames if header.start is None else wav_frames
    done = 0
    for frames in read(header, size):  # (T, C)
        finite = np.isfinite(frames).all(axis=1)
        if not finite.all():
            place = int(finite.argmin())
            value = next(sample for sample in frames[place] if not np.isfinite(sample))
            raise AudioError(
                f"{header.path} holds {value:g} at {(done + place) / header.rate:.3f} s (sample "
                f"{done + place + 1:,}), which is no sound. Export it again."
            )
        if meter is not None:
            meter.hear(frames)
        done += len(frames)
        yield mixed(frames)
