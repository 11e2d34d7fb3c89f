"""Looking inside a model: its shapes and costs, what it predicts and why, and the laws it keeps."""

from wavetree.inspect.flip import Flip, FlipRow, flip
from wavetree.inspect.laws import Finding, verify
from wavetree.inspect.predictions import PAD_SHOWN, NextRow, next_symbols
from wavetree.inspect.shapes import LayerRow, layer_table
from wavetree.inspect.snippet import as_python
from wavetree.inspect.spans import Span, receptive_spans
from wavetree.inspect.trace import Fusion, open_fusion

__all__ = [
    "PAD_SHOWN",
    "Finding",
    "Flip",
    "FlipRow",
    "Fusion",
    "LayerRow",
    "NextRow",
    "Span",
    "as_python",
    "flip",
    "layer_table",
    "next_symbols",
    "open_fusion",
    "receptive_spans",
    "verify",
]
