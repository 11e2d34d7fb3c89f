"""From one sample rate to another, by libsoxr (band-limited, linear phase). Needs the library soxr, an extra.

A clip that has the right rate already passes as it is and needs no library.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from wavetree.data.audio.wav import Samples
from wavetree.errors import AudioError


def resampled(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """`samples`, shape (T,), at `to_rate` Hz: about T * to_rate / from_rate of them.

    Raises AudioError where the library soxr is needed and not installed.
    """
    return samples if from_rate == to_rate else np.concatenate(list(resampled_blocks([samples], from_rate, to_rate)))


def resampled_blocks(blocks: Iterable[Samples], from_rate: int, to_rate: int) -> Iterator[Samples]:
    """The same for a clip that comes in blocks, at constant memory; however it is cut, the same samples come out.

    The blocks that come out have other lengths, and some may be empty. Raises AudioError at the call where the library
    soxr is needed and not installed.
    """
    if from_rate == to_rate:
        return iter(blocks)
    try:
        import soxr
    except ImportError:
        raise AudioError(
            f"resampling from {from_rate:,} to {to_rate:,} Hz needs the library soxr: `pip install 'wavetree[audio]'`. "
            f"Or convert the file, for instance with `ffmpeg -i FILE -ar {to_rate} converted.wav`."
        ) from None
    stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32")

    def made() -> Iterator[Samples]:
        for block in blocks:
            yield stream.resample_chunk(np.ascontiguousarray(block, np.float32))
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)

    return made()
