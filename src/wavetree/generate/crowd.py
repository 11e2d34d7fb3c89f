"""Many sequences of one model, symbol by symbol, where those that are alike share their work.

B sequences   M rows   C channels   H hidden   V vocabulary   L levels
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wavetree.layers import BatchNorm, Fuse
from wavetree.models import AnyModel, Tree

Rows = npt.NDArray[np.int64]
LEAVE = 0.8
"""Work is shared as long as there are fewer rows than this share of the sequences; after that each has its own row to
the end. Rows of a state that nobody is in any more leave once less than this share of them is in use."""
TABLE = 64
"""Pairs are found in a table of all that there could be, while it has at most so many places for each sequence."""


class Crowd(Protocol):
    """B sequences of one model, each with what it remembers."""

    def feed(self, symbols: Rows) -> tuple[Tensor, Rows]:
        """One symbol on, `symbols` (B,): logits (M, V) for the next one, and the row (B,) of each sequence in them."""

    def keep(self, chosen: Rows) -> None:
        """From here on there are only the sequences `chosen` (K,), numbered anew."""


def crowd(model: AnyModel, count: int, given: Tensor | None = None) -> Crowd:
    """`count` sequences before their first symbol; `given` (1, G) holds for all. Call it and use it in `evaluating`."""
    if type(model) is Tree and all(isinstance(fuse.norm, BatchNorm) for fuse in model.fusions):
        return Nodes(model, count, given)
    return Beginnings(model, count, given)


class Beginnings:
    """Of any model: sequences that are alike from the first symbol on share a row of its `step`."""

    def __init__(self, model: AnyModel, count: int, given: Tensor | None = None) -> None:
        self._model, self._given = model, given
        self._state, self._height = model.start(given), 1  # rows that the state has
        self._rows, self._shared = np.zeros(count, dtype=np.int64), True

    def feed(self, symbols: Rows) -> tuple[Tensor, Rows]:
        """As the protocol says."""
        parents, self._rows = self._next_rows(symbols)
        if not np.array_equal(parents, np.arange(self._height)):
            self._state = self._model.select(self._state, torch.from_numpy(parents))
        self._height = len(parents)
        wide = np.zeros(self._height, dtype=np.int64)
        wide[self._rows] = symbols
        logits, self._state = self._model.step(torch.from_numpy(wide), self._state, self._given)
        return logits, self._rows

    def _next_rows(self, symbols: Rows) -> tuple[Rows, Rows]:
        """The row (M,) that each new row comes from, and the new row (B,) of each sequence."""
        if self._shared:
            beginnings = self._rows * self._model.vocab_size + symbols
            different, rows = np.unique(beginnings, return_inverse=True)
            if len(different) < LEAVE * len(symbols):
                return different // self._model.vocab_size, rows
            self._shared = False
        elif len(symbols) >= LEAVE * self._height:
            return np.arange(self._height), self._rows
        return self._rows, np.arange(len(symbols))

    def keep(self, chosen: Rows) -> None:
        """As the protocol says."""
        self._rows = self._rows[chosen]


class _Spread(NamedTuple):
    """Vectors (M, H), and which of them (B,) each sequence has."""

    vectors: Tensor
    rows: Rows


class _Halves(NamedTuple):
    """A fusion and its norm as products and one sum: s = sigmoid(left w_left + right w_right + bias).

    The vectors are s = (tanh + 1) / 2 of those in models/tree.py: sigmoid takes torch a third of the time of tanh.
    """

    w_left: Tensor
    """(C, H), as w_right."""
    w_right: Tensor
    bias: Tensor

    @classmethod
    def of(cls, fuse: Fuse, first: bool) -> _Halves:
        """In evaluation, where a batch norm is a constant; what comes in is s, but for the `first` fusion."""
        norm = fuse.norm
        assert isinstance(norm, BatchNorm)
        slope, bias = norm.constant()  # (H,) each
        weight = slope[:, None] * fuse.weight  # (H, 2C)
        if not first:
            weight, bias = 2 * weight, bias - weight.sum(1)  # tanh is 2 s - 1
        w_left, w_right = (2 * weight).to(fuse.weight.dtype).chunk(2, dim=1)
        return cls(w_left.T.contiguous(), w_right.T.contiguous(), (2 * bias).to(fuse.weight.dtype))


class Nodes:
    """Of a tree with batch norm: sequences share each node whose 2**l symbols are the same, so every distinct fusion of
    a step is computed once, as `packed` does it (models/tree.py). Level 1 has at most V * V nodes, however many
    sequences. A level whose nodes are hardly ever shared is not looked through any more.

    A vector is the left child of a node 2**l steps after it was the right child of one: what is remembered is its
    product with W_left, of those who have left too, until its time has come.
    """

    def __init__(self, model: Tree, count: int, given: Tensor | None = None) -> None:
        leaves = model.embedding(torch.arange(model.vocab_size), given)  # (V, E)
        self._levels = [_Halves.of(fuse, level == 0) for level, fuse in enumerate(model.fusions)]
        weight = model.output.weight
        self._output = (2 * weight.T).contiguous(), model.output.bias - weight.sum(1)
        self._past: list[deque[_Spread]] = []
        self._shared = [True] * len(self._levels)  # whether nodes of a level are still looked through for equal ones
        self._running = np.arange(count)  # who is still there, by the first numbering: that of all that is remembered
        first = self._levels[0]
        self._leaves = leaves @ first.w_left, torch.addmm(first.bias, leaves, first.w_right)  # (V, H) each, for ever
        alike, pad = np.zeros(count, dtype=np.int64), leaves[:1]  # (1, E)
        for level, halves in enumerate(self._levels):
            left = pad @ halves.w_left  # (1, H)
            self._past.append(deque([_Spread(left, alike)] * (1 << level)))
            pad = torch.sigmoid(left + pad @ halves.w_right + halves.bias)

    def feed(self, symbols: Rows) -> tuple[Tensor, Rows]:
        """As the protocol says."""
        rows = symbols  # (B,)
        to_come, right = self._leaves  # (M, H) each: of this level's vectors, as left children and as right ones
        for level in range(len(self._levels)):
            vectors, everyones = self._past[level].popleft()
            left = _Spread(vectors, everyones[self._running])
            everyones = np.zeros(len(everyones), dtype=np.int64)
            everyones[self._running] = rows
            self._past[level].append(_Spread(to_come, everyones))
            lefts, rights, rows = self._pairs(level, left, _Spread(right, rows))
            x = left.vectors.index_select(0, lefts).add_(right.index_select(0, rights)).sigmoid_()  # (M', H)
            if level + 1 < len(self._levels):
                above = self._levels[level + 1]
                to_come, right = x @ above.w_left, torch.addmm(above.bias, x, above.w_right)
        weight, bias = self._output
        return torch.addmm(bias, x, weight), rows

    def _pairs(self, level: int, left: _Spread, right: _Spread) -> tuple[Tensor, Tensor, Rows]:
        """The left and the right child (M',) of each node of the level, and the node (B,) of each sequence."""
        if not self._shared[level]:
            return torch.from_numpy(left.rows), torch.from_numpy(right.rows), np.arange(len(right.rows))
        width = len(right.vectors)
        pairs, nodes = _distinct(left.rows * width + right.rows, len(left.vectors) * width)
        self._shared[level] = len(pairs) < LEAVE * len(nodes)
        lefts, rights = np.divmod(pairs, width)
        return torch.from_numpy(lefts), torch.from_numpy(rights), nodes

    def keep(self, chosen: Rows) -> None:
        """As the protocol says. Nothing that is remembered is touched, however far back it goes."""
        self._running = self._running[chosen]


def _distinct(keys: Rows, possible: int) -> tuple[Rows, Rows]:
    """The different ones of `keys` (B,), all below `possible`, in order, and which of them (B,) each is."""
    if possible > TABLE * len(keys):
        return np.unique(keys, return_inverse=True)
    there = np.zeros(possible, dtype=bool)
    there[keys] = True
    different = np.flatnonzero(there)
    place = np.empty(possible, dtype=np.int64)
    place[different] = np.arange(len(different))
    return different, place[keys]
