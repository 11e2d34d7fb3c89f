"""The learning rate at each step, as a share of the highest: a function of step / steps alone."""

from __future__ import annotations

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
