"""One training, and its judging: every figure once more by hand, and on the right side of the split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Parameter

from wavetree.config import Config, NgramConfig, TrainConfig
from wavetree.data import make_list
from wavetree.data.packing import PackedItems
from wavetree.data.split import Side
from wavetree.errors import SettingError
from wavetree.evaluate import exact_loss
from wavetree.experiments.compare import training
from wavetree.experiments.compare.ladder import LADDER
from wavetree.experiments.compare.rows import Curve, Trial
from wavetree.experiments.compare.training import (
    Bench,
    by_counting,
    by_product,
    by_windows,
    item_scores,
    our_config,
    our_descent,
)
from wavetree.experiments.lecture import WindowTraining, plain_descent, tree_network, windows
from wavetree.layers.scratch import Linear
from wavetree.models import Ngram, build
from wavetree.runs import load
from wavetree.train import start, train
from wavetree.train.optimisers import Optimiser
from wavetree.train.schedule import rate_at

ITEMS = make_list([f"{a}{b}{c}" for a in "bdkt" for b in "aeiou" for c in ("l", "m", "nar", "ron")] * 2)


def ignore(_: str) -> None: ...


@pytest.fixture(params=["hash", "lecture"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench.on(ITEMS, request.param, ignore)


def window_loss(bench: Bench, network: Callable[[Tensor], Tensor], side: Side) -> float:
    contexts, targets = windows(bench.split.items(side), bench.codec, 8)
    with torch.no_grad():
        return F.cross_entropy(network(contexts), targets).item()


def small_tree(bench: Bench, steps: int) -> WindowTraining:
    draws = torch.Generator().manual_seed(1)
    network = tree_network(bench.codec.vocab_size, draws, embedding=5, hidden=12)
    return WindowTraining(network, draws, plain_descent(network.parameters(), steps))


def test_windows_are_trained_on_train_and_judged_on_each_side(bench: Bench) -> None:
    trained = small_tree(bench, 45)
    done = by_windows(bench, trained, 45, 8, "tree", checks=3)
    network = trained.network.train(False)
    assert done.train_nll == pytest.approx(window_loss(bench, network, "train"), abs=1e-5)
    assert done.val_nll == pytest.approx(window_loss(bench, network, "validation"), abs=1e-5)
    assert done.test.mean == pytest.approx(window_loss(bench, network, "test"), abs=1e-5)
    assert done.test.symbols.tolist() == [len(item) + 1 for item in bench.split.test]
    contexts, targets = windows(bench.split.test[:1], bench.codec, 8)
    assert done.test.nats[0] == pytest.approx(F.cross_entropy(network(contexts), targets, reduction="sum").item())
    again, (contexts, targets) = small_tree(bench, 45), windows(bench.split.train, bench.codec, 8)
    losses = [again.step(number, contexts, targets) for number in range(45)]
    assert (done.steps, done.symbols, done.params) == (45, 45 * 32, sum(p.numel() for p in network.parameters()))
    assert done.training == tuple(enumerate(losses, 1))
    assert [step for step, _ in done.validation] == [15, 30, 45]
    assert done.validation[-1][1] == done.val_nll


@pytest.mark.parametrize("keep_best", [True, False])
def test_what_is_kept_is_the_best_check_or_the_last_step(keep_best: bool) -> None:
    bench = Bench.on(ITEMS, "hash", ignore)
    trained = small_tree(bench, 40)

    def ruin(loss: Tensor, number: int) -> None:
        if number < 20:
            plain_descent(trained.network.parameters(), 40)(loss, number)
        else:
            trained.network.parameters()[0].data += 1

    trained.descend = ruin
    done = by_windows(bench, trained, 40, 8, "tree", checks=2, keep_best=keep_best)
    (_, early), (_, late) = done.validation
    assert early < late
    assert done.val_nll == (early if keep_best else late)
    at_the_end = window_loss(bench, trained.network.train(False), "test")
    assert (done.test.mean == pytest.approx(at_the_end)) != keep_best
    assert done.test.mean <= at_the_end + 1e-6


def test_a_long_curve_is_averaged_by_steps() -> None:
    """A point that stands for three steps weighs three times as much as one that stands for one."""
    curve: Curve = ((3.0, 1.0), (4.0, 5.0), *((float(step), 2.0) for step in range(5, 481)))
    averaged = training._averaged(curve)
    assert len(averaged) == 60
    assert averaged[0] == (8.0, pytest.approx((3 * 1 + 5 + 4 * 2) / 8))
    assert training._averaged(()) == ()


def test_the_product_trains_on_train_and_is_judged_on_each_side(bench: Bench, tmp_path: Path) -> None:
    changes = ("model.hidden=8", "train.steps=30", "train.threads=1", "train.batch_items=16")
    config = our_config(bench, changes, 3)
    assert (config.data.split, config.train.seed, config.model.kind) == (bench.kind, 3, "tree")
    done = by_product(bench, config, "tree")
    folder = start(ITEMS, tmp_path / "run", config)
    train(folder)
    model = load(folder.path).model
    by_hand = {
        side: exact_loss(model, PackedItems(bench.split.items(side), bench.codec)).mean
        for side in ("train", "validation", "test")
    }
    assert [done.train_nll, done.val_nll, done.test.mean] == pytest.approx([*by_hand.values()], abs=1e-6)
    assert len({round(loss, 6) for loss in by_hand.values()}) == 3
    assert done.steps == 30
    assert done.test.symbols.tolist() == [len(item) + 1 for item in bench.split.test]


def test_an_n_gram_counts_train_and_is_judged_on_each_side(bench: Bench) -> None:
    done = by_counting(bench, NgramConfig(order=3))
    sides = {side: PackedItems(bench.split.items(side), bench.codec) for side in ("train", "validation", "test")}
    model = Ngram(NgramConfig(order=3), bench.codec.vocab_size)
    row = sides["train"].row(np.arange(len(sides["train"])))
    model.count(row.ids, row.targets, row.ages)
    by_hand = [exact_loss(model, side).mean for side in sides.values()]
    assert [done.train_nll, done.val_nll, done.test.mean] == pytest.approx(by_hand, abs=1e-6)
    assert len({round(loss, 6) for loss in by_hand}) == 3
    assert done.params == sum(getattr(model, f"log_probabilities_{k}").numel() for k in range(3))
    assert (done.context, done.steps, done.symbols) == (2, 0, len(row.ids))


def test_a_bigram_keeps_a_number_for_every_pair() -> None:
    bench = Bench.on(ITEMS, "hash", ignore)
    symbols = bench.codec.vocab_size
    assert by_counting(bench, NgramConfig(order=2)).params == symbols + symbols * symbols


def test_an_n_gram_that_would_fill_the_memory_is_refused_before_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench.on(ITEMS, "hash", ignore)
    params = by_counting(bench, NgramConfig(order=5)).params
    monkeypatch.setattr(training, "memory_bytes", lambda: training.COUNTED_BYTES * params)
    assert by_counting(bench, NgramConfig(order=5)).params == params
    monkeypatch.setattr(training, "memory_bytes", lambda: training.COUNTED_BYTES * params - 1)
    monkeypatch.setattr(Ngram, "count", None)
    contexts = params // bench.codec.vocab_size
    with pytest.raises(SettingError, match=rf"the 5-gram would need about .* {contexts} contexts with 14 symbols"):
        by_counting(bench, NgramConfig(order=5))


def test_scores_of_items_are_the_exact_loss_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SCORED_POSITIONS", 17)
    bench = Bench.on(ITEMS, "hash", ignore)
    model = build(our_config(bench, ("model.hidden=8",), 1).model, bench.codec.vocab_size, 1)
    items = PackedItems(bench.split.train, bench.codec)
    found, whole = item_scores(model, items), exact_loss(model, items)
    assert found.nats.sum() == pytest.approx(whole.nats)
    assert found.symbols.tolist() == [len(item) + 1 for item in bench.split.train]
    alone = exact_loss(model, PackedItems(bench.split.train[5:6], bench.codec))
    assert found.nats[5] == pytest.approx(alone.nats)
    assert model.training


@pytest.mark.parametrize("rung", [2, 4])
def test_our_descent_is_the_products_on_turned_matrices(rung: int) -> None:
    """The scratch layers keep a matrix as (inputs, outputs); Muon's step is larger where there are more outputs."""
    steps = 6
    settings = TrainConfig(steps=steps, learning_rate=0.02, weight_decay=0.3)
    network = LADDER[rung].network(9, torch.Generator().manual_seed(1))
    linears = [layer for layer in network.layers if isinstance(layer, Linear)]
    *fusions, output = linears
    parameters = network.parameters()
    turned = {id(layer.weight) for layer in linears}
    own = [
        Parameter((p.detach().T if id(p) in turned else p.detach()).clone(memory_format=torch.contiguous_format))
        for p in parameters
    ]
    matrices = [twin for p, twin in zip(parameters, own, strict=True) if any(p is layer.weight for layer in fusions)]
    assert {len(m) / m.shape[1] > 1 for m in matrices} == {True, False}, "some have more outputs than inputs"
    optimiser = Optimiser(own, dict.fromkeys(matrices, 1), settings)
    descend = our_descent(network, settings, steps)
    draws = torch.Generator().manual_seed(2)
    pulls = [torch.randn(p.shape, generator=draws) for p in parameters]  # the gradient of each
    for number in range(steps):
        loss = sum((pull * (1 + number) * p).sum() for pull, p in zip(pulls, parameters, strict=True))
        descend(cast(Tensor, loss), number)
        gradients = {
            id(twin): (1 + number) * (pull.T if id(p) in turned else pull)
            for pull, p, twin in zip(pulls, parameters, own, strict=True)
        }
        optimiser.step([gradients[id(p)] for p in optimiser.parameters], rate_at(number, steps, settings), number + 1)
    for p, twin in zip(parameters, own, strict=True):
        torch.testing.assert_close(p.detach(), twin.detach().T if id(p) in turned else twin.detach())
    assert output.weight is parameters[-2]


def test_trials_of_one_network_differ_by_seed_alone() -> None:
    bench = Bench.on(ITEMS, "hash", ignore)
    made: list[Trial] = []
    for seed in (1, 2, 1):
        config: Config = our_config(bench, ("model.hidden=4", "train.steps=3", "train.threads=1"), seed)
        made.append(by_product(bench, config, "tree"))
    assert made[0].val_nll == made[2].val_nll != made[1].val_nll
