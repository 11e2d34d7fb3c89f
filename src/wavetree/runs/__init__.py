"""What is on disk."""

from wavetree.runs.folder import RunFolder, refuse_taken
from wavetree.runs.trained import Trained, load

__all__ = ["RunFolder", "Trained", "load", "refuse_taken"]
