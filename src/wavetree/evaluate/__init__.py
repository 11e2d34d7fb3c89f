"""How good a trained model is."""

from wavetree.evaluate.losses import Loss, exact_loss
from wavetree.evaluate.predictions import Piece, predictions

__all__ = ["Loss", "Piece", "exact_loss", "predictions"]
