"""`wavetree doctor`: what keeps a network from learning, found by a few dozen steps, and told in sentences."""

from wavetree.experiments.doctor.examine import Examination, examine
from wavetree.experiments.doctor.faults import Fault, faults
from wavetree.experiments.doctor.of_run import Run
from wavetree.experiments.doctor.of_windows import Windows
from wavetree.experiments.doctor.patients import Patient, Reading, Trainee
from wavetree.experiments.doctor.trained import trained_faults

__all__ = [
    "Examination",
    "Fault",
    "Patient",
    "Reading",
    "Run",
    "Trainee",
    "Windows",
    "examine",
    "faults",
    "trained_faults",
]
