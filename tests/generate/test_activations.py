"""What the compiled run does to the numbers of a vector, beside double precision, over everything they can be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from wavetree.generate.engine import PARTS
from wavetree.layers.compiled import load_kernels


def applied(name: str, numbers: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
    """One of the functions of generate/activations.py over an array."""
    load_kernels("wavetree.generate.kernels", *PARTS)
    from numba import njit

    from wavetree.generate import activations
    from wavetree.generate.tile import floats

    function = getattr(activations, name)

    @njit
    def call(x: object, size: int, out: object) -> None:
        function(floats(x), size, floats(out))

    out = np.full(count, 7, np.float32)
    call(numbers, count, out)
    return out


EVERYWHERE = np.concatenate(
    [np.linspace(-100, 100, 200_001), np.linspace(-1, 1, 100_001), [0.0, 1e-30, -1e-42, 1e30, -1e38, np.inf, -np.inf]]
).astype(np.float32)


def test_tanh_everywhere() -> None:
    found = applied("tanh_all", EVERYWHERE, len(EVERYWHERE))
    assert np.abs(found - np.tanh(EVERYWHERE.astype(np.float64))).max() < 2e-7
    small = np.abs(EVERYWHERE) < 1e-3
    np.testing.assert_allclose(found[small], np.tanh(EVERYWHERE[small].astype(np.float64)), rtol=4e-7)


def test_the_gate_everywhere() -> None:
    rng = np.random.default_rng(12)
    a, b = EVERYWHERE, rng.permutation(EVERYWHERE)
    for first, second in ((a, b), (b, a), (a, a), (a, -a)):
        found = applied("gate_all", np.concatenate([first, second]), len(a))
        with np.errstate(over="ignore"):
            sigmoid = 1 / (1 + np.exp(-second.astype(np.float64)))
        assert np.abs(found - np.tanh(first.astype(np.float64)) * sigmoid).max() < 2.5e-7


def test_the_exponential_of_choices() -> None:
    load_kernels("wavetree.generate.kernels", *PARTS)
    from wavetree.generate.activations import wide_exp

    for x in np.concatenate([np.linspace(-708, 0, 5001), -np.logspace(-300, 2.8, 500)]):
        assert wide_exp(x) == pytest.approx(np.exp(x), rel=4e-16)
