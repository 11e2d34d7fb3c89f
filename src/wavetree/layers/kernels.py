"""The parts of a stack of gated blocks that are no products of matrices, each in one pass over memory.

Arrays are float32, or uint16 that hold bfloat16: the upper half of a float32, rounded to the nearest, ties to even.
B rows of T positions are N = B T positions one after the other. C channels, H hidden, S skip, K kernel.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

FAST = {"reassoc", "contract", "arcp", "afn", "nsz"}
"""Sums in any order and divisions by reciprocals. What is not a number stays none."""
STEEP = 15.0
"""Beyond this tanh and sigmoid are 1 to the last bit of a float32, or nearly 0."""


def _to_bits(context: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(32))

    return types.uint32(types.float32), generate


def _to_number(context: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.uint32), generate


_bits: Any = intrinsic(_to_bits)
"""The bits of a float32, as uint32."""
_number: Any = intrinsic(_to_number)
"""The float32 of these bits."""


def _put(array: Any, i: Any, j: Any, value: Any) -> Any:
    """array[i, j] = value, in the precision of the array."""


@overload(_put, inline="always")
def _put_as(array: Any, i: Any, j: Any, value: Any) -> Any:
    if array.dtype == types.uint16:

        def rounded(array: Any, i: Any, j: Any, value: Any) -> Any:
            bits = _bits(np.float32(value))
            array[i, j] = np.uint16(
                (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
            )

        return rounded

    def whole(array: Any, i: Any, j: Any, value: Any) -> Any:
        array[i, j] = value

    return whole


def _get(array: Any, i: Any, j: Any) -> Any:
    """array[i, j] as float32."""
    return 0.0


@overload(_get, inline="always")
def _get_as(array: Any, i: Any, j: Any) -> Any:
    if array.dtype == types.uint16:

        def widened(array: Any, i: Any, j: Any) -> Any:
            return _number(np.uint32(np.uint32(array[i, j]) << np.uint32(16)))

        return widened

    def whole(array: Any, i: Any, j: Any) -> Any:
        return array[i, j]

    return whole


def _compiled(function: Any) -> Any:
    config: Any = numba.config
    kept = bool(config.CACHE_DIR)  # set by `load_kernels` where there is a place to keep it
    return numba.njit(cache=kept, nogil=True, fastmath=FAST, error_model="numpy")(function)


def _inlined(function: Any) -> Any:
    return numba.njit(function, fastmath=FAST, error_model="numpy", inline="always")


@_inlined
def _exp(x: Any) -> Any:
    """e to the x, to 2e-7 of it, for x from -80 to 80."""
    scaled = x * np.float32(1.4426950408889634)
    whole = np.floor(scaled + np.float32(0.5))
    f = scaled - whole  # -1/2 to 1/2: 2**f by its Taylor series
    power = np.float32(1.5403530393381609e-4)
    power = power * f + np.float32(1.3333558146428443e-3)
    power = power * f + np.float32(9.618129107628477e-3)
    power = power * f + np.float32(5.550410866482158e-2)
    power = power * f + np.float32(2.402265069591007e-1)
    power = power * f + np.float32(6.931471805599453e-1)
    power = power * f + np.float32(1.0)
    return power * _number(np.uint32(np.uint32(np.int32(whole) + np.int32(127)) << np.uint32(23)))


@_compiled
def exp_of(x: Any) -> Any:
    """`_exp` of one number, to be looked at."""
    return _exp(x)


@_inlined
def _within(x: Any, limit: Any) -> Any:
    return min(max(x, -limit), limit)


@_inlined
def _kept(seed: Any, place: Any, threshold: Any) -> Any:
    """Whether dropout keeps the number at `place`: a hash of both (the finisher of MurmurHash3) above `threshold`."""
    x = np.uint32(np.uint32(place * np.uint32(0x9E3779B1)) ^ seed)  # numba widens every operation: back to 32 bits
    x = np.uint32(x ^ np.uint32(x >> np.uint32(16)))
    x = np.uint32(x * np.uint32(0x85EBCA6B))
    x = np.uint32(x ^ np.uint32(x >> np.uint32(13)))
    x = np.uint32(x * np.uint32(0xC2B2AE35))
    x = np.uint32(x ^ np.uint32(x >> np.uint32(16)))
    return x >= threshold


@_compiled
def spread(x, children, spreads, reaches, time, epsilon):  # type: ignore[no-untyped-def]
    """x (N, C) normed to children (N, K C): each position's own in the last C, and those `reaches` back before them.

    A child that would lie before its row is the row's first position. `spreads` (N,) gets 1 / deviation; with `epsilon`
    below 0 nothing is normed.
    """
    positions, channels = x.shape
    own = len(reaches) * channels
    for n in range(positions):
        mean, inverse = np.float32(0), np.float32(1)
        if epsilon >= 0:
            total = np.float32(0)
            for j in range(channels):
                total += x[n, j]
            mean = total / np.float32(channels)
            squares = np.float32(0)
            for j in range(channels):
                squares += (x[n, j] - mean) * (x[n, j] - mean)
            inverse = np.float32(1) / np.sqrt(squares / np.float32(channels) + np.float32(epsilon))
        spreads[n] = inverse
        for j in range(channels):
            _put(children, n, own + j, (x[n, j] - mean) * inverse)
        t = n % time
        for k in range(len(reaches)):
            begin = k * channels
            if t + reaches[k] < time:
                m = n + reaches[k]
                for j in range(channels):
                    children[m, begin + j] = children[n, own + j]
            if t == 0:
                for m in range(n, n + min(reaches[k], time)):
                    for j in range(channels):
                        children[m, begin + j] = children[n, own + j]


@_compiled
def gate(h, z, seed, threshold, first):  # type: ignore[no-untyped-def]
    """h (N, 2H) to z (N, H) = tanh(a) sigmoid(b), of which dropout leaves out `threshold` / 2**32.

    What it leaves out follows from `seed` and the place in the batch, where these positions begin at `first`.
    """
    positions, hidden = z.shape
    scale = np.float32(4294967296.0 / (4294967296.0 - np.float64(threshold)))
    one = np.float32(1)
    passed = np.empty(hidden, np.float32)
    for n in range(positions):
        for j in range(hidden):
            p = _exp(np.float32(-2) * _within(_get(h, n, j), np.float32(STEEP)))
            q = _exp(-_within(_get(h, n, hidden + j), np.float32(2 * STEEP)))
            passed[j] = (one - p) / ((one + p) * (one + q))
        if threshold:
            place = np.uint32((first + n) * hidden)
            for j in range(hidden):
                passed[j] *= scale if _kept(seed, np.uint32(place + np.uint32(j)), threshold) else np.float32(0)
        for j in range(hidden):
            _put(z, n, j, passed[j])


@_compiled
def gate_back(gz, h, z, g_bias, seed, threshold, first):  # type: ignore[no-untyped-def]
    """The gradient gz (N, H) of z to that of h, in its place (N, 2H), and its sum g_bias (2H,); z once more."""
    positions, hidden = z.shape
    sums = np.zeros(2 * hidden, np.float32)
    scale = np.float32(4294967296.0 / (4294967296.0 - np.float64(threshold)))
    one = np.float32(1)
    s, t, masks = np.empty(hidden, np.float32), np.empty(hidden, np.float32), np.ones(hidden, np.float32)
    for n in range(positions):
        for j in range(hidden):
            p = _exp(np.float32(-2) * _within(_get(h, n, j), np.float32(STEEP)))
            q = _exp(-_within(_get(h, n, hidden + j), np.float32(2 * STEEP)))
            both = one / ((one + p) * (one + q))
            s[j] = both * (one + p)
            t[j] = both * (one - p) * (one + q)
        if threshold:
            place = np.uint32((first + n) * hidden)
            for j in range(hidden):
                masks[j] = scale if _kept(seed, np.uint32(place + np.uint32(j)), threshold) else np.float32(0)
        for j in range(hidden):
            _put(z, n, j, t[j] * s[j] * masks[j])
        for j in range(hidden):
            _put(h, n, j, _get(gz, n, j) * masks[j] * s[j] * (one - t[j] * t[j]))
        for j in range(hidden):
            _put(h, n, hidden + j, _get(gz, n, j) * masks[j] * t[j] * s[j] * (one - s[j]))
        for j in range(2 * hidden):
            sums[j] += _get(h, n, j)
    g_bias[:] = sums


@_compiled
def add(x, skips, made, channels):  # type: ignore[no-untyped-def]
    """made (N, `channels` + S), added to x (N, C) and to skips (N, S). On the last level C counts as 0."""
    for n in range(len(skips)):
        for j in range(channels):
            x[n, j] += _get(made, n, j)
        for j in range(skips.shape[1]):
            skips[n, j] += _get(made, n, channels + j)


@_compiled
def spread_back(  # type: ignore[no-untyped-def]  # noqa: PLR0912  # one pass over memory
    g_children, children, spreads, reaches, time, normed, gx, g_made, g_sum
):
    """The gradient (N, K C) of children, added to gx (N, C), that of x.

    The result is also put into the first C of g_made (N, C + S), where the level below needs it, and summed over all
    positions in g_sum (C,).
    """
    positions, channels = gx.shape
    sums = np.zeros(channels, np.float32)
    own = len(reaches) * channels
    g, u = np.empty(channels, np.float32), np.empty(channels, np.float32)
    for n in range(positions):
        t = n % time
        for j in range(channels):
            g[j] = _get(g_children, n, own + j)
        for j in range(channels):
            u[j] = _get(children, n, own + j)
        for k in range(len(reaches)):
            begin = k * channels
            if t + reaches[k] < time:
                m = n + reaches[k]
                for j in range(channels):
                    g[j] += _get(g_children, m, begin + j)
            if t == 0:
                for m in range(n, n + min(reaches[k], time)):
                    for j in range(channels):
                        g[j] += _get(g_children, m, begin + j)
        first, second = np.float32(0), np.float32(0)
        if normed:
            for j in range(channels):
                first += g[j]
                second += g[j] * u[j]
            first /= np.float32(channels)
            second /= np.float32(channels)
        spread = spreads[n]
        for j in range(channels):
            g[j] = spread * (g[j] - first - u[j] * second)
        for j in range(channels):
            gx[n, j] += g[j]
        for j in range(channels):
            _put(g_made, n, j, gx[n, j])
        for j in range(channels):
            sums[j] += gx[n, j]
    g_sum[:] = sums
