"""Whether voices that a model makes are told apart by their pitch, as those that it learnt from are."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wavetree.codecs import MuLawCodec
from wavetree.data.audio import Samples, median_pitch
from wavetree.data.corpus import Stream
from wavetree.generate import Choice, continuation
from wavetree.models.contract import Ids
from wavetree.runs import Trained

CERTAIN = 0.05
"""The p-value up to which two voices are told apart."""


@dataclass(frozen=True)
class Pitches:
    """The median pitch in Hz of each clip of a voice, `recorded` and `made`; a clip without a pitch is left out."""

    voice: str
    recorded: list[float]
    made: list[float]


def condition_of(trained: Trained, voice: str) -> Tensor:
    """The numbers (1, G) of a voice, the class of the first field."""
    fields = trained.fields
    return torch.from_numpy(fields.one_hot(fields.parse(f"{fields.tables[0][0]}={voice}")[None]))


def made(
    trained: Trained, voice: str, samples: int, seed: int, number: int = 0, prompt: Ids | None = None
) -> Iterator[Samples]:
    """So many samples of a voice, from nothing or after a prompt (T,), in blocks as they are made."""
    codec = codec_of(trained)
    before = np.zeros(0, dtype=np.int64) if prompt is None else prompt
    given = condition_of(trained, voice)
    return map(codec.decode, continuation(trained.model, codec, before, samples, seed, Choice(), given, number=number))


def speak(
    trained: Trained, voice: str, samples: int, seed: int, number: int = 0, prompt: Ids | None = None
) -> tuple[Samples, float]:
    """What `made` makes, whole, and the seconds that it took."""
    begun = time.perf_counter()
    sound = np.concatenate([*made(trained, voice, samples, seed, number, prompt)])
    return sound, time.perf_counter() - begun


def codec_of(trained: Trained) -> MuLawCodec:
    """The codec of a run of sound."""
    assert isinstance(trained.codec, MuLawCodec)
    return trained.codec


def recorded_pitches(side: Stream, codec: MuLawCodec) -> dict[str, list[float]]:
    """For each class of the first field, the pitch of every clip of a side."""
    _, voices = side.corpus.fields.tables[0]
    found: dict[str, list[float]] = {voice: [] for voice in voices}
    for span in range(len(side.lengths)):
        ids = side.rows(side.firsts[span : span + 1], int(side.lengths[span]))[0]  # (T,)
        labels = side.corpus.pieces[side.pieces[span]].labels
        found[next(labels[name] for name, _ in side.corpus.fields.tables)] += known(codec.decode(ids), codec.rate)
    return found


def known(samples: Samples, rate: int) -> list[float]:
    """The median pitch of a clip, alone in a list; an empty list where it has none."""
    pitch = median_pitch(samples, rate)
    return [] if pitch is None else [pitch]


def median(values: Sequence[float]) -> float | None:
    """None of none."""
    return statistics.median(values) if values else None


def told_apart(voices: Sequence[Pitches]) -> dict[str, object]:
    """Of the two voices whose recorded pitches lie furthest apart: are the clips made of the higher one higher?

    `told_apart` is by ranks. `p_value` is one-sided: how often so many pairs of a lower and a higher clip would be in
    order if the clips had been dealt out by chance. `on_their_sides` says more: whether the medians of what was made
    lie on the sides of the geometric mean of the recorded medians, `between_hz`, that those lie on.
    """
    heard = sorted((v for v in voices if v.recorded), key=lambda voice: statistics.median(voice.recorded))
    if len(heard) < 2 or not heard[0].made or not heard[-1].made:
        return {"told_apart": False, "p_value": None, "on_their_sides": False}
    low, high = heard[0], heard[-1]
    between = math.sqrt(statistics.median(low.recorded) * statistics.median(high.recorded))
    p = rank_p_value(low.made, high.made)
    return {
        "lower": low.voice,
        "higher": high.voice,
        "between_hz": between,
        "p_value": p,
        "told_apart": p <= CERTAIN,
        "on_their_sides": statistics.median(low.made) < between < statistics.median(high.made),
    }


def rank_p_value(low: Sequence[float], high: Sequence[float]) -> float:
    """The exact one-sided p-value of the rank-sum test that `high` are higher (Wilcoxon 1945; Mann and Whitney 1947).

    Over all ways to choose which are the high ones: 12,870 for eight of each.
    """
    ranks = _ranks(np.array([*low, *high]))
    observed = ranks[len(low) :].sum()
    sums = [sum(chosen) for chosen in combinations(ranks.tolist(), len(high))]
    return float(np.mean(np.array(sums) >= observed - 1e-9))


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The place of each value among all, from 1; equals share the mean of theirs."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean: npt.NDArray[np.float64] = (last - (counts - 1) / 2)[where]
    return mean
