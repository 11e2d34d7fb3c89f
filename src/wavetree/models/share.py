"""What a share of a batch needs of the things that all shares have in common: nodes of a graph, windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Share:
    """The things that one share needs, in an order of its own: first those that no share before it needs.

    So what a norm counts here is a slice, and no choice of rows that has to be copied.
    """

    needed: Ids
    """Their numbers, (M,)."""
    counted: int
    """How many of them, the first ones, no share before needs."""
    places: Ids
    """Of each thing that is needed its place among them, (things,)."""

    @classmethod
    def of(cls, here: Mask, before: Mask) -> Share:
        """Which things (things,) this share needs, and which those before it do."""
        alone, common = np.flatnonzero(here & ~before), np.flatnonzero(here & before)
        needed = np.concatenate([alone, common])
        places = np.zeros(len(here), dtype=np.int64)
        places[needed] = np.arange(len(needed))
        return cls(needed, len(alone), places)


def marked(count: int, chosen: Ids) -> Mask:
    """A mask (count,) of the chosen ones."""
    mask = np.zeros(count, dtype=np.bool_)
    mask[chosen] = True
    return mask
