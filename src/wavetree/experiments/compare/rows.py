"""What a comparison measures: a trial is one training, a row the trials of one model over all seeds."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

CLEAR = 2.0
"""Standard errors: a gap within these tells nothing apart."""
Outcome = Literal["better", "worse", "unclear"]
Curve = tuple[tuple[float, float], ...]
"""Points (step, nats a symbol), ascending."""


@dataclass(frozen=True)
class Scores:
    """What a model is surprised by each item of a side, (K,) in nats, and the symbols (K,) of each, its end counted."""

    nats: npt.NDArray[np.float64]
    symbols: npt.NDArray[np.int64]

    @property
    def mean(self) -> float:
        """Nats a symbol."""
        return float(self.nats.sum() / self.symbols.sum())


def error_of_mean(surplus: npt.NDArray[np.float64], symbols: npt.NDArray[np.int64]) -> float:
    """The standard error over items of a mean a symbol: of each item (K,) what one model has more."""
    rest = surplus - symbols * (surplus.sum() / symbols.sum())
    items = len(symbols) / max(1, len(symbols) - 1)
    return math.sqrt(items * float((rest**2).sum())) / float(symbols.sum())


@dataclass(frozen=True)
class Trial:
    """One training. Losses in nats a symbol, the mark that ends an item counted; `symbols` as often as they were read.

    `test` is measured once, with the weights that validation chose. `training` is the block average of the training
    loss, `validation` what was measured along the way. A model that counts takes no `steps`.
    """

    params: int
    context: int
    train_nll: float
    val_nll: float
    test: Scores
    seconds: float
    symbols: int
    steps: int = 0
    training: Curve = ()
    validation: Curve = ()


@dataclass(frozen=True)
class Published:
    """What the lecture reports."""

    train: float
    validation: float


@dataclass(frozen=True)
class Row:
    """One model on one split, over its trials: means, and every seed's validation loss beside."""

    name: str
    split: str
    recipe: str
    trials: tuple[Trial, ...]
    published: Published | None = None

    @property
    def params(self) -> int:
        """How many numbers training sets (of an n-gram: how many it counted)."""
        return self.trials[0].params

    @property
    def context(self) -> int:
        """How many symbols a prediction sees."""
        return self.trials[0].context

    @property
    def train_nll(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(trial.train_nll for trial in self.trials)

    @property
    def val_nll(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(self.by_seed)

    @property
    def test_nll(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(self.test_by_seed)

    @property
    def test_by_seed(self) -> tuple[float, ...]:
        """The test loss of every seed."""
        return tuple(trial.test.mean for trial in self.trials)

    @property
    def by_seed(self) -> tuple[float, ...]:
        """The validation loss of every seed."""
        return tuple(trial.val_nll for trial in self.trials)

    @property
    def deviation(self) -> float:
        """The standard deviation of the validation loss over the seeds; 0 where there is one."""
        return statistics.stdev(self.by_seed) if len(self.trials) > 1 else 0.0

    @property
    def seconds(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(trial.seconds for trial in self.trials)

    @property
    def steps(self) -> int:
        """The mean over the seeds; 0 for a model that counts."""
        return round(statistics.fmean(trial.steps for trial in self.trials))

    @property
    def symbols_per_second(self) -> float:
        """Over all seeds."""
        return sum(trial.symbols for trial in self.trials) / max(sum(t.seconds for t in self.trials), 1e-9)

    def to_json(self) -> dict[str, object]:
        """The row of `--json`. `published` is the validation loss, `published_train` the other one."""
        return {
            "name": self.name,
            "params": self.params,
            "context": self.context,
            "train_nll": self.train_nll,
            "val_nll": self.val_nll,
            "test_nll": self.test_nll,
            "seconds": self.seconds,
            "published": self.published and self.published.validation,
            "published_train": self.published and self.published.train,
            "steps": self.steps,
            "symbols_per_second": self.symbols_per_second,
            "split": self.split,
            "recipe": self.recipe,
            "seeds": len(self.trials),
            "val_nll_by_seed": self.by_seed,
            "test_nll_by_seed": self.test_by_seed,
            "seconds_by_seed": [trial.seconds for trial in self.trials],
            "steps_by_seed": [trial.steps for trial in self.trials],
            "deviation": self.deviation,
            "spread": [min(self.by_seed), max(self.by_seed)],
        }


def outcome(gap: float, error: float) -> Outcome:
    """What a gap says of the one that is ahead by it, where `error` is its standard error."""
    return "unclear" if abs(gap) <= CLEAR * error else "better" if gap > 0 else "worse"
