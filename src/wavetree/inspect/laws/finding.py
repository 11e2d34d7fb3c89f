"""What a law reports, and how it measures."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from wavetree.codecs import AlphabetCodec
from wavetree.models import SequenceModel

Model = SequenceModel[Any, Any]

ROUNDING = 1e-12
"""What double precision may leave between two ways to the same logit."""
SEED = 20160912
"""Of everything random in a law."""


@dataclass(frozen=True)
class Finding:
    """`law`, what was `compared` in how many `cases`, the largest `difference` and the one that is allowed."""

    law: str
    compared: str
    cases: int
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether anything was compared and the difference is a number within the tolerance."""
        return self.cases > 0 and self.difference <= self.tolerance


class Gap:
    """The largest difference so far, NaN once there was one, and how many cases there were.

    As a context: what stops with an error, because shapes do not fit or an index is not there, differs infinitely.
    """

    def __init__(self) -> None:
        self.largest, self.cases = 0.0, 0

    def __enter__(self) -> Gap:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        stopped = kind is not None and issubclass(kind, (RuntimeError, IndexError, ValueError))
        if stopped:
            self.add(math.inf)
        return stopped

    def between(self, found: Tensor, wanted: Tensor) -> Gap:
        """Adds tensors (cases, ...), which must have one shape: another one is an infinite difference."""
        if found.shape != wanted.shape:
            return self.add(math.inf)
        if wanted.numel():
            self.add((found.double() - wanted.double()).abs().max().item(), len(wanted))
        return self

    def add(self, difference: float, cases: int = 1) -> Gap:
        """Adds cases of at most this difference."""
        self.largest = float(np.maximum(self.largest, difference))  # unlike max(), keeps NaN
        self.cases += cases
        return self

    def finding(self, law: str, compared: str, tolerance: float = ROUNDING) -> Finding:
        """What was found, as a report."""
        return Finding(law, compared, self.cases, self.largest, tolerance)


def exact(model: Model) -> Model:
    """A copy in double precision and evaluation mode."""
    return copy.deepcopy(model).double().eval()


def some_codec(model: Model) -> AlphabetCodec:
    """A codec with as many symbols as the model has: which characters they are is nothing to a law."""
    return AlphabetCodec("".join(map(chr, range(0x4E00, 0x4E00 + model.vocab_size - 1))))
