"""New sequences from a trained model."""

from wavetree.generate.continuing import continuation, has_engine, samples_along_the_way, texts
from wavetree.generate.marks import Drawn, Known, draw, new_only
from wavetree.generate.sampler import Choice, Sampled, sample, sample_block

__all__ = [
    "Choice",
    "Drawn",
    "Known",
    "Sampled",
    "continuation",
    "draw",
    "has_engine",
    "new_only",
    "sample",
    "sample_block",
    "samples_along_the_way",
    "texts",
]
