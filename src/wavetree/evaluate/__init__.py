"""How good a trained model is."""

from wavetree.evaluate.losses import Loss, exact_loss

__all__ = ["Loss", "exact_loss"]
