"""Mono 16-bit WAV files, whole or as the samples are made."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from wavetree.errors import SaveError

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_UNKNOWN = 0xFFFF_FFFF
"""The sizes in the header of a stream, which cannot be gone back to."""

MAX_BYTES = _UNKNOWN - _HEADER.size
"""The most bytes of samples that a WAV file can hold: 37 hours at 16 kHz."""


class WavWriter:
    """A WAV file that grows: `with WavWriter("speech.wav", 16_000) as file: file.add(block)`.

    The header is right after every block, so that what is there can be played meanwhile, or after a power cut. The
    target `-` is standard output; there, and in a pipe, the header says that the length is unknown.
    """

    def __init__(self, target: Path | str, rate: int) -> None:
        """Opens `target` for samples at `rate` Hz; a file of that name is replaced. Raises SaveError."""
        self._name = "the output" if str(target) == "-" else str(target)
        self._rate = rate
        self._bytes = 0
        self._own = str(target) != "-"
        try:
            raw = Path(target).open("wb", buffering=0) if self._own else sys.stdout.buffer  # noqa: SIM115
            self._file: BinaryIO = raw
            self._seekable = self._own and self._file.seekable()
        except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
            raise self._failed(error) from None
        try:
            self._write(self._header())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def samples(self) -> int:
        """How many samples were added."""
        return self._bytes // 2

    def add(self, samples: npt.ArrayLike) -> None:
        """Appends mono samples (-1 to 1, shape (T,); what lies beyond is cut). Raises SaveError, or BrokenPipeError
        where the reader of a pipe has left."""
        levels = np.rint(np.asarray(samples, dtype=np.float64) * 2**15)  # (T,)
        raw = np.clip(levels, -(2**15), 2**15 - 1).astype("<i2").tobytes()
        if self._seekable and self._bytes + len(raw) > MAX_BYTES:
            raise SaveError(f"{self._name} would be longer than a WAV file can be. Write several shorter ones.")
        self._write(raw)
        self._bytes += len(raw)
        if self._seekable:
            self._file.seek(0)
            self._write(self._header())
            self._file.seek(0, 2)

    def close(self) -> None:
        """Closes the file. What was added is kept. Standard output stays open."""
        if self._own:
            self._file.close()

    def _header(self) -> bytes:
        size, whole = (self._bytes, _HEADER.size - 8 + self._bytes) if self._seekable else (_UNKNOWN, _UNKNOWN)
        wave = (b"RIFF", whole, b"WAVE", b"fmt ", 16, 1, 1, self._rate, 2 * self._rate, 2, 16, b"data", size)
        return _HEADER.pack(*wave)

    def _write(self, raw: bytes) -> None:
        view = memoryview(raw)
        try:
            while view:
                view = view[self._file.write(view) :]
            self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError | ValueError) -> SaveError:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        return SaveError(f"could not write {self._name}: {reason}. Choose another place.")


def write_wav(target: Path | str, samples: npt.ArrayLike, rate: int) -> None:
    """Writes mono `samples` (-1 to 1, shape (T,); what lies beyond is cut) at `rate` Hz. Raises SaveError."""
    with WavWriter(target, rate) as file:
        file.add(samples)
