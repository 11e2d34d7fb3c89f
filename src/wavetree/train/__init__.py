"""Training: the beginning of a run, the loop, its state and its optimisers."""

from wavetree.train.loop import Check, Progress, Summary, Watch, train
from wavetree.train.start import start

__all__ = ["Check", "Progress", "Summary", "Watch", "start", "train"]
