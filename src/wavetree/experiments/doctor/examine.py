"""The examination: numbers, taken in a few dozen steps from a fresh beginning. What they mean is told by faults.py."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from wavetree.experiments.doctor.patients import Baselines, Patient, Reading, Trainee, baselines
from wavetree.train.diagnostics import Units

STEPS = 50
"""At one rate: enough for a rate that is ten times off to fall behind by a tenth of a nat."""
LEAST_STEPS = 16
TRAININGS = 4
"""At the rate that is set, at one below, at one above, and some time for the rest."""
LAST = 5
"""A training is judged by the mean loss of the last one in so many of its steps."""
BETTER = 0.1
"""Nats: another rate is better, beyond the noise of so few steps, if it learns this much more."""
MUCH_BETTER = 0.7
"""Nats that ten times the rate has to gain: of the shipped presets `text-large` gains most, 0.54 in 16 steps."""
FARTHEST = 4
"""Powers of ten: no rate is tried that is farther from the one that was set."""
HOPELESS = 1e3
"""A loss of which no more steps are taken."""


@dataclass(frozen=True)
class Examination:
    """What was measured; losses in nats a symbol.

    `first`: the loss before the first step. `learnt`: after `steps`, of the steps themselves, by the rate as a multiple
    of the one that is set. `held_out`: of validation after these steps, at the rate that is set. `by_heart`: on a few
    examples, after as many steps on nothing else, and `least` what is the least there. `in_training`, `in_evaluation`:
    on one batch in either mode. `updates`, `gradients`: by level, of a step in the middle. `statistics`: of each batch
    norm its channels and the shape of what it keeps.
    """

    baselines: Baselines
    first: float
    steps: int
    rate: float
    learnt: dict[float, float]
    held_out: float
    by_heart: float
    least: float
    in_training: float
    in_evaluation: float
    followed: float
    shown: float
    sees_ahead: bool
    updates: dict[str, float]
    gradients: dict[str, float]
    units: dict[str, Units]
    statistics: dict[str, tuple[int, tuple[int, ...]]]

    @property
    def best_factor(self) -> float:
        """By what the rate is to be multiplied to learn most in these steps; 1 unless the gain is clear.

        Few steps go farther at a larger rate than many would: a factor of ten has to gain more than one of a hundred.
        """
        least = min(self.learnt, key=lambda factor: self.learnt[factor])
        enough = MUCH_BETTER if 0.05 < least < 20 else BETTER
        return least if self.learnt[least] < self.learnt[1.0] - enough else 1.0

    def to_json(self) -> dict[str, object]:
        """The numbers for `--json`."""
        return asdict(self) | {"learnt": {f"{factor:g}": loss for factor, loss in self.learnt.items()}}


def steps_within(patient: Patient, seconds: float) -> int:
    """How many steps at one rate an examination of about `seconds` has time for: 16 to 50."""
    trainee = patient.begin()
    trainee.step(0, patient.rate)  # what is compiled is compiled here
    begun = time.perf_counter()
    trainee.step(1, patient.rate)
    pace = time.perf_counter() - begun
    return max(LEAST_STEPS, min(STEPS, int(seconds / (TRAININGS * pace))))


def examine(patient: Patient, steps: int = STEPS, tell: Callable[[str], None] = lambda _: None) -> Examination:
    """Examines a network from its beginning, by trainings of so many steps; the patient is left as it was."""
    tell("n-grams")
    reading, measured = patient.reading(), baselines(patient)
    trainee = patient.begin()
    first, _ = trainee.losses(0)
    ahead = trainee.sees_ahead()
    tell(f"{steps} steps at the rate that is set")
    own, learnt_there, looks = _watched(patient, steps)
    learnt = {1.0: learnt_there}
    for direction in (-1, 1):
        before = learnt_there
        for tens in range(1, FARTHEST + 1):
            factor = 10.0 ** (direction * tens)
            tell(f"{steps} steps at {factor:g} times the rate")
            learnt[factor] = _learn(patient.begin(), patient.rate * factor, steps)
            if learnt[factor] >= before - BETTER and (math.isfinite(before) or direction > 0):
                break
            before = learnt[factor]
    tell("a few examples by heart")
    few, least = patient.begin_with_few()
    by_heart = _learn(few, patient.rate, 2 * steps)
    in_training, in_evaluation = own.losses(0)
    return Examination(
        baselines=measured,
        first=first,
        steps=steps,
        rate=patient.rate,
        learnt=dict(sorted(learnt.items())),
        held_out=own.validation(),
        by_heart=by_heart,
        least=least,
        in_training=in_training,
        in_evaluation=in_evaluation,
        **_of_reading(reading),
        sees_ahead=ahead,
        updates=looks["updates"],
        gradients=looks["gradients"],
        units=own.units(0),
        statistics=dict(own.statistics),
    )


def _of_reading(reading: Reading) -> dict[str, float]:
    return {"followed": reading.followed, "shown": reading.shown}


def _learn(trainee: Trainee, rate: float, steps: int) -> float:
    """The mean loss of the last of so many steps at a constant rate; infinite where it stops being a number."""
    losses: list[float] = []
    for number in range(steps):
        losses.append(trainee.step(number, rate))
        if not losses[-1] < HOPELESS:
            return math.inf
    return statistics.fmean(losses[-max(1, steps // LAST) :])


def _watched(patient: Patient, steps: int) -> tuple[Trainee, float, dict[str, dict[str, float]]]:
    """A training at the rate that is set; and of its middle step how far each level moved, and by which gradient.

    The gradient is that of the loss of a batch as it is in training.
    """
    trainee = patient.begin()
    losses: list[float] = []
    looks: dict[str, dict[str, float]] = {"updates": {}, "gradients": {}}
    for number in range(steps):
        middle = number == steps // 2
        before = _copies(trainee.levels) if middle else {}
        losses.append(trainee.step(number, patient.rate))
        if middle:
            looks["updates"] = {
                name: _norm([now - old for now, old in zip(level, before[name], strict=True)])
                / max(_norm(before[name]), 1e-12)
                for name, level in _copies(trainee.levels).items()
            }
            looks["gradients"] = trainee.gradients(number)
    learnt = statistics.fmean(losses[-max(1, steps // LAST) :])
    return trainee, learnt if math.isfinite(learnt) and learnt < HOPELESS else math.inf, looks


def _copies(levels: Mapping[str, Sequence[Tensor]]) -> dict[str, list[Tensor]]:
    return {name: [p.detach().clone() for p in level] for name, level in levels.items()}


def _norm(tensors: list[Tensor]) -> float:
    return float(torch.stack([tensor.norm() for tensor in tensors]).norm())
