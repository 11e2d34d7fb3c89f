"""New items, symbol by symbol, many at once: the incremental run, and a choice from each prediction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wavetree.codecs import PAD
from wavetree.errors import SettingError
from wavetree.generate.crowd import crowd
from wavetree.models import AnyModel, evaluating

BLOCK = 8192
"""Items that run side by side: enough to keep the processor's matrix units busy, few enough to stay in its cache."""
FIRST_BLOCK = 64
"""The first block is small, for those who want a few."""
GROWTH = 4
"""Each block is this many times the one before, up to the largest: little is drawn that nobody takes."""
BLOCK_SYMBOLS = 1 << 24
"""A block holds no more symbols than this, should all its items run to the length limit."""
STATE_VECTORS = 1 << 20
"""The states of a block hold about this many vectors at most: R for each item."""


@dataclass(frozen=True)
class Choice:
    """How a symbol is chosen from a prediction. Raises SettingError for a value that has no meaning.

    `temperature` 0 takes the likeliest symbol. `top_k` keeps that many symbols; `top_p` the fewest whose probabilities
    reach it (Holtzman et al. 2020). `max_length`: an item that has not ended by then is cut there.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    max_length: int = 200

    def __post_init__(self) -> None:
        checks = (
            (0 <= self.temperature <= 100, "temperature", self.temperature, "a number from 0 to 100"),
            (self.top_k is None or self.top_k >= 1, "top-k", self.top_k, "a whole number from 1"),
            (self.top_p is None or 0 < self.top_p <= 1, "top-p", self.top_p, "a number above 0 and up to 1"),
            (1 <= self.max_length <= 1_000_000, "max-length", self.max_length, "a whole number from 1 to 1,000,000"),
        )
        for good, name, value, wanted in checks:
            if not good:
                raise SettingError(f"{name} cannot be {value}: give {wanted}.")


class Sampled(NamedTuple):
    """One item: its ids (T,), prefix included, and whether it ended by itself or was cut at the length limit."""

    ids: npt.NDArray[np.int64]
    ended: bool


def sample(
    model: AnyModel,
    seed: int,
    choice: Choice,
    prefix: Sequence[int] = (),
    first: int = 0,
    given: Tensor | None = None,
) -> Iterator[Sampled]:
    """Items number `first`, `first + 1`, ... without end; `given` (1, G) holds for all of them.

    Item i depends on (model, seed, choice, prefix, given, i) alone.

    So the same seed gives the same items however many are taken, from wherever on.
    """
    if len(prefix) >= choice.max_length:
        raise SettingError(f"the prefix has {len(prefix)} symbols, and max-length is {choice.max_length}: raise it.")
    largest = max(1, min(BLOCK, BLOCK_SYMBOLS // choice.max_length, STATE_VECTORS // model.receptive_field))
    size = min(FIRST_BLOCK, largest)
    while True:
        yield from sample_block(model, seed, choice, prefix, first, size, given)
        first, size = first + size, min(GROWTH * size, largest)


def sample_block(
    model: AnyModel,
    seed: int,
    choice: Choice,
    prefix: Sequence[int],
    first: int,
    count: int,
    given: Tensor | None = None,
) -> list[Sampled]:
    """Items `first` to `first + count - 1`, side by side (generate/crowd.py)."""
    columns: list[npt.NDArray[np.int64]] = [np.full(count, symbol) for symbol in prefix]  # (count,) for each place
    lengths = np.full(count, choice.max_length)  # of an item that has not ended
    running = np.arange(count)  # the items that have not ended
    with evaluating(model):
        together = crowd(model, count, given)
        for symbol in (PAD, *prefix):
            logits, rows = together.feed(np.full(count, symbol))  # (M, V), (count,)
        for place in range(len(prefix), choice.max_length):
            symbols = choose(logits, uniforms(seed, place, first, count)[running], choice, rows)  # (B,)
            columns.append(np.full(count, PAD))
            columns[place][running] = symbols
            lengths[running[symbols == PAD]] = place
            alive = np.flatnonzero(symbols != PAD)
            if len(alive) == 0:
                break
            if len(alive) < len(running):
                together.keep(alive)
                running, symbols = running[alive], symbols[alive]
            logits, rows = together.feed(symbols)
    items = np.stack(columns, axis=1)  # (count, T)
    return [Sampled(row[:n], n < choice.max_length) for row, n in zip(items, lengths.tolist(), strict=True)]


def uniforms(seed: int, place: int, first: int, count: int) -> npt.NDArray[np.float64]:
    """Random numbers (count,) in [0, 1) for `place` of items `first` on: each a function of its coordinates alone."""
    generator = np.random.PCG64((seed, place))
    generator.advance(first)
    return np.random.Generator(generator).random(count)


def choose(
    logits: Tensor, uniform: npt.NDArray[np.float64], choice: Choice, rows: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.int64]:
    """One symbol for each of B predictions: logits (B, V), or (1, V) for all alike, and uniform (B,) to ids (B,).

    With `rows` (B,), symbol b goes by row `rows[b]` of logits (M, V).
    """
    each = slice(None) if rows is None else torch.from_numpy(rows)
    if choice.temperature == 0:
        likeliest: npt.NDArray[np.int64] = logits.argmax(dim=1)[each].expand(len(uniform)).numpy()
        return likeliest
    wide = logits.double()  # (M, V)
    below = wide - wide.amax(dim=1, keepdim=True)  # (M, V), at most 0, so that no temperature is too low to divide by
    probabilities = narrowed(torch.softmax(below / choice.temperature, dim=1), choice)  # (M, V)
    edges = probabilities.cumsum(dim=1)[each]  # (B or 1, V)
    marks = torch.from_numpy(uniform)[:, None] * edges[:, -1:]  # (B, 1), below the last edge
    chosen: npt.NDArray[np.int64] = (edges <= marks).sum(dim=1).numpy()
    return chosen


def narrowed(probabilities: Tensor, choice: Choice) -> Tensor:
    """Probabilities (B, V) with those outside top-k and top-p set to zero; they need not sum to one any more."""
    if choice.top_k is None and choice.top_p is None:
        return probabilities
    ranked, order = probabilities.sort(dim=1, descending=True, stable=True)
    if choice.top_k is not None:
        ranked[:, choice.top_k :] = 0
    if choice.top_p is not None:
        before = ranked.cumsum(dim=1) - ranked  # the mass of all likelier symbols
        ranked[before >= choice.top_p * ranked.sum(dim=1, keepdim=True)] = 0
    return torch.zeros_like(ranked).scatter_(1, order, ranked)
