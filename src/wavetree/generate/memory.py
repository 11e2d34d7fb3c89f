"""How much of what is drawn is remembered: copies, and how near the nearest item is that was learnt from.

Distance is that of Levenshtein (1966): the fewest symbols to put in, take out or replace. One item is compared with all
items of a length at once, row by row of the usual table; insertions along a row are a running minimum. Lengths are gone
through from the item's own outwards, and no further than the best distance found, since it is never below the
difference of the lengths.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.int32]


class Nearest:
    """Finds the nearest of many items."""

    def __init__(self, items: Iterable[str]) -> None:
        by_length: defaultdict[int, list[str]] = defaultdict(list)
        for item in dict.fromkeys(items):
            by_length[len(item)].append(item)
        self._items = dict(by_length)
        self._points = {
            length: np.stack([_points(item) for item in some], axis=1) for length, some in by_length.items()
        }  # (length, M) each

    def to(self, item: str) -> tuple[int, str]:
        """The distance of the nearest one, and which it is. Raises ValueError where there are none."""
        if not self._items:
            raise ValueError("there are no items to be near to")
        best, found = len(item) + max(self._items) + 1, ""
        points = _points(item)
        for length in sorted(self._items, key=lambda length: (abs(length - len(item)), length)):
            if abs(length - len(item)) >= best:
                break
            distances = _distances(points, self._points[length])
            place = int(distances.argmin())
            if distances[place] < best:
                best, found = int(distances[place]), self._items[length][place]
        return best, found


def _points(item: str) -> Points:
    return np.frombuffer(item.encode("utf-32-le", "surrogatepass"), "<i4")


def _distances(item: Points, others: Points) -> npt.NDArray[np.int16]:
    """The distances (M,) of `item` (T,) to `others` (L, M)."""
    length, count = others.shape
    step = np.arange(length + 1, dtype=np.int16)[:, None]
    row = np.repeat(step, count, axis=1)  # (L + 1, M): from nothing to the beginnings of the others
    for symbol in item:
        after = row + np.int16(1)
        np.minimum(after[1:], row[:-1] + (others != symbol), out=after[1:])
        row = np.minimum.accumulate(after - step, axis=0) + step
    last: npt.NDArray[np.int16] = row[-1]
    return last


@dataclass(frozen=True)
class Memory:
    """Of some items: how many there are at each distance of the nearest one learnt from, 0 being copies; and pairs."""

    distances: dict[int, int]
    pairs: tuple[tuple[str, str, int], ...]

    @classmethod
    def of(cls, items: Sequence[str], nearest: Nearest) -> Memory:
        """Items that are drawn several times count several times."""
        found = {item: nearest.to(item) for item in dict.fromkeys(items)}
        counts = Counter(found[item][0] for item in items)
        pairs = sorted(((item, near, distance) for item, (distance, near) in found.items() if distance), key=_nearest)
        return cls(dict(sorted(counts.items())), tuple(pairs))

    @property
    def items(self) -> int:
        """How many there are."""
        return sum(self.distances.values())

    @property
    def copies(self) -> int:
        """How many are in the list that was learnt from."""
        return self.distances.get(0, 0)

    @property
    def mean_of_others(self) -> float:
        """The mean distance of those that are no copies; 0 without any."""
        others = self.items - self.copies
        return sum(distance * count for distance, count in self.distances.items()) / others if others else 0.0


def _nearest(pair: tuple[str, str, int]) -> tuple[float, str]:
    """The nearest first, for their length."""
    return pair[2] / max(1, len(pair[0])), pair[0]
