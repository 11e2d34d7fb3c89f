"""Torch modules. Nothing here reads or writes a file."""

from wavetree.layers.fuse import Fuse
from wavetree.layers.norm import BatchNorm, make_norm

__all__ = ["BatchNorm", "Fuse", "make_norm"]
