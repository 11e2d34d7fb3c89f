"""What a Python program does with wavetree: a few functions over the rooms below."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wavetree.codecs import Codec, MuLawCodec
from wavetree.config import Config, configure
from wavetree.data import ItemList, embedded_names, embedded_names_by_decade, make_list, read_list
from wavetree.data.corpus import open_corpus
from wavetree.errors import RunError, SettingError
from wavetree.evaluate import Loss, exact_loss
from wavetree.generate import Choice, Drawn, Known, continuation, draw, new_only, texts
from wavetree.generate.limits import Limits, fitting
from wavetree.report import report_run
from wavetree.runs import RunFolder, Trained, corpus_settings, load, refuse_taken, sides_of
from wavetree.train import Summary, Watch, start, start_stream, train

SIDES = ("train", "validation", "test")


Source = str | Path | Iterable[str | Path] | None
"""A list: a file with one item a line, items, or None for the names. A stream: a file, a folder, or several of them."""


def fit(
    source: Source,
    out: str | Path,
    *,
    preset: str = "names",
    settings: Mapping[str, object] | None = None,
    force: bool = False,
    watch: Watch | None = None,
) -> Summary:
    """Trains a new run in the folder `out` on `source`, which the preset takes for a list or for a stream.

    `settings` change the preset, as {"model.levels": 4, "train.seconds": 20}; `force` replaces a run that is there.
    Raises ListError, InputError, SettingError or RunError before anything is written; SaveError when a file cannot be
    written.
    """
    config = configure(preset, [f"{name}={_written(value)}" for name, value in (settings or {}).items()])
    return _trained_and_drawn(begin(source, Path(out), config, force), watch)


def begin(
    source: Source, out: Path, config: Config, force: bool = False, progress: Callable[[float], None] | None = None
) -> RunFolder:
    """A new run folder that is ready to train; `progress` is told the share of a stream that is read."""
    if config.data.kind == "items":
        return start(_items(source, config.data.fields), out, config, force)
    if source is None:
        raise SettingError(f"data.kind {config.data.kind!r} needs a file or a folder: none comes along.")
    paths = [Path(source)] if isinstance(source, str | Path) else [Path(each) for each in source]
    refuse_taken(out, force)  # before a long file is read
    corpus = open_corpus(paths, corpus_settings(config.data), config.data.fields, progress=progress)
    return start_stream(corpus, paths, out, config, force)


def _written(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def resume(run: str | Path, watch: Watch | None = None, device: str | None = None) -> Summary:
    """Trains on from the latest checkpoint of a run that was stopped; a run that is complete is only measured again.

    `device` (cpu, cuda or mps) stands in for the one that the run was begun with.
    """
    return _trained_and_drawn(RunFolder.open(Path(run)), watch, device)


def sample(
    run: Trained | str | Path,
    count: int = 20,
    *,
    seed: int = 1,
    prefix: str = "",
    choice: Choice | None = None,
    novel: bool = False,
    condition: str = "",
) -> list[Drawn]:
    """`count` items that begin with `prefix`, each marked; the same ones for the same `seed`. `novel`: only new ones.

    `condition`, such as "sex=F,decade=1920", is for a run with fields. Raises SymbolError for a prefix outside the
    alphabet; SettingError for a condition that is not known; WavetreeError if not enough new items come.
    """
    return list(draws(_trained(run), count, seed, prefix, choice or Choice(), novel, condition))


def draws(
    trained: Trained,
    count: int,
    seed: int,
    prefix: str,
    choice: Choice,
    novel: bool,
    condition: str = "",
    limits: Limits | None = None,
) -> Iterator[Drawn]:
    """What `sample` returns, one at a time."""
    _refuse_numbers(count, seed)
    if limits:
        limits.reachable(choice.max_length)
    if not trained.of_items:
        raise RunError(f"{trained.folder.path} learnt a stream, which has no items: see wavetree.stream.")
    if trained.folder.published:
        if novel:
            raise RunError(f"{trained.folder.path} was published without its list: what is new cannot be told.")
        known = Known(None)
    else:
        train_items, *held_out = (trained.folder.items(side) for side in SIDES)
        known = Known(train_items, [item for side in held_out for item in side])
    drawn = draw(trained.model, trained.alphabet, known, seed, choice, prefix, given_by(trained, condition))
    drawn = fitting(drawn, limits) if limits else drawn
    return iter(new_only(drawn, count)) if novel else islice(drawn, count)


def stream(
    run: Trained | str | Path,
    length: int,
    *,
    prompt: str | npt.ArrayLike = "",
    seed: int = 1,
    choice: Choice | None = None,
    condition: str = "",
    number: int = 0,
    block: int = 1024,
    frames: npt.ArrayLike | None = None,
) -> Iterator[str] | Iterator[npt.NDArray[np.float32]]:
    """`length` symbols more of a run of running text or sound, in blocks, as they are made: text, or samples (T,).

    `prompt` is what comes before, a text or samples at the rate of the run; it is not among the blocks. A seed has
    continuations `number` 0, 1, ...; the size of a `block` in symbols changes nothing else. A run with local conditions
    takes `frames` (K, D), one for every `data.hop` samples of the prompt and what follows it. Raises RunError for a run
    of a list, SymbolError for a prompt outside the alphabet, SettingError for a condition that is not known.
    """
    trained = _trained(run)
    _refuse_numbers(length, seed)
    if trained.of_items:
        raise RunError(f"{trained.folder.path} learnt a list, whose items have an end: see wavetree.sample.")
    codec, given = trained.codec, given_by(trained, condition)
    before = _prompt_ids(codec, prompt)
    along = _along(trained, given, frames, len(before) + length)
    made = continuation(trained.model, codec, before, length, seed, choice or Choice(), given, number, block, along)
    return map(codec.decode, made) if isinstance(codec, MuLawCodec) else texts(codec, made)


def _prompt_ids(codec: Codec, prompt: str | npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The ids (T,) of a prompt. Raises SettingError for a text before sound, and for sound before a text."""
    if isinstance(codec, MuLawCodec):
        if not isinstance(prompt, str):
            return codec.encode(prompt)
        if not prompt:
            return codec.encode(())
    elif isinstance(prompt, str):
        return codec.encode(prompt)
    raise SettingError(
        f"the run has learnt {codec.unit}s, and the prompt is {type(prompt).__name__}: give it the same."
    )


def given_by(trained: Trained, condition: str) -> Tensor | None:
    """The numbers (1, G) of a condition such as "sex=F"; None for a run that takes none. Raises SettingError."""
    fields, local = trained.fields, trained.folder.config().data.local
    classes = fields.parse(condition)
    if not fields and not local:
        return None
    told = fields.one_hot(classes[None])  # (1, G without local)
    return torch.from_numpy(np.concatenate([told, np.zeros((1, local), dtype=np.float32)], axis=1))


def _along(trained: Trained, given: Tensor | None, frames: npt.ArrayLike | None, symbols: int) -> Tensor | None:
    """What holds for each of so many symbols, (1, symbols, G), by the frames of a run with local conditions."""
    data = trained.folder.config().data
    if not data.local:
        if frames is not None:
            raise SettingError(f"{trained.folder.path} has learnt no local conditions: leave the frames out.")
        return None
    wanted = (-(-symbols // data.hop), data.local)
    found = np.asarray([] if frames is None else frames, dtype=np.float32)
    if found.shape != wanted:
        raise SettingError(
            f"the frames have the shape {found.shape}, and {symbols:,} samples need {wanted}: one frame of "
            f"{data.local} numbers for every {data.hop} samples, those of the prompt first."
        )
    assert given is not None
    told = np.repeat(given.numpy()[:, : -data.local], symbols, axis=0)  # (symbols, G without local)
    return torch.from_numpy(np.concatenate([told, np.repeat(found, data.hop, axis=0)[:symbols]], axis=1)[None])


def _refuse_numbers(count: int, seed: int) -> None:
    if count < 1:
        raise SettingError(f"{count} cannot be sampled: ask for 1 or more.")
    if seed < 0:
        raise SettingError(f"seed cannot be {seed}: give a whole number from 0.")


def losses(run: Trained | str | Path) -> dict[str, Loss]:
    """The exact loss on each side of the run's split, `train`, `validation` and `test`, that is not empty."""
    trained = _trained(run)
    sides = sides_of(trained.folder)
    held = {side: getattr(sides, side) for side in SIDES}
    return {side: exact_loss(trained.model, items) for side, items in held.items() if items.symbols}


def _trained_and_drawn(folder: RunFolder, watch: Watch | None, device: str | None = None) -> Summary:
    """Trains, then writes the run's report.html; a warning where that could not be done."""
    summary = train(folder, watch, device=device)
    complaint = report_run(folder, summary)
    if complaint:
        warnings.warn(complaint, stacklevel=3)
    return summary


def _trained(run: Trained | str | Path) -> Trained:
    return run if isinstance(run, Trained) else load(run)


def _items(source: Source, fields: Sequence[str]) -> ItemList:
    if source is None:
        return embedded_names_by_decade() if fields else embedded_names()
    if isinstance(source, ItemList):
        return source
    if isinstance(source, str | Path):
        return read_list(Path(source), fields)
    items = list(source)
    if len(items) == 1 and isinstance(items[0], Path):
        return read_list(items[0], fields)
    return make_list(items, fields=fields)
