"""A limit in seconds, kept on a machine that changes its pace: the steps of a run are planned anew on the way.

The first plan (`planned`, train/loop.py) comes of a few trial steps, and other jobs come and go after it. So half-way
through what was left, and again half-way through the rest, the steps still to take follow from the pace since the plan
before. What is decided is saved at once. A machine that becomes more than twice as slow before the half still breaks
the limit: nothing looks at the clock before. The lecture's schedule is planned once, since its rate drops at a step.
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
FINEST = 1 / 16
"""The share of all steps that is left when the last plan is made, at most."""


class Limit:
    """Plans the steps of a run with `train.seconds` anew; of any other run it leaves them as they are.

    Whether it is time to plan follows from numbers that all processes have alike; the clock is that of the first.
    """

    def __init__(self, training: Training, settings: TrainConfig, wanted: int | None):
        """`wanted` are the steps that the settings ask for at most, if they do."""
        self._training, self._settings, self._wanted = training, settings, wanted
        self.changed = False
        """Whether the step that was taken last changed how many there are."""

    def kept(self, due: set[int]) -> set[int]:
        """The steps of checks that are `due`; other ones where it is time to plan, and `Training.steps` is, too."""
        training, seconds = self._training, self._settings.seconds
        self.changed = False
        left = training.steps - training.planned
        if seconds is None or seconds < LONG or self._settings.schedule == "lecture":
            return due
        if left <= max(1, FINEST * training.steps) or training.step != training.planned + left // 2:
            return due
        before, training.steps = training.steps, int(training.processes.told(self._fit(seconds, due)))
        training.planned, training.stepping = training.step, 0.0
        self.changed = training.steps != before
        return self._checks(due) if self.changed else due

    def _fit(self, seconds: float, due: set[int]) -> int:
        """How many steps there is time for, with the checks that are to come, by this process's clock."""
        training = self._training
        checking = training.checking * sum(step >= training.step for step in due)
        left = (1 - MARGIN) * seconds - training.seconds - checking
        pace = training.stepping / (training.step - training.planned)
        fit = training.step + max(1, int(left / max(pace, 1e-9)))
        return min(fit, self._wanted or fit)

    def _checks(self, due: set[int]) -> set[int]:
        """By the new plan. One that is due stays so, one that is past is due now; none comes soon after the last."""
        now, steps, checks = self._training.step, self._training.steps, self._settings.checks
        last, apart = now if now in due else self._training.checked, steps / (2 * checks)
        later = {max(step, now) for step in check_steps(steps, checks) if step - last > apart}
        return later | {steps} | (due & {now})

    @contextmanager
    def pause(self) -> Iterator[None]:
        """In here validation is measured, and no step is taken."""
        begun = time.perf_counter()
        yield
        self._training.checking = time.perf_counter() - begun
