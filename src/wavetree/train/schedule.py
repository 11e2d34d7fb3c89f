"""What is due at which step: the learning rate, a function of step / steps alone, and the checks of validation."""

from __future__ import annotations

import math

from wavetree.config import TrainConfig

LECTURE_DROP_AT = 0.75  # the lecture: rate 0.1, and 0.01 for the last quarter
LECTURE_DROP = 0.1


def rate_at(step: int, steps: int, config: TrainConfig) -> float:
    """The rate of step `step`, counted from 0, of `steps`."""
    done = step / steps
    if config.schedule == "lecture":
        return config.learning_rate * (LECTURE_DROP if done >= LECTURE_DROP_AT else 1.0)
    warm = min(1.0, (step + 1) / (config.warmup * steps)) if config.warmup else 1.0
    return config.learning_rate * warm * (1 - done)


def check_steps(steps: int, checks: int) -> set[int]:
    """The steps after which validation is measured: `checks` of them, evenly spaced, the last step among them."""
    return {math.ceil(steps * k / checks) for k in range(1, checks + 1)}
