"""The ladder: the lecture's networks, the mistake that can be run, and one training by either recipe."""

from __future__ import annotations

import pytest
import torch

from wavetree.data import make_list
from wavetree.experiments.compare.ladder import LADDER, climb
from wavetree.experiments.compare.rows import blocks
from wavetree.experiments.compare.training import Bench
from wavetree.experiments.lecture import scaled_up, windows
from wavetree.layers.scratch import BatchNorm1d

ITEMS = make_list([f"{a}{b}{c}" for a in "bdkt" for b in "aeiou" for c in ("l", "m", "nar", "ron")])


def ignore(_: str) -> None: ...


def test_parameters_over_the_lectures_alphabet() -> None:
    counts = [
        sum(p.numel() for p in rung.network(27, torch.Generator().manual_seed(1)).parameters()) for rung in LADDER
    ]
    assert counts == [12_097, 22_097, 22_397, 22_397, 76_579]
    assert sum(p.numel() for p in scaled_up(27, 1).network.parameters()) == 76_579


def test_published_losses_are_those_of_the_lecture() -> None:
    assert [(rung.published.train, rung.published.validation) for rung in LADDER] == [
        (2.058, 2.105),
        (1.918, 2.027),
        (1.941, 2.029),
        (1.912, 2.022),
        (1.769, 1.993),
    ]


def running_shapes(place: int) -> list[tuple[int, ...]]:
    """The shapes of the running means of a rung, after one batch of eight symbols."""
    network = LADDER[place].network(27, torch.Generator().manual_seed(1))
    network(torch.zeros(4, LADDER[place].context, dtype=torch.int64))
    return [tuple(layer.running_mean.shape) for layer in network.layers if isinstance(layer, BatchNorm1d)]


def test_the_mistake_keeps_statistics_for_every_place() -> None:
    assert running_shapes(2) == [(1, 4, 68), (1, 2, 68), (1, 68)]
    assert running_shapes(3) == [(1, 1, 68), (1, 1, 68), (1, 68)]


def test_windows_by_hand() -> None:
    bench = Bench.on(ITEMS, "hash", ignore)
    contexts, targets = windows(["bal"], bench.codec, 2)
    b, a, last = bench.codec.encode("bal").tolist()
    assert contexts.tolist() == [[0, 0], [0, b], [b, a], [a, last]]
    assert targets.tolist() == [b, a, last, 0]


def test_the_lecture_learns_and_lowers_its_rate() -> None:
    bench = Bench.on(ITEMS, "hash", ignore)
    (first, *_) = climb(bench, "lecture", seeds=2, steps=60)
    assert first.name == "flat 3"
    assert len(set(first.by_seed)) == 2
    assert first.val_nll == pytest.approx(sum(first.by_seed) / 2)
    assert first.val_nll < 2.6  # a guess among 15 symbols is 2.71
    assert first.trials[0].symbols == 60 * 32
    training = scaled_up(27, 1)
    before = training.network.parameters()[-1].clone()
    contexts, targets = bench.windows("train", 8)
    training.step(0, contexts, targets)
    moved = training.network.parameters()[-1]
    assert moved.grad is not None
    torch.testing.assert_close(moved.detach(), before - 0.1 * moved.grad)
    before = moved.detach().clone()
    training.step(150_000, contexts, targets)
    torch.testing.assert_close(moved.detach(), before - 0.01 * moved.grad)


def test_judging_windows_changes_nothing() -> None:
    bench = Bench.on(ITEMS, "hash", ignore)
    contexts, targets = bench.windows("validation", 8)
    training = scaled_up(bench.codec.vocab_size, 1)
    norm = next(layer for layer in training.network.layers if isinstance(layer, BatchNorm1d))
    training.step(0, contexts, targets)
    before = norm.running_mean.clone()
    assert training.loss(contexts, targets) == training.loss(contexts, targets)
    assert torch.equal(norm.running_mean, before)
    assert norm.training


def test_blocks_of_losses() -> None:
    assert blocks([1.0, 3.0, 5.0, 7.0], 2) == ((2.0, 2.0), (4.0, 6.0))
    assert blocks([1.0, 3.0, 5.0], 2) == ((1.0, 1.0), (3.0, 4.0))
    assert blocks([1.0], 60) == ((1.0, 1.0),)
    assert blocks([], 60) == ()
