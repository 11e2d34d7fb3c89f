"""Batches: each is a function of (seed, step) and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from wavetree.config import Config
from wavetree.data.corpus import Stream
from wavetree.data.packing import PackedItems, PackedRow
from wavetree.data.rows import WHOLE, StreamRows, rows_anew
from wavetree.errors import SettingError
from wavetree.evaluate import Piece
from wavetree.runs import Side
from wavetree.train.processes import ALONE, Processes

STEPS_OF_A_PASS = 12
"""A small list is cut into so many batches, whatever `batch_items` is: learnt in a few steps, it is hardly learnt."""
LEAST_ITEMS = 8


class Batches(Protocol):
    """What a run learns from, step by step."""

    @property
    def epoch(self) -> float:
        """How many steps read everything once."""

    def __getitem__(self, step: int) -> Piece: ...


def batches_of(side: Side, config: Config, processes: Processes = ALONE) -> Batches:
    """The batches of the train side, by the settings; of each the share of this process.

    Raises SettingError for more processes than a batch has items or rows.
    """
    train, untold = config.train, config.data.untold
    if isinstance(side, Stream):
        name, size = "rows", train.rows
    else:
        name, size = "batch_items", min(train.batch_items, max(LEAST_ITEMS, len(side) // STEPS_OF_A_PASS))
    if size < processes.count:
        more = f"raise train.{name}, or " if size == getattr(train, name) else ""  # a small list has small batches
        raise SettingError(f"{processes.count} processes cannot share a batch of {size}: {more}start fewer processes.")
    share = processes.share(size)
    if isinstance(side, Stream):
        return StreamBatches(side, size, train.length, train.seed, untold, share)
    return ItemBatches(side, size, train.seed, untold, share, getattr(config.model, "norm", None) == "batch")


@dataclass
class ItemBatches:
    """Batch number `step` of `size` items: a cut of the endless row of epochs, each a permutation of all items.

    The permutation of an epoch follows from (seed, epoch), so that any step can be asked for, in any order. The last
    two are kept at hand; that is a cache, and changes no answer.
    """

    items: PackedItems
    size: int
    seed: int
    untold: float = 0.0
    share: slice = field(default_factory=lambda: WHOLE)
    """Which items of a batch are for this process."""
    normed: bool = False
    """Whether a norm looks at the whole batch: then a share comes with the items before it, so that a node that both
    have is counted once."""
    _orders: dict[int, npt.NDArray[np.int64]] = field(default_factory=dict)

    @property
    def epoch(self) -> float:
        """How many steps read every item once."""
        return len(self.items) / self.size

    def chosen(self, step: int) -> npt.NDArray[np.int64]:
        """The indices (size,) of the items of this step's batch."""
        count = len(self.items)
        begin, end = step * self.size, (step + 1) * self.size
        parts = []
        while begin < end:
            epoch, offset = divmod(begin, count)
            part = self._order(epoch)[offset : offset + end - begin]
            parts.append(part)
            begin += len(part)
        return np.concatenate(parts)

    def __getitem__(self, step: int) -> PackedRow:
        fields = len(self.items.fields)
        untold = _untold(self.seed, step, (self.size, fields), self.untold) if fields else None
        chosen = self.chosen(step)
        if self.share != WHOLE:  # then shares have fewer nodes in common, and less is done twice
            order = self.items.alike(chosen)
            chosen, untold = chosen[order], None if untold is None else untold[order]
        begin, end, _ = self.share.indices(self.size)
        seen = slice(0 if self.normed else begin, end)
        row = self.items.row(chosen[seen], None if untold is None else untold[seen])
        others = self.items.predictions(chosen[seen.start : begin])
        return replace(row, targets=row.targets[others:], others=others, whole=self.items.predictions(chosen))

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        if epoch not in self._orders:
            self._orders = {k: order for k, order in self._orders.items() if k == epoch - 1}
            self._orders[epoch] = np.random.default_rng((self.seed, epoch)).permutation(len(self.items))
        return self._orders[epoch]


@dataclass(frozen=True)
class StreamBatches:
    """`rows` rows of `length` symbols, each from anywhere in the stream, as if the stream began there.

    A row begins anew with pad. Reading R - 1 symbols of real context first, unlearnt, costs their work, and carrying
    the state over from step to step makes a batch depend on all before it; at equal work neither learns more
    (docs/log.md), and a model that has met beginnings can also begin.
    """

    stream: Stream
    rows: int
    length: int
    seed: int
    untold: float = 0.0
    share: slice = field(default_factory=lambda: WHOLE)
    """Which rows of a batch are for this process."""

    @property
    def epoch(self) -> float:
        """How many steps read as many symbols as there are."""
        return self.stream.symbols / (self.rows * self.length)

    def __getitem__(self, step: int) -> StreamRows:
        numbers = np.random.default_rng((self.seed, step)).integers(0, self.stream.symbols, self.rows)
        fields = len(self.stream.corpus.fields)
        untold = _untold(self.seed, step, (self.rows, fields), self.untold) if fields else None
        return rows_anew(self.stream, numbers, self.length, untold, self.share)


def _untold(seed: int, step: int, shape: tuple[int, int], share: float) -> npt.NDArray[np.bool_]:
    """Which classes of a batch are left out, so that a model learns to do without."""
    return np.random.default_rng((seed, step, 1)).random(shape) < share
