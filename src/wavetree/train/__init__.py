"""Training: the beginning of a run, the loop, its state and its optimisers."""

from wavetree.train.loop import train
from wavetree.train.processes import ALONE, Processes, joined
from wavetree.train.start import settled, start, start_stream
from wavetree.train.watch import Check, Progress, Summary, Watch

__all__ = [
    "ALONE",
    "Check",
    "Processes",
    "Progress",
    "Summary",
    "Watch",
    "joined",
    "settled",
    "start",
    "start_stream",
    "train",
]
