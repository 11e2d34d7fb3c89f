"""FLAC, OGG, MP3 and what else libsndfile knows, a block at a time. Needs the library soundfile, an extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from wavetree.data.audio.wav import AudioHeader, Samples, checked, way_out
from wavetree.errors import AudioError

_STARTS = {b"fLaC": "FLAC", b"OggS": "OGG", b"ID3": "MP3", b"FORM": "AIFF", b"caff": "CAF", b".snd": "AU"}
_STEPS = {"PCM_S8": 2**-7, "PCM_U8": 2**-7, "PCM_16": 2**-15, "PCM_24": 2**-23, "PCM_32": 2**-31}
_UNKNOWN = 2**63 - 1
"""What libsndfile gives for the number of frames where the file does not say."""


def compressed_kind(start: bytes) -> str | None:
    """What a file is that begins with `start` (4 bytes), as far as libsndfile reads it; None for anything else."""
    for letters, kind in _STARTS.items():
        if start.startswith(letters):
            return kind
    if len(start) > 1 and start[0] == 0xFF and start[1] & 0xE6 == 0xE2:  # a frame's eleven ones, then layer III
        return "MP3"
    return None


def compressed_header(path: Path, kind: str) -> AudioHeader:
    """What the file of this `kind` says of itself. Raises AudioError, also where soundfile is not installed."""
    with _decoded(path, kind) as sound:
        frames = None if kind == "MP3" or sound.frames >= _UNKNOWN else int(sound.frames)  # an MP3 file's is a guess
        step = _STEPS.get(sound.subtype, 2**-15)
        return checked(AudioHeader(path, int(sound.samplerate), int(sound.channels), frames, kind, step))


def compressed_frames(header: AudioHeader, size: int) -> Iterator[Samples]:
    """The frames of the file, in blocks (`size`, channels) whose last may be shorter. Raises AudioError."""
    total = 0
    with _decoded(header.path, header.encoding) as sound:
        while len(block := sound.read(size, dtype="float32", always_2d=True)):
            yield np.asarray(block, np.float32)
            total += len(block)
    if not total:
        raise AudioError(f"{header.path} holds no samples. Leave it out, or record it again.")
    if header.frames is not None and total < header.frames:
        raise AudioError(
            f"{header.path} is truncated: {header.frames - total:,} of its {header.frames:,} samples are missing. "
            "Copy it again."
        )


@contextmanager
def _decoded(path: Path, kind: str) -> Iterator[Any]:
    """The opened SoundFile. Raises AudioError, here and while it is read."""
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: libsndfile itself is missing
        raise AudioError(
            f"{path} is {kind}, which needs the library soundfile: `pip install 'wavetree[audio]'`. Or convert it to "
            f"WAV, for instance with `ffmpeg -i {path} converted.wav`."
        ) from None
    try:
        with soundfile.SoundFile(path) as sound:
            # soundfile seeks after each read to where it is already: in an MP3 file that loses the place, so that
            # blocks differ from the whole, and an OGG file is searched from its beginning each time.
            sound.seekable = lambda: False
            yield sound
    except soundfile.SoundFileError as error:
        reason = str(error).rpartition(": ")[2].rstrip(".")
        raise AudioError(f"{path} looks like {kind} and cannot be decoded ({reason}). {way_out(path)}") from None
