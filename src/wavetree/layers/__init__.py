"""Torch modules. Nothing here reads or writes a file."""

from wavetree.layers.embedding import SymbolEmbedding
from wavetree.layers.fuse import Fuse
from wavetree.layers.fused import FusedPlan, fused_skips
from wavetree.layers.gated import GatedBlock
from wavetree.layers.norm import BatchNorm, make_norm, normed

__all__ = ["BatchNorm", "Fuse", "FusedPlan", "GatedBlock", "SymbolEmbedding", "fused_skips", "make_norm", "normed"]
