"""Whole items in one flat row: no padding between them, and no context from one to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from wavetree.codecs import PAD, AlphabetCodec

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PackedRow:
    """N positions. Each item is read as pad and its symbols, and predicts its symbols and pad: one more than it has.

    `ids`, `targets` (N,): the symbol read and the symbol to predict. `ages` (N,): symbols of the same item before it.
    `classes` (N, F): what is told of the item, an id for each field; (N, 0) where nothing is.
    """

    ids: Ids
    targets: Ids
    ages: Ids
    classes: Ids = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))

    def __post_init__(self) -> None:
        if not self.classes.shape[1]:
            object.__setattr__(self, "classes", np.empty((len(self.ids), 0), dtype=np.int64))


class PackedItems:
    """Items encoded once, each as pad and its symbols, end to end; any choice of them is cut out by indexing alone.

    `classes` (K, F) are the ids that `Fields.encode` gives for the labels of the K items; without columns, as none.
    """

    def __init__(self, items: Sequence[str], codec: AlphabetCodec, classes: Ids | None = None) -> None:
        self._classes = classes if classes is not None and classes.shape[1] else None
        if self._classes is not None and len(self._classes) != len(items):
            raise ValueError(f"{len(items)} items have classes for {len(self._classes)}: give one row for each item.")
        text = "".join(items)
        lengths = np.fromiter(map(len, items), dtype=np.int64, count=len(items))
        self._lengths = lengths + 1
        self._starts = np.concatenate([[0], np.cumsum(self._lengths)])  # the last one is the end
        self._ids = np.full(self._starts[-1] + 1, PAD, dtype=np.int64)  # one pad more, to end the last item
        inside = np.ones(len(self._ids), dtype=bool)
        inside[self._starts] = False
        self._ids[inside] = codec.encode(text)

    def __len__(self) -> int:
        return len(self._lengths)

    @property
    def symbols(self) -> int:
        """How many symbols all items predict, the end marks counted."""
        return int(self._starts[-1])

    def chunks(self, positions: int) -> Iterator[Ids]:
        """All items in order, as indices, cut so that the row of each cut has about `positions` positions at most."""
        begin = 0
        while begin < len(self):
            end = int(np.searchsorted(self._starts, self._starts[begin] + positions, side="right")) - 1
            end = max(begin + 1, end)  # an item that is longer goes alone
            yield np.arange(begin, min(end, len(self)))
            begin = end

    def row(self, chosen: Ids) -> PackedRow:
        """The items of these indices (K,), in this order, as one row."""
        lengths = self._lengths[chosen]
        ends = np.cumsum(lengths)
        ages = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
        where = np.repeat(self._starts[chosen], lengths) + ages
        row = (self._ids[where], self._ids[where + 1], ages)
        return (
            PackedRow(*row) if self._classes is None else PackedRow(*row, self._classes[chosen].repeat(lengths, axis=0))
        )
