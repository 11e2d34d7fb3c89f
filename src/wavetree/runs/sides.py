"""What a run learns from and is judged by: the three sides of its list, packed, or of its stream."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wavetree.codecs import AlphabetCodec
from wavetree.config import DataConfig
from wavetree.data.corpus import Corpus, CorpusSettings, Stream, open_corpus, split_stream
from wavetree.data.packing import PackedItems
from wavetree.errors import InputError, RunError
from wavetree.runs.folder import RunFolder

Side = PackedItems | Stream
"""One side of a split."""


@dataclass(frozen=True)
class Sides:
    """`train` is learnt from, `validation` chooses, `test` is for the end (a split may leave it empty)."""

    train: Side
    validation: Side
    test: Side


def sides_of(folder: RunFolder) -> Sides:
    """The sides of a run. Raises InputError where the stream that it came from is gone, or another one."""
    if folder.config().data.kind == "items":
        codec, fields = folder.codec(), folder.fields()
        assert isinstance(codec, AlphabetCodec)
        packed = (
            PackedItems(folder.items(side), codec, fields, fields.encode(folder.labels(side)) if fields else None)
            for side in ("train", "validation", "test")
        )
        return Sides(*packed)
    corpus = corpus_of(folder)
    split = split_stream(corpus, folder.config().data.split)  # type: ignore[arg-type]
    return Sides(split.train, split.validation, split.test)


def corpus_settings(config: DataConfig) -> CorpusSettings:
    """What decides how a stream is kept on disk."""
    assert config.kind != "items"
    sound = config.kind == "audio"
    return CorpusSettings(
        config.kind,
        rate=config.rate if sound else 0,
        local=config.local,
        hop=config.hop if config.local else 0,
    )


def corpus_of(folder: RunFolder) -> Corpus:
    """The stream that a run was begun with. Raises InputError where it is gone, or holds something else by now."""
    config, origin = folder.config().data, folder.origin()
    if not origin.get("sources"):
        raise RunError(f"{folder.path} does not say which files it learnt from: ask the run that it was published of.")
    corpus = open_corpus([Path(source) for source in origin["sources"]], corpus_settings(config), config.fields)
    if corpus.digest != origin["sha256"]:
        raise InputError(
            f"{', '.join(origin['sources'])} changed since {folder.path} was begun with it: train anew with another "
            "--out."
        )
    return corpus
