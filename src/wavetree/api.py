"""What a Python program does with wavetree: a few functions over the rooms below."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from wavetree.config import configure
from wavetree.data import ItemList, embedded_names, make_list, read_list
from wavetree.data.packing import PackedItems
from wavetree.errors import SettingError
from wavetree.evaluate import Loss, exact_loss
from wavetree.generate import Choice, Drawn, Known, draw, new_only
from wavetree.report import report_run
from wavetree.runs import RunFolder, Trained, load
from wavetree.train import Summary, Watch, start, train

SIDES = ("train", "validation", "test")


def fit(
    source: str | Path | Iterable[str] | None,
    out: str | Path,
    *,
    preset: str = "names",
    settings: Mapping[str, object] | None = None,
    force: bool = False,
    watch: Watch | None = None,
) -> Summary:
    """Trains a new run in the folder `out` on `source`: a text file with one item a line, items, or None for names.

    `settings` change the preset, as {"model.levels": 4, "train.seconds": 20}; `force` replaces a run that is there.
    Raises ListError, SettingError or RunError before anything is written; SaveError when a file cannot be written.
    """
    config = configure(preset, [f"{name}={value}" for name, value in (settings or {}).items()])
    return _trained_and_drawn(start(_items(source), Path(out), config, force), watch)


def resume(run: str | Path, watch: Watch | None = None) -> Summary:
    """Trains on from the latest checkpoint of a run that was stopped; a run that is complete is only measured again."""
    return _trained_and_drawn(RunFolder.open(Path(run)), watch)


def sample(
    run: Trained | str | Path,
    count: int = 20,
    *,
    seed: int = 1,
    prefix: str = "",
    choice: Choice | None = None,
    novel: bool = False,
) -> list[Drawn]:
    """`count` items that begin with `prefix`, each marked; the same ones for the same `seed`. `novel`: only new ones.

    Raises SymbolError for a prefix outside the alphabet; WavetreeError if not enough new items come.
    """
    return list(draws(_trained(run), count, seed, prefix, choice or Choice(), novel))


def draws(trained: Trained, count: int, seed: int, prefix: str, choice: Choice, novel: bool) -> Iterator[Drawn]:
    """What `sample` returns, one at a time."""
    if count < 1:
        raise SettingError(f"{count} items cannot be sampled: ask for 1 or more.")
    if seed < 0:
        raise SettingError(f"seed cannot be {seed}: give a whole number from 0.")
    train_items, *held_out = (trained.folder.items(side) for side in SIDES)
    known = Known(train_items, [item for side in held_out for item in side])
    drawn = draw(trained.model, trained.codec, known, seed, choice, prefix)
    return iter(new_only(drawn, count)) if novel else islice(drawn, count)


def losses(run: Trained | str | Path) -> dict[str, Loss]:
    """The exact loss on each side of the run's split: `train`, `validation` and `test`."""
    trained = _trained(run)
    packed = {side: PackedItems(trained.folder.items(side), trained.codec) for side in SIDES}
    return {side: exact_loss(trained.model, items) for side, items in packed.items()}


def _trained_and_drawn(folder: RunFolder, watch: Watch | None) -> Summary:
    """Trains, then writes the run's report.html; a warning where that could not be done."""
    summary = train(folder, watch)
    complaint = report_run(folder, summary)
    if complaint:
        warnings.warn(complaint, stacklevel=3)
    return summary


def _trained(run: Trained | str | Path) -> Trained:
    return run if isinstance(run, Trained) else load(run)


def _items(source: str | Path | Iterable[str] | None) -> ItemList:
    if source is None:
        return embedded_names()
    if isinstance(source, ItemList):
        return source
    return read_list(Path(source)) if isinstance(source, str | Path) else make_list(source)
