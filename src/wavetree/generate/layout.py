"""How the engine's numbers lie in memory: weights in the order in which a step reads them, sizes and places as data.

Every matrix is cut into strips of 64 columns, and 32 and 16 for the rest; a strip is its rows, one after the other
(generate/tile.py). Widths of outputs are padded with zeros to a multiple of 16, widths of inputs are not.

    first      eps of the norms; the embedding's table (V, C); the map of what is given (G -> C)
    a level    [gain, shift of its norm]; bias (P); W of each child, the oldest first, the right one last (C -> P);
                          behind a gate also residual and skip side by side, their bias as a last row (H + 1 -> C + S)
    last       [gain, shift of the norm]; bias and matrix of each layer of the output

    P is H for a tree, and behind a gate the H of tanh, then the H of sigmoid. Imports no numba.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from wavetree.layers import BatchNorm, Fuse, GatedBlock, SymbolEmbedding
from wavetree.models import Tree, WaveNet

Floats = npt.NDArray[np.float32]
Wide = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

LANES = 16
STRIPS = (64, 32, 16)
MOST_AHEAD = 8
"""The products with left children are made for as many steps at once, where the dilation allows it."""
LINE = 64
"""Bytes of a cache line."""

WIDTH, DILATION, SLOTS, AHEAD, RING, PRODUCTS, WEIGHTS = range(7)
"""Columns of the table of levels: width of its vectors; dilation; vectors in its ring; steps multiplied at once; where
its ring, its products made ahead and its weights begin (the first two for a batch of one)."""


class Plan(NamedTuple):
    """The sizes of a model, and where the parts of its weights begin."""

    gated: int
    normed: int
    kernel: int
    vocab: int
    given: int
    channels: int
    """C of a gated model, padded: where the skips begin, in a row of `step` numbers."""
    step: int
    """The distance of the rows of vectors that rise from level to level."""
    before: int
    """P, padded."""
    hidden: int
    """H, the width of what a gate lets through."""
    top: int
    """The width of what the output begins with: H of a tree, S behind a gate."""
    table: int
    given_map: int
    last: int


class Packed(NamedTuple):
    """A model, ready for the compiled code."""

    plan: Plan
    levels: Ids
    weights: Floats
    ring_size: int
    """How many numbers the rings hold for a batch of one."""
    ahead_size: int
    """The same for the products made ahead."""


class Memory(NamedTuple):
    """What a stream remembers."""

    rings: Floats
    ahead: Floats
    cursors: Ids
    """For each level the slot of the oldest vector in its ring."""


class Room(NamedTuple):
    """Where a step works. What it leaves means nothing to the next one; `logits` are read from here."""

    ids: Ids
    x: Floats
    before: Floats
    inner: Floats
    logits: Floats
    shares: Wide
    order: Ids


class Rules(NamedTuple):
    """A `Choice`, in numbers: `top_k` and `top_p` are 0 where there is none."""

    temperature: float
    top_k: int
    top_p: float


def padded(width: int) -> int:
    """The next multiple of 16."""
    return -(-width // LANES) * LANES


def aligned(size: int) -> Floats:
    """Zeros that begin where a cache line does, so that no vector of 16 lies across two."""
    room = np.zeros(size + LINE // 4, np.float32)
    first = -room.ctypes.data % LINE // 4
    return room[first : first + size]


def copied(numbers: Any) -> Any:
    """A copy of an array, aligned as it is."""
    if numbers.dtype != np.float32:
        return numbers.copy()
    copy = aligned(numbers.size)
    copy[:] = numbers
    return copy


def memory_for(packed: Packed, batch: int) -> Memory:
    """A memory of nothing yet."""
    return Memory(
        rings=aligned(packed.ring_size * batch),
        ahead=aligned(packed.ahead_size * batch),
        cursors=np.zeros(len(packed.levels), np.int64),
    )


def room_for(plan: Plan, batch: int) -> Room:
    """A place to work in for a batch."""
    return Room(
        ids=np.zeros(batch, np.int64),
        x=aligned(batch * plan.step),
        before=aligned(batch * plan.before),
        inner=aligned(batch * max(padded(plan.hidden) + LANES, padded(plan.top))),
        logits=aligned(batch * padded(plan.vocab)),
        shares=np.zeros(plan.vocab),
        order=np.zeros(plan.vocab, np.int64),
    )


def pack(model: Tree | WaveNet) -> Packed:
    """The weights as they are now: later changes of the model do not reach them. Batch norms are folded in."""
    sheet = _Sheet()
    sheet.row(np.full(LANES, _eps(model)))
    table = sheet.table(_wide(model.embedding.weight))
    given_map = sheet.matrix(_given(model.embedding))
    if isinstance(model, WaveNet):
        settings = model.config
        widths, dilations, kernel = [settings.channels] * len(model.dilations), model.dilations, settings.kernel
        starts = [_gated_level(sheet, block, kernel) for block in model.blocks]
        channels, hidden, top = padded(settings.channels), settings.hidden, settings.skip
        step, before = channels + padded(top), 2 * padded(hidden)
        last = _norm(sheet, model.norm)
        outputs = [model.head, model.output]
    else:
        widths = [model.config.embedding] + [model.config.hidden] * (model.config.levels - 1)
        dilations, kernel = tuple(1 << level for level in range(len(widths))), 2
        starts = [_fused_level(sheet, fuse) for fuse in model.fusions]
        channels, hidden, top = 0, model.config.hidden, model.config.hidden
        step, before = padded(max(widths[0], hidden)), padded(hidden)
        last = sheet.end
        outputs = [model.output]
    for layer in outputs:
        sheet.row(_wide(layer.bias))
        sheet.matrix(_wide(layer.weight))
    levels, ring, products = [], 0, 0
    for width, dilation, start in zip(widths, dilations, starts, strict=True):
        slots, ahead = (kernel - 1) * dilation, min(MOST_AHEAD, dilation & -dilation)
        levels.append((width, dilation, slots, ahead, ring, products, start))
        ring, products = ring + slots * padded(width), products + ahead * before
    plan = Plan(
        gated=int(isinstance(model, WaveNet)),
        normed=int(model.config.norm == "layer"),
        kernel=kernel,
        vocab=model.vocab_size,
        given=model.given_size,
        channels=channels,
        step=step,
        before=before,
        hidden=hidden,
        top=top,
        table=table,
        given_map=given_map,
        last=last,
    )
    return Packed(plan, np.array(levels, np.int64), sheet.finished(), ring, products)


class _Sheet:
    """Numbers in one row, as they come. Each part begins at a multiple of 16."""

    def __init__(self) -> None:
        self._parts: list[Wide] = []
        self.end = 0

    def row(self, numbers: Wide) -> int:
        """Numbers (N,), padded; returns where they begin."""
        return self.table(numbers[None])

    def table(self, rows: Wide) -> int:
        """Rows (M, N), each padded."""
        start = self.end
        self._parts.append(np.pad(rows, ((0, 0), (0, padded(rows.shape[1]) - rows.shape[1]))).ravel())
        self.end += self._parts[-1].size
        return start

    def matrix(self, weight: Wide) -> int:
        """A weight (outputs, inputs), as strips of outputs."""
        start, outputs = self.end, padded(len(weight))
        columns = np.pad(weight, ((0, outputs - len(weight)), (0, 0))).T  # (inputs, outputs)
        first = 0
        while first < outputs:
            width = next(width for width in STRIPS if width <= outputs - first)
            self.table(columns[:, first : first + width])
            first += width
        return start

    def finished(self) -> Floats:
        """All of it, in single precision."""
        sheet = aligned(self.end)
        sheet[:] = np.concatenate(self._parts)
        return sheet


def _fused_level(sheet: _Sheet, fuse: Fuse) -> int:
    """A level of the tree. A batch norm in evaluation, g (y - mean) / sqrt(var + eps) + b, goes into W and a bias."""
    weight, norm = _wide(fuse.weight), fuse.norm
    bias = np.zeros(len(weight))
    start = sheet.end
    if isinstance(norm, BatchNorm):
        slope, bias = map(_wide, norm.constant())
        weight = slope[:, None] * weight
    else:
        _norm(sheet, norm)
    sheet.row(bias)
    for child in np.split(weight, 2, axis=1):
        sheet.matrix(child)
    return start


def _gated_level(sheet: _Sheet, block: GatedBlock, kernel: int) -> int:
    """A level of the WaveNet; the last one, which has no residual, gets one of zeros."""
    start = _norm(sheet, block.norm)
    a, b = np.split(np.column_stack([_wide(block.bias), _wide(block.weight)]), 2)  # (H, 1 + K C) each
    both = _beside(a, b)
    sheet.row(both[:, 0])
    for child in np.split(both[:, 1:], kernel, axis=1):
        sheet.matrix(child)
    skip = np.column_stack([_wide(block.skip.bias), _wide(block.skip.weight)])  # (S, 1 + H)
    if block.residual is None:
        residual = np.zeros((block.weight.shape[1] // kernel, skip.shape[1]))
    else:
        residual = np.column_stack([_wide(block.residual.bias), _wide(block.residual.weight)])  # (C, 1 + H)
    both = _beside(residual, skip)
    sheet.matrix(np.roll(both, -1, axis=1))
    return start


def _beside(first: Wide, second: Wide) -> Wide:
    """Two blocks of outputs in one, the second from a multiple of 16 on."""
    return np.concatenate([first, np.zeros((padded(len(first)) - len(first), first.shape[1])), second])


def _norm(sheet: _Sheet, norm: nn.Module) -> int:
    """Gain and shift of a layer norm, and nothing for no norm; returns where what comes next begins."""
    start = sheet.end
    if isinstance(norm, nn.LayerNorm):
        sheet.row(_wide(norm.weight))
        sheet.row(_wide(norm.bias))
    return start


def _eps(model: Tree | WaveNet) -> float:
    return next((layer.eps for layer in model.modules() if isinstance(layer, nn.LayerNorm)), 0.0)


def _given(embedding: SymbolEmbedding) -> Wide:
    return np.zeros((embedding.embedding_dim, 0)) if embedding.given is None else _wide(embedding.given.weight)


def _wide(tensor: Tensor) -> Wide:
    numbers: Wide = tensor.detach().double().cpu().numpy()
    return numbers
