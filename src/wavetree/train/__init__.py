"""Training: the beginning of a run, the loop, its state and its optimisers."""

from wavetree.train.loop import train
from wavetree.train.start import start, start_stream
from wavetree.train.watch import Check, Progress, Summary, Watch

__all__ = ["Check", "Progress", "Summary", "Watch", "start", "start_stream", "train"]
