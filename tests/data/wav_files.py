"""WAV files made by the tests, byte by byte, so that each field of the header can be wrong on its own."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    """A chunk, padded to an even length, that says it has `size` bytes of content."""
    return name + struct.pack("<I", len(content) if size is None else size) + content + b"\0" * (len(content) % 2)


def fmt(bits: int = 16, tag: int = PCM, channels: int = 1, rate: int = 16_000, extensible: bool = False) -> bytes:
    """The content of a `fmt ` chunk."""
    align = channels * bits // 8
    shown = EXTENSIBLE if extensible else tag
    plain = struct.pack("<HHIIHH", shown, channels, rate, rate * align % 2**32, align, bits)
    return plain + (struct.pack("<HHIH", 22, bits, 0, tag) + GUID_TAIL if extensible else b"")


def content(frames: npt.ArrayLike, bits: int = 16, tag: int = PCM) -> bytes:
    """Samples from -1 to 1, shape (T,) or (T, C), as the bytes of a `data` chunk."""
    flat = np.asarray(frames, dtype=np.float64).reshape(-1)
    if tag == FLOAT:
        return flat.astype("<f4" if bits == 32 else "<f8").tobytes()
    if bits == 8:
        return np.clip(np.rint(flat * 128) + 128, 0, 255).astype(np.uint8).tobytes()
    levels = np.clip(np.rint(flat * 2.0 ** (bits - 1)), -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1).astype("<i8")
    return levels.view(np.uint8).reshape(-1, 8)[:, : bits // 8].tobytes()


def riff(*chunks: bytes, size: int | None = None, kind: bytes = b"WAVE", name: bytes = b"RIFF") -> bytes:
    """A RIFF file of these chunks, that says it has `size` bytes after its first eight."""
    body = kind + b"".join(chunks)
    return name + struct.pack("<I", len(body) if size is None else size) + body


def wav(
    frames: npt.ArrayLike,
    bits: int = 16,
    tag: int = PCM,
    rate: int = 16_000,
    extensible: bool = False,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A whole WAV file of samples from -1 to 1, shape (T,) or (T, C); `before` and `after` are chunks beside `data`."""
    shape = np.shape(frames)
    head = chunk(b"fmt ", fmt(bits, tag, shape[1] if len(shape) > 1 else 1, rate, extensible))
    return riff(head, before, chunk(b"data", content(frames, bits, tag)), after)


def tone(count: int = 1000, size: float = 0.5, period: float = 37.0) -> npt.NDArray[np.float64]:
    """A sine of `count` samples."""
    return size * np.sin(2 * np.pi * np.arange(count) / period)


def written(folder: Path, raw: bytes, name: str = "x.wav") -> Path:
    """A file of these bytes."""
    path = folder / name
    path.write_bytes(raw)
    return path
