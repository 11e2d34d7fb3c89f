"""Rows cut from a stream: what a training step learns from, and what an exact loss adds up.

B rows   T predictions of each   C symbols of context   G numbers of a condition
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wavetree.codecs import PAD
from wavetree.data.corpus import Stream
from wavetree.data.fields import NOT_TOLD

Ids = npt.NDArray[np.int64]
Given = npt.NDArray[np.float32]

NO_TARGET = -100
"""In place of a target outside of the span: it counts for nothing (the default of torch's cross entropy)."""


@dataclass(frozen=True)
class StreamRows:
    """B rows of C + T symbols, of which the first C are read and not judged. They begin with pad, or C >= R - 1.

    `ids` (B, C + T), `targets` (B, T). `given` (B, C + T or 1, G) are the conditions of what is predicted, if there are
    any, and `before` (B, G) those that held before the row.
    """

    ids: Ids
    targets: Ids
    given: Given | None = None
    before: Given | None = None
    first: int = 0
    """The number of the first of these rows in its batch."""
    whole: int | None = None
    """How many predictions the whole batch has, where this is a share of it."""

    def parts(self, count: int) -> list[StreamRows]:
        """The same rows in `count` parts, or as many as there are rows."""
        return [
            StreamRows(
                self.ids[some],
                self.targets[some],
                None if self.given is None else self.given[some],
                None if self.before is None else self.before[some],
                self.first + some.start,
            )
            for some in shares(0, len(self.ids), count)
        ]


WHOLE = slice(None)


def shares(begin: int, end: int, count: int) -> list[slice]:
    """The things from `begin` to `end` in `count` shares, or as many as there are things, alike in size but for one.

    They are halves of halves: the 4 shares of all are the 2 of each half.
    """
    if min(count, end - begin) <= 1:
        return [slice(begin, end)]
    left = count // 2
    middle = begin + (end - begin) * left // count
    return shares(begin, middle, left) + shares(middle, end, count - left)


def rows_anew(
    stream: Stream, numbers: Ids, length: int, untold: npt.NDArray[np.bool_] | None = None, share: slice = WHOLE
) -> StreamRows:
    """Rows that begin anew, each with pad and then the symbols from about position `numbers` (B,) on: C = 0.

    A row that would go beyond the end of its span begins earlier. Where `untold` (B, F), a class is left out. Of the
    batch only the rows of the `share` are read.
    """
    spans, offsets = stream.positions(numbers)
    starts = stream.firsts[spans] + np.maximum(0, np.minimum(offsets, stream.lengths[spans] - length))
    whole, first = int(stream.inside(starts, length).sum()), share.start or 0
    starts, untold = starts[share], None if untold is None else untold[share]
    symbols = stream.rows(starts, length)
    ids = np.concatenate([np.full((len(starts), 1), PAD), symbols[:, :-1]], axis=1)
    targets = np.where(stream.inside(starts, length), symbols, NO_TARGET)
    return StreamRows(ids, targets, *_conditions(stream, starts, length, 0, untold), first, whole)


def rows_in_order(
    stream: Stream, context: int, length: int, batch: int, most: int | None = None
) -> Iterator[StreamRows]:
    """Every position of the stream as a target once, in rows of `length` after their real context.

    Of a stream with more than `most` positions only as many rows as these take, the same ones each time, spread evenly.
    """
    starts = np.concatenate(
        [first + np.arange(0, n, length) for first, n in zip(stream.firsts, stream.lengths, strict=True)]
    )
    if most is not None and stream.symbols > most:
        count = max(1, round(len(starts) * most / stream.symbols))
        starts = starts[((np.arange(count) + 0.5) * len(starts) / count).astype(np.int64)]
    for begin in range(0, len(starts), batch):
        some = starts[begin : begin + batch]
        ids = stream.rows(some, context + length, before=context + 1)
        targets = np.where(stream.inside(some, length), stream.rows(some, length), NO_TARGET)
        yield StreamRows(ids, targets, *_conditions(stream, some, length, context, None))


def _conditions(
    stream: Stream, starts: Ids, length: int, context: int, untold: npt.NDArray[np.bool_] | None
) -> tuple[Given | None, Given | None]:
    """What is given with the predictions of each row, and what held before it: of the local conditions nothing."""
    fields, local = stream.corpus.fields, stream.corpus.settings.local
    if not fields and not local:
        return None, None
    classes = stream.classes(starts)
    told = fields.one_hot(classes if untold is None else np.where(untold, NOT_TOLD, classes))  # (B, G without local)
    before = np.concatenate([told, np.zeros((len(starts), local), dtype=np.float32)], axis=1)  # (B, G)
    if not local:
        return told[:, None], before
    frames = stream.frames(starts, context + length, before=context)  # (B, C + T, D)
    whole = np.broadcast_to(told[:, None], (*frames.shape[:2], told.shape[1]))
    return np.concatenate([whole, frames], axis=2), before
