"""What is on disk."""

from wavetree.runs.create import create_run, refuse_taken
from wavetree.runs.environment import differences, here
from wavetree.runs.folder import RunFolder
from wavetree.runs.sides import Side, Sides, corpus_of, corpus_settings, sides_of
from wavetree.runs.trained import Trained, given_size, load

__all__ = [
    "RunFolder",
    "Side",
    "Sides",
    "Trained",
    "corpus_of",
    "corpus_settings",
    "create_run",
    "differences",
    "given_size",
    "here",
    "load",
    "refuse_taken",
    "sides_of",
]
