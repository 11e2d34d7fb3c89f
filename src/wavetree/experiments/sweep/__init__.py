"""`wavetree sweep`: settings tried by Optuna, in a folder that many processes and machines may work at."""

from wavetree.experiments.sweep.page import sweep_page
from wavetree.experiments.sweep.space import Choices, Dimension, Range, read_space
from wavetree.experiments.sweep.study import Plan, SweepFolder, Tried
from wavetree.experiments.sweep.work import Swept, Told, result, sweep

__all__ = [
    "Choices",
    "Dimension",
    "Plan",
    "Range",
    "SweepFolder",
    "Swept",
    "Told",
    "Tried",
    "read_space",
    "result",
    "sweep",
    "sweep_page",
]
