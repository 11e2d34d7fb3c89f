"""What the engine does to the numbers of a vector one by one, so written that it is done to sixteen at a time.

Neither numba nor LLVM brings a vectorised exponential, so here are two, without branches: e**x = 2**n e**r, where n is
the whole number nearest to x / ln 2 and e**r a Taylor polynomial, |r| <= ln 2 / 2. Imports numba: only
generate/kernels.py imports this.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from wavetree.generate.layout import LANES

# No flag here assumes that there is no NaN and no infinity.
compiled = njit(nogil=True, error_model="numpy")
fused = njit(nogil=True, error_model="numpy", fastmath={"contract"})
summing = njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})

ONE, ZERO = np.float32(1), np.float32(0)
LOG2_E = np.float32(1 / math.log(2))
LN2_HIGH = np.float32(math.floor(math.log(2) * 2**15) / 2**15)  # so short that its multiples are exact
LN2_LOW = np.float32(math.log(2) - float(LN2_HIGH))
ROUND = np.float32(1.5 * 2**23)  # added, it leaves the nearest whole number in the last bits
C2, C3, C4, C5, C6, C7 = (np.float32(1 / math.factorial(k)) for k in range(2, 8))
TANH_END, SIGMOID_END = np.float32(10), np.float32(60)

WIDE_LN2_HIGH = math.floor(math.log(2) * 2**32) / 2**32
WIDE_LN2_LOW = math.log(2) - WIDE_LN2_HIGH + 2.3190468138462996e-17  # what float64 rounds off ln 2
WIDE_ROUND = 1.5 * 2.0**52
D2, D3, D4, D5, D6, D7, D8, D9, D10, D11, D12, D13 = (1 / math.factorial(k) for k in range(2, 14))
LEAST = -708.0  # below it, e**x is no normal number


@fused
def expm1(x):
    """e**x - 1, without branches: 2**n (e**r - 1) + (2**n - 1) with n ln 2 + r = x. For |x| up to 60."""
    moved = x * LOG2_E + ROUND
    n = moved - ROUND
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    small = r + r * r * (C2 + r * (C3 + r * (C4 + r * (C5 + r * (C6 + r * C7)))))
    power = np.int32((np.float32(moved).view(np.int32) + 127) << 23).view(np.float32)
    return power * small + (power - ONE)


@fused
def wide_exp(x):
    """e**x for x from -708 to 0, without branches, in double precision."""
    moved = x * (1 / math.log(2)) + WIDE_ROUND
    n = moved - WIDE_ROUND
    r = (x - n * WIDE_LN2_HIGH) - n * WIDE_LN2_LOW
    upper = D8 + r * (D9 + r * (D10 + r * (D11 + r * (D12 + r * D13))))
    small = r + r * r * (D2 + r * (D3 + r * (D4 + r * (D5 + r * (D6 + r * (D7 + r * upper))))))
    power = np.int64((np.float64(moved).view(np.int64) + 1023) << 52).view(np.float64)
    return power * small + power


@fused
def tanh_all(x, count, out):
    """tanh x = (e**2x - 1) / (e**2x + 1), of `count` numbers."""
    for i in range(count):
        a = expm1(np.float32(2) * min(max(x[i], -TANH_END), TANH_END))
        out[i] = a / (a + np.float32(2))


@fused
def gate_all(x, count, out):
    """tanh a * sigmoid b, for `count` a and as many b behind them, with one division."""
    for i in range(count):
        a = expm1(np.float32(2) * min(max(x[i], -TANH_END), TANH_END))
        b = expm1(min(max(-x[count + i], -SIGMOID_END), SIGMOID_END))
        out[i] = a / ((a + np.float32(2)) * (b + np.float32(2)))


@fused
def relu_all(x, count, out):
    """The numbers above zero, and zero for the others."""
    for i in range(count):
        out[i] = max(x[i], ZERO)


@summing
def norm_all(x, count, eps, gain, out):
    """A layer norm over `count` numbers; gain and shift are padded with zeros, and so `out` is."""
    wide = -(-count // LANES) * LANES
    mean = ZERO
    for i in range(count):
        mean += x[i]
    mean /= np.float32(count)
    variance = ZERO
    for i in range(count):
        variance += (x[i] - mean) * (x[i] - mean)
    scale = ONE / np.sqrt(variance / np.float32(count) + eps)
    for i in range(wide):
        out[i] = (x[i] - mean) * scale * gain[i] + gain[wide + i]


@fused
def copy_all(x, count, out):
    """The same numbers somewhere else."""
    for i in range(count):
        out[i] = x[i]
