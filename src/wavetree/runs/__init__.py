"""What is on disk."""

from wavetree.runs.folder import RunFolder, refuse_taken
from wavetree.runs.sides import Side, Sides, corpus_of, corpus_settings, sides_of
from wavetree.runs.trained import Trained, given_size, load

__all__ = [
    "RunFolder",
    "Side",
    "Sides",
    "Trained",
    "corpus_of",
    "corpus_settings",
    "given_size",
    "load",
    "refuse_taken",
    "sides_of",
]
