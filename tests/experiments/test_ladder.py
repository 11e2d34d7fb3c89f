"""The ladder: the lecture's networks, the mistake that can be run, and one training by either recipe."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wavetree.data import make_list
from wavetree.experiments.compare import ladder
from wavetree.experiments.compare.ladder import LADDER, climb
from wavetree.experiments.compare.rows import Scores, Trial
from wavetree.experiments.compare.training import Bench
from wavetree.experiments.lecture import WindowTraining, plain_descent, scaled_up, windows
from wavetree.layers.scratch import BatchNorm1d, Linear

ITEMS = make_list([f"{a}{b}{c}" for a in "bdkt" for b in "aeiou" for c in ("l", "m", "nar", "ron")])

KINDS = ("lecture", "hash")


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


def test_what_is_published_is_of_the_lectures_split() -> None:
    (on_lecture, *_), (on_hash, *_) = (climb(Bench.on(ITEMS, kind, ignore), "lecture", 1, 1) for kind in KINDS)
    assert on_lecture.published == LADDER[0].published
    assert on_hash.published is None


def test_the_output_layer_starts_unsure() -> None:
    """A tenth of N(0, 1) / sqrt(fan_in), in every network of the ladder."""
    for rung in LADDER:
        *_, output = rung.network(500, torch.Generator().manual_seed(1)).layers
        assert isinstance(output, Linear)
        assert output.weight.std().item() == pytest.approx(0.1 / len(output.weight) ** 0.5, rel=0.03)


@pytest.mark.parametrize("steps", [100, 200_000])
def test_the_rate_of_the_lecture_falls_for_the_last_quarter(steps: int) -> None:
    def moved(number: int) -> float:
        parameter = torch.zeros(1, requires_grad=True)
        plain_descent([parameter], steps)(parameter.sum(), number)
        return -parameter.item()

    last_quarter = 3 * steps // 4
    assert moved(0) == moved(last_quarter - 1) == pytest.approx(0.1)
    assert moved(last_quarter) == moved(steps - 1) == pytest.approx(0.01)


@pytest.mark.parametrize("recipe", ["ours", "lecture"])
def test_what_windows_train_reads_the_list_as_often_as_it_says(recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By our recipe the rung with the mistake takes 8 passes in batches of 1,024; by the lecture's, its own steps."""
    asked: list[tuple[object, ...]] = []

    def by_windows(bench: Bench, training: WindowTraining, steps: int, *rest: object, **more: object) -> Trial:
        asked.append((steps, training.batch, *rest, more.get("keep_best", False)))
        return Trial(1, 8, 1.0, 1.0, Scores(np.ones(1), np.ones(1, dtype=np.int64)), 1.0, 1)

    monkeypatch.setattr(ladder, "by_windows", by_windows)
    monkeypatch.setattr(ladder, "LADDER", [LADDER[2]])
    bench = Bench.on(ITEMS, "lecture", ignore)
    (row,) = climb(bench, recipe, 2, 77)
    assert row.recipe == recipe
    symbols = sum(len(item) + 1 for item in bench.split.train)
    names = ["tree, norm bug, seed 1", "tree, norm bug, seed 2"]
    if recipe == "ours":  # best of three checks
        assert asked == [(round(8 * symbols / 1024), 1024, 8, name, 3, True) for name in names]
    else:  # the last step
        assert asked == [(77, 32, 8, name, False) for name in names]
