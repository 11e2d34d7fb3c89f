"""A limit in seconds, kept on a machine that changes its pace: the steps of a run are planned anew on the way.

The first plan (`planned`, train/loop.py) comes of a few trial steps, and other jobs come and go after it. So half-way
through what was left, and again half-way through the rest, the steps still to take follow from the pace since the plan
before. What is decided is saved at once: a run that goes on from there takes the steps that it would have taken.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from wavetree.config import TrainConfig
from wavetree.train.schedule import check_steps
from wavetree.train.training import Training

LONG = 10.0
"""Seconds of a limit from which it is planned for more than once: saving a plan takes time, too."""
MARGIN = 0.01
"""The share of a limit that the later plans leave unused."""
FINEST = 1 / 64
"""The share of all steps that are left when the last plan is made, at most."""


class Limit:
    """What is left of `train.seconds` in this session; of a run without such a limit, nothing to plan."""

    def __init__(self, training: Training, settings: TrainConfig, wanted: int | None):
        """`wanted` are the steps that the settings ask for at most, if they do."""
        self._training, self._settings, self._wanted = training, settings, wanted
        self._begin()
        self._check = 0.0

    def kept(self, due: set[int]) -> set[int]:
        """The steps of checks that are `due`; other ones where it is time to plan, and `Training.steps` is, too."""
        training, seconds = self._training, self._settings.seconds
        left = training.steps - training.planned
        if seconds is None or seconds < LONG or left <= max(1, FINEST * training.steps):
            return due
        return self._planned(due, seconds) if training.step == training.planned + left // 2 else due

    def _planned(self, due: set[int], seconds: float) -> set[int]:
        """By the clock of the first process. A check that is due now stays so; none comes too soon after the last."""
        training = self._training
        pace = (training.seconds - self._since - self._paused) / (training.step - self._from)
        checking = self._check * sum(step >= training.step for step in due)
        left = (1 - MARGIN) * seconds - training.seconds - checking
        fit = training.step + max(1, int(left / pace))
        training.steps = int(training.processes.told(min(fit, self._wanted or fit)))
        training.planned = training.step
        self._begin()
        last = training.step if training.step in due else training.checked
        apart = training.steps / (2 * self._settings.checks)
        later = {step for step in check_steps(training.steps, self._settings.checks) if step - last > apart}
        return later | {training.steps} | (due & {training.step})

    @contextmanager
    def pause(self) -> Iterator[None]:
        """In here validation is measured, and no step is taken."""
        begun = time.perf_counter()
        yield
        self._check = time.perf_counter() - begun
        self._paused += self._check

    def _begin(self) -> None:
        self._from, self._since, self._paused = self._training.step, self._training.seconds, 0.0
