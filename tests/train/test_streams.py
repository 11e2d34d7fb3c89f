"""Learning streams, and lists with conditions: batches, law 2 and law 7, and where the corpus of a run is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.streams import TEXT, corpus_of, text_run, verses
from tests.train.test_loop import checkpoint_bytes, stop_after, syllables
from torch import Tensor

from wavetree.api import begin
from wavetree.config import Config, TrainConfig, WaveNetConfig, configure
from wavetree.data import make_list
from wavetree.data.corpus import Stream, split_stream
from wavetree.data.rows import StreamRows, rows_anew
from wavetree.errors import InputError, SettingError
from wavetree.runs import RunFolder, load, sides_of
from wavetree.runs import corpus_of as corpus_of_run
from wavetree.train import train, training
from wavetree.train.batches import StreamBatches, batches_of
from wavetree.train.training import Shape, Training

Begin = Callable[[Path], RunFolder]


def text(path: Path) -> RunFolder:
    return text_run(path)


def decades(path: Path) -> RunFolder:
    """A tree that is told sex and decade."""
    rows = [(word, "FM"[k % 2], str(1900 + 10 * (k % 3))) for k, word in enumerate(syllables())]
    items = make_list(rows, fields=("sex", "decade"))
    tiny = ["model.hidden=12", "model.embedding=6", "train.batch_items=16", "train.threads=1"]
    return begin(items, path, configure("decades", [*tiny, "train.steps=24", "train.checks=2"]))


@pytest.mark.parametrize("started", [text, decades])
def test_a_resumed_run_is_byte_identical(tmp_path: Path, started: Begin) -> None:
    """With what dropout leaves out, and with what is left untold."""
    straight, broken = started(tmp_path / "straight"), started(tmp_path / "broken")
    whole = train(straight)
    assert train(broken, stop_after(7)).stopped
    rest = train(RunFolder.open(broken.path))
    assert checkpoint_bytes(straight) == checkpoint_bytes(broken)
    assert rest.train_nll == whole.train_nll


def test_dropout_that_is_drawn_anew_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the draws not those of the step, the comparison would see it."""
    straight, broken = text(tmp_path / "straight"), text(tmp_path / "broken")
    train(straight)
    monkeypatch.setattr(training, "drawn", lambda seed, step, part: 5)
    train(broken)
    assert checkpoint_bytes(straight) != checkpoint_bytes(broken)


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    folder = tmp_path_factory.mktemp("texts")
    return split_stream(corpus_of(folder, verses(12), "not to be", "to"), "blocks").train


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_two_threads_give_the_bytes_of_one(tmp_path: Path, precision: str) -> None:
    """The parts of a step are the same, whoever computes them."""
    weights = []
    for threads in (1, 2):
        text = tmp_path / "text.txt"
        text.write_text("the quick brown fox jumps over the lazy dog. " * 60)
        path = tmp_path / f"run-{threads}"
        settings = [*TEXT, f"train.threads={threads}", f"train.precision={precision}"]
        config = configure("text", settings)
        train(begin(text, path, config))
        weights.append(load(path, "latest").model.state_dict())
    assert all(torch.equal(one, other) for one, other in zip(*(each.values() for each in weights), strict=True))


def test_a_batch_norm_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog. " * 60)
    config = configure("text", ["model.kind=tree", "train.steps=2"])
    with pytest.raises(SettingError, match=r"set model\.norm=layer"):
        begin(text, tmp_path / "run", config)


def test_a_batch_follows_from_seed_and_step(side: Stream) -> None:
    batches = StreamBatches(side, 4, 16, seed=3)
    there = [batches[step].ids for step in (0, 5, 2)]
    again = StreamBatches(side, 4, 16, seed=3)
    assert all(np.array_equal(again[step].ids, ids) for step, ids in zip((0, 5, 2), there, strict=True))
    assert not np.array_equal(there[0], there[1])
    assert not np.array_equal(StreamBatches(side, 4, 16, seed=4)[0].ids, there[0])
    assert batches.epoch == side.symbols / 64


def test_every_position_is_learnt_in_time(side: Stream) -> None:
    """A row may begin anywhere, the shortest span included."""
    batches = StreamBatches(side, 16, 8, seed=1)
    numbers = {int(n) for step in range(200) for n in np.random.default_rng((1, step)).integers(0, side.symbols, 16)}
    assert numbers == set(range(side.symbols))
    assert {len(row[row != -100]) for step in range(200) for row in batches[step].targets} >= {1, 7, 8}


CONFIG = Config(
    model=WaveNetConfig(levels=3, channels=6, hidden=6, skip=6), train=TrainConfig(steps=3, rows=4, length=12)
)


class TargetsAsInputs(StreamBatches):
    """The target is in the input."""

    def __getitem__(self, step: int) -> StreamRows:
        rows = super().__getitem__(step)
        return StreamRows(rows.targets.clip(0), rows.targets)


def learnt_from(batches: StreamBatches, vocab_size: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Tensor, Tensor]:
    """The logits (B, T, V) of the first training step, and its targets (B, T)."""
    seen: list[tuple[Tensor, Tensor]] = []
    ask = training.predictions

    def spy(*args: Any) -> tuple[Tensor, Tensor]:
        seen.append(ask(*args))
        return seen[-1]

    begun = Training.begin(CONFIG, Shape(vocab_size), steps=3, threads=1)
    with monkeypatch.context() as patch:
        patch.setattr(training, "predictions", spy)
        begun.advance(batches[0], CONFIG)
    logits, targets = (torch.cat(parts) for parts in zip(*seen, strict=True))
    shape = (batches.rows, batches.length)
    return logits.detach().unflatten(0, shape), targets.unflatten(0, shape)


def leaks(kind: type[StreamBatches], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many predictions moved although nothing but their own target, or what comes after it, is another."""
    whole = verses(8)
    moved = compared = 0
    wanted: tuple[Tensor, Tensor] | None = None
    for place in (None, *range(0, 90, 3)):
        changed = whole if place is None else whole[:place] + ("b" if whole[place] != "b" else "a") + whole[place + 1 :]
        stream = split_stream(corpus_of(tmp_path / kind.__name__ / str(place), changed), "tail").train
        found = learnt_from(kind(stream, 4, 12, seed=1), stream.corpus.codec.vocab_size, monkeypatch)
        if wanted is None:
            wanted = found
            continue
        (logits, targets), (old_logits, old_targets) = found, wanted
        compared += not torch.equal(targets, old_targets)
        for row in range(4):
            places = (targets[row] != old_targets[row]).nonzero().flatten().tolist()
            until = places[0] + 1 if places else targets.shape[1]
            moved += int((logits[row, :until] - old_logits[row, :until]).abs().amax(dim=1).gt(1e-6).sum())
    assert compared > 3
    return moved


def test_a_training_step_does_not_see_its_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert leaks(StreamBatches, tmp_path, monkeypatch) == 0


def test_a_leak_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert leaks(TargetsAsInputs, tmp_path, monkeypatch) > 0


def test_what_is_left_untold_follows_from_seed_and_step(tmp_path: Path) -> None:
    folder = decades(tmp_path / "run")
    config = folder.config()
    train_side = sides_of(folder).train
    shares = []
    for step in range(40):
        row, again = (batches_of(train_side, config)[step] for _ in range(2))
        assert row.given is not None
        assert again.given is not None
        assert np.array_equal(row.given, again.given)
        shares.append((row.given[:, :2].sum(axis=1) == 0).mean())
    assert 0 < np.mean(shares) < 0.5
    told = batches_of(train_side, configure("decades", ["data.untold=0", "train.batch_items=16"]))[0]
    assert told.given is not None
    assert (told.given.sum(axis=1) == 2).all()


def test_a_run_whose_corpus_was_deleted_makes_it_anew(tmp_path: Path) -> None:
    folder = text_run(tmp_path / "run")
    train(folder, stop_after(7))
    shutil.rmtree(corpus_of_run(folder).folder)
    assert train(RunFolder.open(folder.path)).steps == 24


def test_a_run_whose_source_changed_is_refused(tmp_path: Path) -> None:
    folder = text_run(tmp_path / "run")
    train(folder, stop_after(7))
    source = tmp_path / "run.txt"
    source.write_text(source.read_text().replace("river", "rival"))
    with pytest.raises(InputError, match=r"run\.txt changed since .*run was begun with it: train anew"):
        train(folder)
    source.unlink()
    with pytest.raises(InputError, match=r"there is no file or folder .*run\.txt"):
        train(folder)


def test_a_source_that_is_only_touched_is_fine(tmp_path: Path) -> None:
    folder = text_run(tmp_path / "run")
    train(folder, stop_after(7))
    os.utime(tmp_path / "run.txt")
    assert train(folder).steps == 24


def test_what_is_no_target_counts_for_nothing(side: Stream) -> None:
    """A clip that is shorter than a row: the rest of the row is neither learnt nor counted."""
    shortest = int(side.lengths.argmin())
    rows = rows_anew(side, side.firsts[[shortest, 0]], 12)
    begun = Training.begin(CONFIG, Shape(side.corpus.codec.vocab_size), 3, 1)
    begun.advance(rows, CONFIG)
    assert begun.symbols == int(side.lengths[shortest]) + 12
