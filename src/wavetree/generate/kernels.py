"""The incremental run as compiled code: one symbol on, and a choice from each prediction.

    B batch   K kernel   C channels of a level's vectors   P numbers before the activation   V vocabulary

Sizes are data, so that each function is compiled once for all models and kept on disk for the next process. What the
arrays hold is said in generate/layout.py. At a level with dilation d, a step

    1. takes the products with the K - 1 left children, W_k u[t - k d]. The left children of the next m steps are known
       already, m the largest power of two that divides d, up to 8: the products are made for m steps at once, `ahead`,
       so that their weights are read once in m steps
    2. puts its own vector u[t] into the ring, in the place of the oldest
    3. adds W_0 u[t] and applies the activation

Vectors are float32. A choice is made in float64, as in generate/sampler.py. Imports numba: only the making of an engine
imports this.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba

from wavetree.generate import layout
from wavetree.generate.activations import ONE, ZERO, compiled, copy_all, gate_all, norm_all, relu_all, tanh_all
from wavetree.generate.choosing import choose
from wavetree.generate.layout import AHEAD, DILATION, LANES, PRODUCTS, RING, SLOTS, WEIGHTS, WIDTH
from wavetree.generate.tile import floats, make_tile, shift

CONFIG: Any = numba.config
entry = numba.njit(cache=bool(CONFIG.CACHE_DIR), nogil=True, error_model="numpy")
"""For what is called from outside; all the rest becomes part of it, and of what is kept on disk."""
padded = compiled(layout.padded)
ROWS = 4
tile_4x4, tile_4x2, tile_4x1 = make_tile(ROWS, 4), make_tile(ROWS, 2), make_tile(ROWS, 1)
tile_1x4, tile_1x2, tile_1x1 = make_tile(1, 4), make_tile(1, 2), make_tile(1, 1)


class Spots(NamedTuple):
    """Pointers to the first numbers of the arrays in `Memory`, `Room` and the weights."""

    weights: Any
    rings: Any
    ahead: Any
    x: Any
    before: Any
    inner: Any
    logits: Any


@compiled
def spots_of(weights, memory, room):
    return Spots(
        floats(weights),
        floats(memory.rings),
        floats(memory.ahead),
        floats(room.x),
        floats(room.before),
        floats(room.inner),
        floats(room.logits),
    )


@compiled
def product(matrix, n, columns, x, x_step, base, base_step, out, out_step, rows):
    """`rows` vectors of n numbers times a matrix of so many columns, plus `base`, to `out`; each has its rows' step."""
    whole = rows - rows % ROWS
    while columns > 0:
        width = 64 if columns >= 64 else 32 if columns >= 32 else 16
        r = 0
        while r < rows:
            i, j, k = shift(x, r * x_step), shift(base, r * base_step), shift(out, r * out_step)
            if r < whole:
                if width == 64:
                    tile_4x4(matrix, n, i, x_step, j, base_step, k, out_step)
                elif width == 32:
                    tile_4x2(matrix, n, i, x_step, j, base_step, k, out_step)
                else:
                    tile_4x1(matrix, n, i, x_step, j, base_step, k, out_step)
                r += ROWS
            else:
                if width == 64:
                    tile_1x4(matrix, n, i, x_step, j, base_step, k, out_step)
                elif width == 32:
                    tile_1x2(matrix, n, i, x_step, j, base_step, k, out_step)
                else:
                    tile_1x1(matrix, n, i, x_step, j, base_step, k, out_step)
                r += 1
        columns -= width
        matrix, base, out = shift(matrix, n * width), shift(base, width), shift(out, width)


@compiled
def embed(plan, width, spots, ids):
    """The vectors of the symbols `ids` (B,), to x."""
    wide = padded(width)
    for b in range(len(ids)):
        row = shift(spots.x, b * plan.step)
        copy_all(shift(spots.weights, plan.table + ids[b] * wide), wide, row)
        for i in range(wide, plan.step):
            row[i] = ZERO


@compiled
def tell(plan, width, spots, batch, given, time):
    """Adds what is given with the symbols at `time`: (B, T, G), the same for ever if T is 1, nothing if it is 0."""
    held, x = given.shape[1], spots.x
    if held > 0:
        told = shift(floats(given), min(time, held - 1) * plan.given)
        matrix, columns, step = shift(spots.weights, plan.given_map), padded(width), plan.step
        product(matrix, plan.given, columns, told, held * plan.given, x, step, x, step, batch)


@compiled
def rise(plan, levels, cursors, spots, batch, settle):
    """From the vectors of the symbols, in x, up through the levels. `settle`: as if it had been so for ever."""
    size = plan.before
    for level in range(len(levels)):
        width, slots, steps = levels[level, WIDTH], levels[level, SLOTS], levels[level, AHEAD]
        wide, cursor = padded(width), cursors[level]
        ring, ready = (
            shift(spots.rings, levels[level, RING] * batch),
            shift(spots.ahead, levels[level, PRODUCTS] * batch),
        )
        gain = shift(spots.weights, levels[level, WEIGHTS])
        bias = shift(gain, plan.normed * 2 * (wide if plan.gated else size))
        matrix = shift(bias, size)
        if settle:
            for slot in range(slots):
                enter(plan, width, spots, batch, gain, shift(ring, slot * batch * wide))
        phase = cursor & (steps - 1)
        if phase == 0:
            slot, base, base_step = cursor, bias, 0
            for _ in range(plan.kernel - 1):
                left = shift(ring, slot * batch * wide)
                product(matrix, width, size, left, wide, base, base_step, ready, size, steps * batch)
                matrix, base, base_step = shift(matrix, width * size), ready, size
                slot += levels[level, DILATION]
                if slot >= slots:
                    slot -= slots
        else:
            matrix = shift(matrix, (plan.kernel - 1) * width * size)
        own = shift(ring, cursor * batch * wide)
        enter(plan, width, spots, batch, gain, own)
        product(matrix, width, size, own, wide, shift(ready, phase * batch * size), size, spots.before, size, batch)
        if not settle:
            cursors[level] = 0 if cursor + 1 == slots else cursor + 1
        if plan.gated:
            pass_gate(plan, spots, batch, shift(matrix, width * size))
        else:
            pass_tanh(plan, spots, batch, gain)


@compiled
def enter(plan, width, spots, batch, gain, slot):
    """Puts the vectors x into a slot of the ring, behind a gate normed if the model has a norm."""
    for b in range(batch):
        x, own = shift(spots.x, b * plan.step), shift(slot, b * padded(width))
        if plan.gated and plan.normed:
            norm_all(x, width, spots.weights[0], gain, own)
        else:
            copy_all(x, padded(width), own)


@compiled
def pass_tanh(plan, spots, batch, gain):
    """The tree's activation, normed if it has a norm that is not folded in: to x."""
    for b in range(batch):
        y = shift(spots.before, b * plan.before)
        if plan.normed:
            norm_all(y, plan.hidden, spots.weights[0], gain, spots.inner)
            y = spots.inner
        tanh_all(y, plan.before, shift(spots.x, b * plan.step))


@compiled
def pass_gate(plan, spots, batch, matrix):
    """The gate, and what it lets through to x and the skips. Their bias is the last row of the matrix."""
    half, x = plan.before // 2, spots.x
    step = half + LANES
    for b in range(batch):
        z = shift(spots.inner, b * step)
        gate_all(shift(spots.before, b * plan.before), half, z)
        z[plan.hidden] = ONE
    product(matrix, plan.hidden + 1, plan.step, spots.inner, step, x, plan.step, x, plan.step, batch)


@compiled
def predict(plan, spots, batch):
    """The output's layers: from x, or the skips, to the logits (B, V), padded."""
    wide, columns, inner = padded(plan.top), padded(plan.vocab), spots.inner
    x, step, place = spots.x, plan.step, shift(spots.weights, plan.last)
    if plan.gated:
        x = shift(x, plan.channels)
        for b in range(batch):
            skips = shift(x, b * step)
            if plan.normed:
                norm_all(skips, plan.top, spots.weights[0], place, inner)
                relu_all(inner, wide, skips)
            else:
                relu_all(skips, wide, skips)
        place = shift(place, 2 * wide * plan.normed)
        product(shift(place, wide), plan.top, wide, x, step, place, 0, inner, wide, batch)
        relu_all(inner, batch * wide, inner)
        x, step, place = inner, wide, shift(place, wide + plan.top * wide)
    product(shift(place, columns), plan.top, columns, x, step, place, 0, spots.logits, columns, batch)


@compiled
def advance(plan, levels, cursors, spots, ids, given, time, settle):
    """One symbol on, without a prediction."""
    width = levels[0, WIDTH]
    embed(plan, width, spots, ids)
    tell(plan, width, spots, len(ids), given, time)
    rise(plan, levels, cursors, spots, len(ids), settle)


@entry
def run(plan, levels, weights, memory, room, ids, given, settle, rules, barred, uniforms, symbols):
    """Feeds `ids` (B, T); makes a choice for each of `uniforms` (B, N) and feeds all but the last, to `symbols` (B, N).

    With N = 0 the prediction after the last symbol is left in `room.logits`. `settle`: fills the memory with the
    responses to `ids`, had it been so for ever.
    """
    spots, cursors, now = spots_of(weights, memory, room), memory.cursors, room.ids
    shares, order, columns = room.shares, room.order, padded(plan.vocab)
    told, chosen = ids.shape[1], uniforms.shape[1]
    for time in range(told + chosen):
        for b in range(len(now)):
            if time < told:
                now[b] = ids[b, time]
            else:
                logits, place = shift(spots.logits, b * columns), time - told
                now[b] = choose(logits, barred, rules, uniforms[b, place], shares, order)
                symbols[b, place] = now[b]
        if chosen == 0 or time < told + chosen - 1:
            advance(plan, levels, cursors, spots, now, given, time, settle)
            if time >= told - 1:
                predict(plan, spots, len(now))
