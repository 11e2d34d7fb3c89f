"""How likely a string is, and what number is suspicious."""

from wavetree.score.calibration import Calibration, Expected, Threshold
from wavetree.score.drift import Difference, Drift, DriftMeter
from wavetree.score.stored import calibration_of, keep_calibration
from wavetree.score.surprisal import ItemScore, Scored, scores

__all__ = [
    "Calibration",
    "Difference",
    "Drift",
    "DriftMeter",
    "Expected",
    "ItemScore",
    "Scored",
    "Threshold",
    "calibration_of",
    "keep_calibration",
    "scores",
]
