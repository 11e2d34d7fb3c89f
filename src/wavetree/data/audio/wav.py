"""WAV files: what the header says, and the samples a block at a time. Needs nothing but the standard library and numpy.

A WAV file is RIFF: the letters `RIFF`, a size, `WAVE`, and chunks. A chunk is four letters, the size of its content in
bytes (little-endian, 32 bits), the content, and one byte more where that size is odd. `fmt ` says how samples are
written and `data` holds them, a **frame** (one sample of each channel) at a time. RF64 (EBU Tech 3306) is the same with
64-bit sizes in a chunk `ds64`. The `wave` module of Python 3.11 knows neither float nor WAVE_FORMAT_EXTENSIBLE.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from wavetree.codecs import MAX_RATE, MIN_RATE
from wavetree.data.lists import _nearest
from wavetree.errors import AudioError

Samples = npt.NDArray[np.float32]

MAX_CHANNELS = 2
"""One, or two that are mixed. More are a room's loudspeakers, whose mean is not what anyone hears."""

_MAX_CHUNKS = 1000
"""As many chunks as are looked at before `data`: real files have ten."""

_STREAMED = {0, 0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000}
"""Sizes of `data` that a program writes when it cannot go back to the header; and all from 0xFFFFFF00 on."""

_EXTENSIBLE = 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_TAGS = {1: "PCM", 2: "Microsoft ADPCM", 3: "float", 6: "A-law", 7: "mu-law", 0x11: "IMA ADPCM", 0x31: "GSM 6.10"}
_TAGS |= {0x50: "MPEG", 0x55: "MP3", 0xFF: "AAC", 0x161: "WMA", 0x2000: "AC-3", 0xF1AC: "FLAC"}


@dataclass(frozen=True)
class AudioHeader:
    """What an audio file says of itself.

    `rate` in Hz; `frames`, samples in each channel, None where only reading tells; `encoding`, for a person; `step`,
    one step of what the samples were written with, as a share of full scale; `start`, the first byte of the samples in
    a WAV file, None in a compressed one.
    """

    path: Path
    rate: int
    channels: int
    frames: int | None
    encoding: str
    step: float
    start: int | None = None

    @property
    def seconds(self) -> float | None:
        """How long it is, None where only reading tells."""
        return None if self.frames is None else self.frames / self.rate


def _pcm8(raw: bytes) -> Samples:
    return (np.frombuffer(raw, np.uint8).astype(np.float32) - np.float32(128)) * np.float32(2**-7)


def _pcm16(raw: bytes) -> Samples:
    return np.frombuffer(raw, "<i2").astype(np.float32) * np.float32(2**-15)


def _pcm24(raw: bytes) -> Samples:
    wide = np.zeros((len(raw) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
    return wide.view("<i4")[:, 0].astype(np.float32) * np.float32(2**-31)


def _pcm32(raw: bytes) -> Samples:
    return np.frombuffer(raw, "<i4").astype(np.float32) * np.float32(2**-31)


def _float32(raw: bytes) -> Samples:
    return np.frombuffer(raw, "<f4").astype(np.float32)


def _float64(raw: bytes) -> Samples:
    with np.errstate(over="ignore", invalid="ignore"):  # the reader refuses what is not finite
        return np.frombuffer(raw, "<f8").astype(np.float32)


@dataclass(frozen=True)
class _Encoding:
    """A way to write one sample: its bytes, the step of full scale, and how bytes become samples from -1 to 1."""

    width: int
    step: float
    decode: Callable[[bytes], Samples]


_ENCODINGS = {
    "8-bit PCM": _Encoding(1, 2**-7, _pcm8),
    "16-bit PCM": _Encoding(2, 2**-15, _pcm16),
    "24-bit PCM": _Encoding(3, 2**-23, _pcm24),
    "32-bit PCM": _Encoding(4, 2**-31, _pcm32),
    "32-bit float": _Encoding(4, 2**-15, _float32),  # the step that it would have as 16-bit PCM
    "64-bit float": _Encoding(8, 2**-15, _float64),
}


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file, for reading. Raises AudioError, here and while it is read, with what to do about it."""
    if path.is_dir():
        raise AudioError(f"{path} is a folder. Give an audio file in it.")
    try:
        if path.exists() and not path.is_file():
            raise AudioError(f"{path} is a pipe or a device. Give an audio file on disk.")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise AudioError(f"there is no file {path}.{_nearest(path)}") from None
    except PermissionError:
        raise AudioError(f"{path} may not be read by this user. Change its permissions, or copy it.") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
        reason = getattr(error, "strerror", None) or error
        raise AudioError(f"{str(path)!r} cannot be read ({reason}). Check the path.") from None


def way_out(path: Path) -> str:
    """How to turn an audio file that cannot be read here into one that can."""
    return f"Convert it, for instance with `ffmpeg -i {path} -c:a pcm_s16le converted.wav`."


def checked(header: AudioHeader) -> AudioHeader:
    """`header`, if there is anything in the file that can be used. Raises AudioError."""
    path = header.path
    if not 1 <= header.channels <= MAX_CHANNELS:
        raise AudioError(
            f"{path} has {header.channels:,} channels; one or two can be read. Mix it down, for instance with "
            f"`ffmpeg -i {path} -ac 1 mono.wav`."
        )
    if not MIN_RATE <= header.rate <= MAX_RATE:
        raise AudioError(
            f"{path} says that it has {header.rate:,} samples a second; {MIN_RATE:,} to {MAX_RATE:,} can be read. Its "
            "header is damaged; export it again."
        )
    if header.frames == 0:
        raise AudioError(f"{path} holds no samples. Leave it out, or record it again.")
    return header


def wav_header(path: Path) -> AudioHeader:
    """What the WAV file at `path` says of itself, the size of the file taken into account.

    Raises AudioError for a file that is no WAV file, is truncated, holds no samples, or holds what cannot be read here.
    """
    with opened(path) as file:
        end = file.seek(0, 2)
        file.seek(0)
        riff = file.read(12)
        kind = riff[8:12]
        if riff[:4] not in {b"RIFF", b"RF64"} or len(riff) < 12:
            raise AudioError(
                f"{path} is no WAV file: it begins with {_letters(riff)}, not with RIFF. Check what it is."
            )
        if kind != b"WAVE":
            raise AudioError(f"{path} is a RIFF file of the kind {_letters(kind)}, not WAVE. {way_out(path)}")
        fmt, start, size, long_size = _chunks(path, file, end)
    there = end - start
    whole = int.from_bytes(riff[4:8], "little") + 8 == end and start + size <= end
    # A size that is none means a stream, which goes on to the end of the file; but an empty clip may truly say 0.
    if size == 0xFFFF_FFFF and 0 < long_size < 2**63:
        size = long_size
    elif size >= 0xFFFF_FF00 or (size in _STREAMED and not whole):
        size = there
    if size > there:
        raise _truncated(path, size - there, f"of {size:,} bytes of samples")
    encoding, channels, rate = _format(path, fmt)
    spec = _ENCODINGS[encoding]
    return checked(AudioHeader(path, rate, channels, size // (spec.width * channels), encoding, spec.step, start))


def wav_frames(header: AudioHeader, size: int) -> Iterator[Samples]:
    """The frames of a WAV file, in blocks (`size`, channels) whose last may be shorter. Raises AudioError."""
    assert header.start is not None
    assert header.frames is not None
    spec = _ENCODINGS[header.encoding]
    each = spec.width * header.channels
    with opened(header.path) as file:
        file.seek(header.start)
        left = header.frames
        while left:
            wanted = min(size, left)
            raw = file.read(wanted * each)
            if len(raw) < wanted * each:
                raise AudioError(f"{header.path} became shorter while it was read. Read it again when it is finished.")
            yield spec.decode(raw).reshape(wanted, header.channels)
            left -= wanted


def _chunks(path: Path, file: BinaryIO, end: int) -> tuple[bytes, int, int, int]:
    """The content of `fmt ` (40 bytes at most); where `data` begins, its size, and its size by `ds64` (0 without)."""
    fmt, long_size = b"", 0
    for _ in range(_MAX_CHUNKS):
        name, given = file.read(4), file.read(4)
        if not name:
            raise AudioError(f"{path} has no `data` chunk, so it holds no samples. Export it again.")
        if len(given) < 4:
            raise _truncated(path, 8 - len(name) - len(given), "of the 8 bytes that begin a chunk")
        size = int.from_bytes(given, "little")
        start = file.tell()
        if name == b"data":
            if not fmt:
                raise AudioError(
                    f"{path} has samples before its `fmt ` chunk, which says how to read them. Export it again."
                )
            return fmt, start, size, long_size
        if start + size > end:
            raise _truncated(path, start + size - end, f"of its chunk {_letters(name)}")
        if name == b"fmt ":
            fmt = file.read(min(size, 40))
        elif name == b"ds64" and size >= 16:
            long_size = struct.unpack("<8xQ", file.read(16))[0]
        file.seek(start + size + size % 2)
    raise AudioError(f"{path} has more than {_MAX_CHUNKS:,} chunks before its samples. Export it again.")


def _format(path: Path, fmt: bytes) -> tuple[str, int, int]:
    """Encoding, channels and samples a second, from the content of `fmt `."""
    if len(fmt) < 16:
        raise AudioError(f"{path} has a `fmt ` chunk of {len(fmt)} bytes; it must have 16 or more. Export it again.")
    tag, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", fmt)
    if tag == _EXTENSIBLE:
        if fmt[26:40] != _GUID_TAIL:
            raise AudioError(f"{path} has an encoding of its maker's own, which cannot be read here. {way_out(path)}")
        (tag,) = struct.unpack_from("<H", fmt, 24)
    name = _TAGS.get(tag, f"encoding 0x{tag:04X}")
    encoding = f"{bits}-bit {name}"
    if encoding not in _ENCODINGS:
        shown = encoding if tag in {1, 3} else name
        raise AudioError(f"{path} is {shown}; {', '.join(_ENCODINGS)} can be read. {way_out(path)}")
    if not channels:
        raise AudioError(f"{path} says that it has no channels. Its header is damaged; export it again.")
    if align != channels * _ENCODINGS[encoding].width:
        raise AudioError(
            f"{path} contradicts itself: {channels} channels of {encoding} do not make frames of {align} bytes. "
            "Export it again."
        )
    return encoding, channels, rate


def _letters(raw: bytes) -> str:
    return repr(raw.decode("latin-1"))


def _truncated(path: Path, missing: int, what: str) -> AudioError:
    count = "1 byte is" if missing == 1 else f"{missing:,} bytes are"
    return AudioError(f"{path} is truncated: {count} missing {what}. Copy it again, or record it again.")
