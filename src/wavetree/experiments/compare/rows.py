"""What a comparison measures: a trial is one training, a row the trials of one model over all seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Curve = tuple[tuple[float, float], ...]
"""Points (step, nats a symbol), ascending."""


@dataclass(frozen=True)
class Trial:
    """One training. Losses in nats a symbol, the mark that ends an item counted; `symbols` as often as they were read.

    `training` is the block average of the training loss, `validation` what was measured along the way.
    """

    params: int
    context: int
    train_nll: float
    val_nll: float
    seconds: float
    symbols: int
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
            "seconds": self.seconds,
            "published": self.published and self.published.validation,
            "published_train": self.published and self.published.train,
            "symbols_per_second": self.symbols_per_second,
            "split": self.split,
            "recipe": self.recipe,
            "seeds": len(self.trials),
            "val_nll_by_seed": self.by_seed,
            "deviation": self.deviation,
            "spread": [min(self.by_seed), max(self.by_seed)],
        }


def blocks(losses: Sequence[float], most: int) -> Curve:
    """Means of losses, one a step, over at most `most` blocks of nearly one size, at the step that ends each."""
    count = min(most, len(losses))
    cuts = [len(losses) * k // count for k in range(count + 1)] if count else []
    return tuple((float(end), statistics.fmean(losses[begin:end])) for begin, end in pairwise(cuts))
