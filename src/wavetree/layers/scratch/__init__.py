"""The layers of torch.nn that the tree is snapped together from, written out on plain tensors, with nothing hidden.

Each layer is called with a tensor, keeps what it returned in `.out`, and lists its `.parameters()`, which are tensors
that require gradients. `training` is a flag of the layers that behave differently in training.
"""

from wavetree.layers.scratch.batchnorm import BatchNorm1d
from wavetree.layers.scratch.embedding import Embedding
from wavetree.layers.scratch.flatten import FlattenConsecutive, NeighbourError
from wavetree.layers.scratch.linear import Linear
from wavetree.layers.scratch.sequential import Layer, Sequential
from wavetree.layers.scratch.shapes import ShapeError
from wavetree.layers.scratch.tanh import Tanh

__all__ = [
    "BatchNorm1d",
    "Embedding",
    "FlattenConsecutive",
    "Layer",
    "Linear",
    "NeighbourError",
    "Sequential",
    "ShapeError",
    "Tanh",
]
