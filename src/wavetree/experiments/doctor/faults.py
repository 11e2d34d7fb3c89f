"""What the numbers of an examination mean, in sentences: what is wrong, how it shows, what to change.

A fault that explains others stands alone: while targets do not belong to what is read, no rate can be judged.
Thresholds were set between what the shipped presets show and what networks show that were broken on purpose
(docs/log.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from wavetree.experiments.doctor.examine import STEPS, Examination

Name = Literal[
    "leaked target",
    "sees ahead",
    "shuffled targets",
    "batch-norm statistics",
    "rate too high",
    "rate too low",
    "too sure at first",
    "learns nothing",
    "cannot learn by heart",
    "saturated units",
    "dead units",
    "no gradient",
    "batch-norm drift",
    "overfits",
    "behind an n-gram",
]

BELONG = 0.99
"""The share of targets that are what is read next, in a stream or an item: all of them."""
SHOWN = 0.99
UNSURE = 0.1
"""Nats above those of a guess among all symbols that a first prediction may cost."""
GAINED = 0.05
"""Nats below the frequencies of symbols that a network should reach, if what it reads tells anything."""
HEART = 0.5
"""Nats above the least that a few examples may keep after being all that was learnt from."""
SATURATED = 0.85
DEAD = 0.25
"""Shares of a level's answers and of its units."""
VANISHED = 1e-4
"""A level's gradient beside the largest one."""
DRIFT = 0.5
"""Nats between the two modes of a network on the same batch."""
WORSE = 0.02
"""Nats above the best check at which a run has lost by going on."""
BEHIND = 0.1
"""Nats above an n-gram at which a trained network is worse than counting."""


@dataclass(frozen=True)
class Fault:
    """Something wrong: how it shows, and what to change."""

    name: Name
    shows: str
    change: str

    @property
    def says(self) -> str:
        """Both as sentences."""
        return f"{self.shows} {self.change}"


def faults(seen: Examination) -> list[Fault]:
    """What is wrong, the cause before what would follow from it; nothing where nothing is."""
    for kind in (_of_data, _of_statistics, _of_rate, _of_network):
        if found := list(kind(seen)):
            return found
    return []


def _of_data(seen: Examination) -> Iterator[Fault]:
    if seen.followed < BELONG and seen.shown > SHOWN:
        yield Fault(
            "leaked target",
            f"{seen.shown:.1%} of the targets are the very symbol that is read at that place, and it learns to "
            f"{seen.learnt[1.0]:.2f} nats where an n-gram needs {seen.baselines.ngram:.2f}.",
            "Shift what is read by one: the symbol to predict is the one after it.",
        )
    elif seen.followed < BELONG:
        yield Fault(
            "shuffled targets",
            f"Only {seen.followed:.1%} of the targets are the symbol that is read next, so nothing beyond the "
            f"frequencies of symbols ({seen.baselines.unigram:.2f} nats) is learnt; it is at {seen.learnt[1.0]:.2f}.",
            "See that inputs and targets are cut from the same place and go through the same shuffle.",
        )
    if seen.sees_ahead:
        yield Fault(
            "sees ahead",
            "What is predicted changes with a symbol that comes later.",
            "Look for a convolution that is padded on both sides, or for a left neighbour that is a right one.",
        )


def _of_statistics(seen: Examination) -> Iterator[Fault]:
    wrong = {
        name: (channels, shape) for name, (channels, shape) in seen.statistics.items() if channels != math.prod(shape)
    }
    if wrong:
        name, (channels, shape) = next(iter(wrong.items()))
        yield Fault(
            "batch-norm statistics",
            f"The batch norm {name} keeps statistics of shape {shape} for {channels} channels: they are taken apart "
            f"for each position{f', as in {len(wrong) - 1} more' if len(wrong) > 1 else ''}, from fewer numbers.",
            f"Take them over batch and time, axes (0, 1) of (B, T, {channels}): the shape is then (1, 1, {channels}).",
        )


def _of_rate(seen: Examination) -> Iterator[Fault]:
    factor, own = seen.best_factor, seen.learnt[1.0]
    if factor == 1.0:
        return
    fitting = seen.rate * factor
    yield Fault(
        "rate too high" if factor < 1 else "rate too low",
        f"At the learning rate of {seen.rate:g}, {seen.steps} steps "
        + (f"lead to {own:.2f} nats" if own < float("inf") else "lead to no number at all")
        + f", and at {fitting:g} to {seen.learnt[factor]:.2f}.",
        f"Set train.learning_rate={fitting:g}, or see `wavetree train --find-lr`.",
    )


def _of_network(seen: Examination) -> Iterator[Fault]:
    alike = seen.baselines.alike
    if seen.first > alike + UNSURE:
        yield Fault(
            "too sure at first",
            f"The first prediction costs {seen.first:.2f} nats, where a guess among all symbols costs {alike:.2f}.",
            "Scale the weights of the last layer by 0.1 at the start, and set its bias to 0.",
        )
    learnt, by_heart = seen.learnt[1.0], seen.by_heart <= seen.least + HEART
    # Few steps of a deep network may come to nothing yet: where it learns by heart, that is no fault of it.
    if learnt > seen.baselines.unigram - GAINED and (seen.steps >= STEPS or not by_heart):
        yield Fault(
            "learns nothing",
            f"{seen.steps} steps lead to {learnt:.2f} nats, and the frequencies of symbols alone give "
            f"{seen.baselines.unigram:.2f}.",
            "See that the loss reaches every layer, and that what is read belongs to what is to be predicted.",
        )
    elif not by_heart:
        yield Fault(
            "cannot learn by heart",
            f"A few examples, learnt {2 * seen.steps} times over, still cost {seen.by_heart:.2f} nats, and "
            f"{seen.least:.2f} is the least.",
            "Widen the network, or see that what it reads reaches the output.",
        )
    yield from _of_units(seen)
    largest = max(seen.gradients.values())
    silent = [name for name, norm in seen.gradients.items() if norm < VANISHED * largest]
    if silent:
        yield Fault(
            "no gradient",
            f"Next to no gradient reaches {', '.join(silent)}.",
            "See that these layers are used, and that what lies above them is neither saturated nor scaled to nothing.",
        )
    if abs(seen.in_training - seen.in_evaluation) > DRIFT:
        yield Fault(
            "batch-norm drift",
            f"The same batch costs {seen.in_training:.2f} nats in training mode and {seen.in_evaluation:.2f} in "
            "evaluation.",
            "Set model.norm=layer, lower the rate, or take larger batches: the running statistics do not follow.",
        )


def _of_units(seen: Examination) -> Iterator[Fault]:
    saturated = {name: units.saturated for name, units in seen.units.items() if units.saturated > SATURATED}
    if saturated:
        name, share = max(saturated.items(), key=lambda pair: pair[1])
        yield Fault(
            "saturated units",
            f"{share:.0%} of the answers of {name} lie within 3% of -1 or 1, where a tanh hardly passes a gradient on.",
            "Draw its weights with a variance of 1 / inputs, or put a norm before it.",
        )
    dead = {name: units.dead for name, units in seen.units.items() if units.dead > DEAD}
    if dead:
        name, share = max(dead.items(), key=lambda pair: pair[1])
        yield Fault(
            "dead units",
            f"{share:.0%} of the units of {name} answer everything alike.",
            "Lower the learning rate, or draw the weights and biases below it smaller.",
        )
