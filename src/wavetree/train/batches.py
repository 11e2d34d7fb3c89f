"""Batches of whole items: each is a function of (seed, step) and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from wavetree.data.packing import PackedItems, PackedRow


@dataclass
class Batches:
    """Batch number `step` of `size` items: a cut of the endless row of epochs, each a permutation of all items.

    The permutation of an epoch follows from (seed, epoch), so that any step can be asked for, in any order. The last
    two are kept at hand; that is a cache, and changes no answer.
    """

    items: PackedItems
    size: int
    seed: int
    _orders: dict[int, npt.NDArray[np.int64]] = field(default_factory=dict)

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
        return self.items.row(self.chosen(step))

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        if epoch not in self._orders:
            self._orders = {k: order for k, order in self._orders.items() if k == epoch - 1}
            self._orders[epoch] = np.random.default_rng((self.seed, epoch)).permutation(len(self.items))
        return self._orders[epoch]
