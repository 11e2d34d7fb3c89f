"""The models, by the one contract they all keep. A model speaks ids, never strings, and reads no file."""

from __future__ import annotations

import torch

from wavetree.config import ModelConfig
from wavetree.models.contract import SequenceModel, evaluating
from wavetree.models.tree import Tree

__all__ = ["SequenceModel", "Tree", "build", "evaluating", "parameter_count"]


def build(config: ModelConfig, vocab_size: int, seed: int) -> Tree:
    """A new model, its weights drawn from `seed` alone; torch's own random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Tree(config, vocab_size)


def parameter_count(model: torch.nn.Module) -> int:
    """How many numbers training sets."""
    return sum(p.numel() for p in model.parameters())
