"""The beginning of a run: a list and settings in, a run folder out. Nothing is written before all of it is checked."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch

from wavetree.codecs import AlphabetCodec
from wavetree.config import Config
from wavetree.data import ItemList, split_items
from wavetree.errors import SettingError
from wavetree.models import build, parameter_count
from wavetree.runs import RunFolder, refuse_taken

NUMBER_BYTES = 4
COPIES = 5
"""Of every weight: itself, its gradient, the optimiser's two buffers, and one in passing."""
RESULTS = 6
"""Of every output of a layer: what is kept for the gradient, and the gradient."""


def start(items: ItemList, path: Path, config: Config, force: bool = False) -> RunFolder:
    """A run folder at `path` that is ready to train. Raises ListError, RunError or SaveError.

    The alphabet is that of the whole list, held-out items included, so that every item has a score.
    """
    refuse_taken(path, force)
    split = split_items(items, config.data.split)
    codec = AlphabetCodec.of(items.items)
    refuse_too_large(config, codec.vocab_size, sum(map(len, split.train)) / len(split.train))
    return RunFolder.create(path, config, codec, split, items.digest, force)


def refuse_too_large(config: Config, vocab_size: int, mean_length: float) -> None:
    """Raises SettingError if training would need more memory than the machine has, by a rough count."""
    with torch.device("meta"):  # shapes alone
        model = build(config.model, vocab_size, config.train.seed)
    widths = [p.shape[0] for p in model.matrices]
    weights = COPIES * parameter_count(model)
    batch = round(RESULTS * config.train.batch_items * (mean_length + 1) * (sum(widths) + vocab_size))
    memory = _memory()
    if NUMBER_BYTES * (weights + batch) > memory:
        cause, setting = ("weights", "the model's sizes") if weights > batch else ("batch", "train.batch_items")
        raise SettingError(
            f"training would need about {NUMBER_BYTES * (weights + batch) / 1e9:,.1f} GB, most of it for the {cause}, "
            f"and this machine has {memory / 1e9:,.1f} GB: lower {setting}."
        )


def _memory() -> int:
    """Bytes of this machine; where that is not told, as many as there may be."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return sys.maxsize
