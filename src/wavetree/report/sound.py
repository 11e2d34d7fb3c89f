"""What a run of sound made: heard, and seen as waveform and spectrogram, beside a clip that it was held to."""

from __future__ import annotations

import base64
import io
import time
import wave
from itertools import islice

import numpy as np
import numpy.typing as npt

from wavetree.codecs import MuLawCodec
from wavetree.data.corpus import Stream
from wavetree.generate import Choice, continuation
from wavetree.report.charts import INK, SERIES, drawing
from wavetree.report.page import charts
from wavetree.runs import Trained

Samples = npt.NDArray[np.float32]

SECONDS = 1.0
"""Of each clip, at most."""
PROMPT_SECONDS = 0.5
WORK_SECONDS = 10.0
"""A clip is cut where it would take longer than this to make."""
BLOCK = 256
LOOKED_AT = 60
"""Seconds of validation, of which the loudest is shown: a silent one shows nothing."""

SIZE = (5.2, 3.4)
"""Inches."""
COLUMNS = 500
"""As many points of a waveform as are drawn, each with its least and its greatest sample."""
WINDOW_SECONDS = 0.032
FRAMES = 300
"""As many columns as a spectrogram has at most."""
RANGE_DB = 70.0


def sound_figures(trained: Trained, validation: Stream) -> str:
    """Three clips in HTML: one of the validation side, one made from nothing, one that goes on from the first."""
    codec = trained.codec
    assert isinstance(codec, MuLawCodec)
    rate = codec.rate
    real = loudest(validation, codec)
    prompt = real[: round(PROMPT_SECONDS * rate)]
    nothing = np.zeros(0, dtype=np.int64)
    made = generated(trained, codec, nothing, round(SECONDS * rate))
    after = generated(trained, codec, prompt, round((SECONDS - PROMPT_SECONDS) * rate))
    clips = [
        ("A clip of the validation side, which was not learnt from.", real, None),
        ("Made from nothing: silence came before.", made, None),
        (
            "The beginning of the first clip and, after the mark, what the model made of it.",
            np.concatenate([prompt, after]),
            len(prompt),
        ),
    ]
    return charts(
        (_shown(codec.decode(ids), rate, mark), f"{words} {len(ids) / rate:.1f} s.") for words, ids, mark in clips
    )


def _shown(samples: Samples, rate: int, mark: int | None) -> str:
    return picture(samples, rate, mark) + player(samples, rate)


def loudest(side: Stream, codec: MuLawCodec) -> npt.NDArray[np.int64]:
    """The loudest second, as ids, in the beginning of the longest span of a side."""
    span = int(side.lengths.argmax())
    size = round(SECONDS * codec.rate)
    found = [block for block in islice(side.blocks(span, size), LOOKED_AT) if len(block) == size]
    whole = found or [next(side.blocks(span, size))]
    return max(whole, key=lambda ids: float(np.square(codec.decode(ids), dtype=np.float64).sum()))


def generated(trained: Trained, codec: MuLawCodec, prompt: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    """`length` samples that follow `prompt`, as ids; fewer where they take too long."""
    begun, blocks = time.perf_counter(), []
    for block in continuation(trained.model, codec, prompt, length, 1, Choice(), block=BLOCK):
        blocks.append(block)
        if time.perf_counter() - begun > WORK_SECONDS:
            break
    return np.concatenate(blocks)


def picture(samples: Samples, rate: int, mark: int | None = None) -> str:
    """The waveform over the spectrogram, as SVG; a line at sample `mark`, where the prompt ends."""
    seconds = len(samples) / rate
    with drawing(SIZE) as (figure, svg):
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 2])
        at, low, high = envelope(samples, rate)
        above.fill_between(at, low, high, color=SERIES[0], linewidth=0.5)
        top = max(float(np.abs(samples).max()), 1e-3) * 1.05
        above.set_ylim(-top, top)
        above.set_ylabel("sample")
        levels = spectrogram(samples, rate)
        edges = (0.0, seconds, 0.0, rate / 2000)
        below.imshow(
            levels,
            origin="lower",
            aspect="auto",
            extent=edges,
            cmap="magma",
            vmin=-RANGE_DB,
            vmax=0,
            interpolation="none",
        )
        below.set_ylabel("kHz")
        below.set_xlabel("seconds")
        below.grid(visible=False)
        below.set_xlim(0, seconds)
        if mark is not None:
            above.axvline(mark / rate, color=SERIES[1], linewidth=1.6)
            below.axvline(mark / rate, color="#ffffff", linewidth=1.6)  # the picture is dark on any page
            for words, side, away in (("prompt", "right", -4), ("made", "left", 4)):
                place = {"xytext": (away, 2), "textcoords": "offset points", "ha": side}
                above.annotate(words, (mark / rate, top), color=INK, annotation_clip=False, **place)
    return svg()


def envelope(samples: Samples, rate: int) -> tuple[npt.NDArray[np.float64], Samples, Samples]:
    """Seconds, least and greatest sample of each of COLUMNS stretches."""
    cuts = np.unique(np.linspace(0, len(samples), min(COLUMNS, len(samples)) + 1).astype(np.int64))
    low = np.minimum.reduceat(samples, cuts[:-1])
    high = np.maximum.reduceat(samples, cuts[:-1])
    return (cuts[:-1] + cuts[1:]) / 2 / rate, low, high


def spectrogram(samples: Samples, rate: int) -> npt.NDArray[np.float32]:
    """Power by frequency and time, shape (F, T), in dB below the loudest; a Hann window of WINDOW_SECONDS."""
    size = max(16, 2 * round(WINDOW_SECONDS * rate / 2))
    padded = np.pad(samples.astype(np.float64), size // 2)
    hop = max(size // 8, -(-len(samples) // FRAMES))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]  # (T, size)
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)))  # (T, F)
    levels = 10 * np.log10(np.maximum(power / max(power.max(), 1e-12), 1e-12))
    decibels: npt.NDArray[np.float32] = levels.T.astype(np.float32)
    return decibels


def player(samples: Samples, rate: int) -> str:
    """The sound itself, to be heard in a browser."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes((np.clip(samples, -1, 1) * (2**15 - 1)).astype("<i2").tobytes())
    source = f"data:audio/wav;base64,{base64.b64encode(file.getvalue()).decode()}"
    return f'<audio controls preload="metadata" src="{source}"></audio>'
