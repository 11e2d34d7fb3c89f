"""Looking inside a model: its shapes and costs, what it predicts and why, and the laws it keeps."""

from wavetree.inspect.laws import Finding, verify
from wavetree.inspect.predictions import NextRow, next_symbols
from wavetree.inspect.shapes import LayerRow, layer_table

__all__ = ["Finding", "LayerRow", "NextRow", "layer_table", "next_symbols", "verify"]
