"""The beginning of a run: a list or a stream in, a run folder out. Nothing is written before all of it is checked."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from wavetree.codecs import AlphabetCodec
from wavetree.config import Config
from wavetree.data import ItemList, split_items
from wavetree.data.corpus import Corpus, split_stream
from wavetree.errors import SettingError
from wavetree.layers import BatchNorm
from wavetree.models import outline, parameter_count
from wavetree.runs import RunFolder, create_run, refuse_taken
from wavetree.train.devices import fastest_precision, memory_of, on_device

NUMBER_BYTES = 4
COPIES = 5
"""Of every weight: itself, its gradient, the optimiser's two buffers, and one in passing."""
RESULTS = 6
"""Of every output of a layer: what is kept for the gradient, and the gradient."""


def start(items: ItemList, path: Path, config: Config, force: bool = False) -> RunFolder:
    """A run folder at `path` that is ready to learn a list. Raises ListError, SettingError, RunError or SaveError.

    The alphabet is that of the whole list, held-out items included, so that every item has a score.
    """
    refuse_taken(path, force)
    config = settled(config)
    split = split_items(items, config.data.split)  # type: ignore[arg-type]  # refuses what is for streams
    codec = AlphabetCodec.of(items.items)
    mean = sum(map(len, split.train)) / len(split.train) + 1
    refuse_too_large(config, codec.vocab_size, config.train.batch_items * mean)
    outline(config.model, codec.vocab_size, split.fields.width)  # refuses conditions for a model that takes none
    about = {
        "sha256": items.digest,
        "source": items.source,
        "items": len(items.items),
        "distinct": len(items.distinct_rows),
    }
    return create_run(path, config, codec, split.fields, split, {"list": about}, force)


def start_stream(corpus: Corpus, sources: Sequence[Path], path: Path, config: Config, force: bool = False) -> RunFolder:
    """A run folder at `path` that is ready to learn a stream. Raises InputError, SettingError, RunError, SaveError."""
    refuse_taken(path, force)
    config = settled(config)
    split_stream(corpus, config.data.split)  # type: ignore[arg-type]  # refuses what leaves a side empty
    vocab_size = corpus.codec.vocab_size
    refuse_too_large(config, vocab_size, config.train.rows * config.train.length)
    model = outline(config.model, vocab_size, corpus.fields.width + config.data.local)
    if any(isinstance(module, BatchNorm) for module in model.modules()):
        raise SettingError(
            "a batch norm takes its statistics over a step, which of a stream comes in parts: set model.norm=layer."
        )
    origin = {"corpus": {"sha256": corpus.digest, "sources": [str(source.resolve()) for source in sources]}}
    return create_run(path, config, corpus.codec, corpus.fields, None, origin, force)


def settled(config: Config) -> Config:
    """The settings with those that depend on the machine filled in, so that the run stays what it was begun as.

    Raises SettingError for a device that is not here.
    """
    config = on_device(config, None)
    if config.train.precision != "auto":
        return config
    found = fastest_precision(config.train.device)
    return config.model_copy(update={"train": config.train.model_copy(update={"precision": found})})


def refuse_too_large(config: Config, vocab_size: int, symbols: float) -> None:
    """Raises SettingError if training on batches of so many symbols would need more memory than there is, roughly."""
    model = outline(config.model, vocab_size)
    widths = [p.shape[0] for p in model.matrices]
    gradients = 1 if config.data.kind == "items" else config.train.parts
    weights = (COPIES + gradients - 1) * parameter_count(model)
    batch = round(RESULTS * symbols * (sum(widths) + vocab_size))
    own = memory_of(config.train.device)
    memory, whose = (memory_bytes(), "this machine") if own is None else (own, "the GPU")
    if NUMBER_BYTES * (weights + batch) > memory:
        size = "train.batch_items" if config.data.kind == "items" else "train.rows or train.length"
        cause, setting = ("weights", "the model's sizes") if weights > batch else ("batch", size)
        raise SettingError(
            f"training would need about {NUMBER_BYTES * (weights + batch) / 1e9:,.1f} GB, most of it for the {cause}, "
            f"and {whose} has {memory / 1e9:,.1f} GB: lower {setting}."
        )


def memory_bytes() -> int:
    """Bytes of this machine; where that is not told, as many as there may be."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return sys.maxsize
