"""Whole items in one flat row: no padding between them, and no context from one to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.data.fields import NOT_TOLD, Fields

Ids = npt.NDArray[np.int64]
COMPARED = 6
"""Symbols by which items of a batch are put in order, the pad before the first one among them."""


@dataclass(frozen=True)
class PackedRow:
    """N positions. Each item is read as pad and its symbols, and predicts its symbols and pad: one more than it has.

    `ids`, `targets` (N,): the symbol read and the symbol to predict. `ages` (N,): symbols of the same item before it.
    Where things are told besides, `given` (M, G) are the different conditions, as `Fields.one_hot` writes them, and
    `groups` (N,) says which of them holds at each position.
    """

    ids: Ids
    targets: Ids
    ages: Ids
    groups: Ids | None = None
    given: npt.NDArray[np.float32] | None = None
    others: int = 0
    """So many of the first positions are for others to predict, and have no targets here."""
    whole: int | None = None
    """How many predictions the whole batch has, where this is a share of it."""


class PackedItems:
    """Items encoded once, each as pad and its symbols, end to end; any choice of them is cut out by indexing alone.

    `classes` (K, F) are the ids that `Fields.encode` gives for the labels of the K items.
    """

    def __init__(
        self, items: Sequence[str], codec: AlphabetCodec, fields: Fields | None = None, classes: Ids | None = None
    ) -> None:
        self.fields = fields or Fields()
        self._classes = np.zeros((len(items), 0), dtype=np.int64) if classes is None else classes
        if self._classes.shape != (len(items), len(self.fields)):
            raise ValueError(f"{len(items)} items of {len(self.fields)} fields have classes {self._classes.shape}")
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

    def predictions(self, chosen: Ids) -> int:
        """How many symbols the items of these indices (K,) predict."""
        return int(self._lengths[chosen].sum())

    def alike(self, chosen: Ids) -> Ids:
        """In which order (K,) the items of these indices (K,) are next to those that begin as they do."""
        ahead = (
            self._starts[chosen] + np.arange(COMPARED)[:, None]
        )  # past a short item's end lies some other: no matter
        beginnings = self._ids[np.minimum(ahead, len(self._ids) - 1)]  # (COMPARED, K)
        return np.lexsort([*beginnings[::-1], *self._classes[chosen].T])

    def row(self, chosen: Ids, untold: npt.NDArray[np.bool_] | None = None) -> PackedRow:
        """The items of these indices (K,), in this order, as one row; where `untold` (K, F), a class is left out."""
        lengths = self._lengths[chosen]
        ends = np.cumsum(lengths)
        ages = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
        where = np.repeat(self._starts[chosen], lengths) + ages
        row = PackedRow(self._ids[where], self._ids[where + 1], ages)
        if not self.fields:
            return row
        classes = self._classes[chosen] if untold is None else np.where(untold, NOT_TOLD, self._classes[chosen])
        codes = np.zeros(len(chosen), dtype=np.int64)  # (K,): each item's classes as one number
        for size, column in zip(self.fields.sizes, classes.T, strict=True):
            codes = codes * size + column
        _, first, group = np.unique(codes, return_index=True, return_inverse=True)
        given = self.fields.one_hot(classes[first])  # (M, G)
        return PackedRow(row.ids, row.targets, ages, np.repeat(group, lengths), given)
