"""The likeliest items that begin with a prefix, exactly: best first.

What an item can reach is at most the probability of its beginning, since no factor is above one. So beginnings are
gone on from in the order of their probability, and an item that is likelier than every beginning still open is one of
the likeliest. Beginnings are taken many at a time, which changes the work and not the result.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wavetree.codecs import PAD
from wavetree.errors import SettingError, WavetreeError
from wavetree.models import AnyModel, evaluating

TOGETHER = 64
"""Beginnings that are gone on from at once."""
MOST_OPEN = 1_000_000
"""Beginnings that are kept: each is a few hundred bytes."""


@dataclass(frozen=True)
class Completion:
    """An item: its ids, prefix included, and the log of the probability that an item with this prefix is this one."""

    ids: tuple[int, ...]
    log_probability: float

    @property
    def probability(self) -> float:
        """Among the items with this prefix."""
        return float(np.exp(self.log_probability))


def _nothing() -> None: ...


def completions(
    model: AnyModel,
    prefix: Sequence[int],
    count: int,
    given: Tensor | None = None,
    max_length: int = 200,
    most_open: int = MOST_OPEN,
    between: Callable[[], None] = _nothing,
) -> list[Completion]:
    """The `count` likeliest items that begin with `prefix` and have up to `max_length` symbols, likeliest first.

    There may be fewer, where there are no more items of that length. `between` is called after every step of the
    search, and may raise to end it. Raises WavetreeError where more than `most_open`
    beginnings would have to be kept, SettingError for a `count` below 1 and a `prefix` of more symbols than allowed.
    """
    if count < 1:
        raise SettingError(f"{count} cannot be completed: ask for 1 or more.")
    if len(prefix) > max_length:
        raise SettingError(f"the prefix has {len(prefix)} symbols, and max-length is {max_length}: raise it.")
    found: list[tuple[float, tuple[int, ...]]] = []  # minus the log, ids; sorted
    heap: list[tuple[float, tuple[int, ...]]] = [(0.0, tuple(prefix))]  # the same of beginnings

    def worst() -> float:
        return found[-1][0] if len(found) == count else np.inf

    while heap and heap[0][0] < worst():
        taken = [heapq.heappop(heap) for _ in range(min(TOGETHER, len(heap)))]
        costs = torch.tensor([cost for cost, _ in taken], dtype=torch.float64)[:, None]  # (B, 1)
        after = costs - torch.log_softmax(_predicted(model, [ids for _, ids in taken], given), dim=1)  # (B, V)
        table = after.numpy()
        ended = ((float(row[PAD]), ids) for row, (_, ids) in zip(table, taken, strict=True))
        found = sorted([*found, *ended])[:count]
        table[:, PAD] = np.inf
        table[[len(ids) >= max_length for _, ids in taken]] = np.inf
        for row, symbol in np.argwhere(table < worst()).tolist():
            heapq.heappush(heap, (float(table[row, symbol]), (*taken[row][1], symbol)))
        if len(heap) > most_open:
            raise WavetreeError(
                f"more than {most_open:,} beginnings are still open, and no more are kept in memory: ask for fewer, "
                "give a longer prefix, or lower --max-length."
            )
        between()
    return [Completion(ids, -cost) for cost, ids in found]


def _predicted(model: AnyModel, beginnings: Sequence[tuple[int, ...]], given: Tensor | None) -> Tensor:
    """The logits (B, V) after each beginning, from its last R symbols: no state has to be kept for it."""
    field = model.receptive_field
    windows = np.full((len(beginnings), field), PAD)
    for window, ids in zip(windows, beginnings, strict=True):
        last = ids[-field:]
        window[field - len(last) :] = last
    told = None if given is None else given[:, None].expand(len(windows), field, -1)
    with evaluating(model):
        return model.window(torch.from_numpy(windows), told).double()
