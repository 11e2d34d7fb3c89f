"""The beginning of a run: a list and settings in, a run folder out. Nothing is written before all of it is checked."""

from __future__ import annotations

from pathlib import Path

from wavetree.codecs import AlphabetCodec
from wavetree.config import Config
from wavetree.data import ItemList, split_items
from wavetree.runs import RunFolder, refuse_taken


def start(items: ItemList, path: Path, config: Config, force: bool = False) -> RunFolder:
    """A run folder at `path` that is ready to train. Raises ListError, RunError or SaveError.

    The alphabet is that of the whole list, held-out items included, so that every item has a score.
    """
    refuse_taken(path, force)
    split = split_items(items, config.data.split)
    return RunFolder.create(path, config, AlphabetCodec.of(items.items), split, items.digest, force)
