"""The lecture's ladder: five networks, each a step up, by the lecture's own recipe or by ours.

Ours trains the product's models with the product's `train`, but for one. The rung with the mistake in batch norm keeps
statistics apart for each place in the window. So what a node answers depends on its place, and not only on the symbols
that it sees: the tree is then no convolution, has no packed form, and shares nothing. It is trained in windows, by the
lecture's loop with our optimiser.

By our recipe every rung keeps the best of three checks on validation, and by the lecture's its last step, as there. The
test items are judged once, with what was kept. Of what is trained in windows the steps alone are timed, of the others
their checks as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from wavetree.config import TrainConfig
from wavetree.experiments.compare.rows import Published, Row, Trial
from wavetree.experiments.compare.training import Bench, by_product, by_windows, our_config, our_descent
from wavetree.experiments.lecture import WindowTraining, flat_network, plain_descent, tree_network
from wavetree.layers.scratch import Sequential

Network = Callable[[int, torch.Generator], Sequential]


@dataclass(frozen=True)
class Rung:
    """A network as the lecture snaps it together, what it reached there, and our settings for it.

    `ours` is a change of the preset `lecture`, or, for what only windows can train, a recipe in windows.
    """

    name: str
    context: int
    network: Network
    published: Published
    ours: tuple[str, ...] | TrainConfig


def _flat(context: int) -> Network:
    return lambda vocab_size, draws: flat_network(vocab_size, draws, context, embedding=10, hidden=200)


def _tree(embedding: int, hidden: int, norm_dims: tuple[int, ...] | None = None) -> Network:
    return lambda vocab_size, draws: tree_network(vocab_size, draws, embedding, hidden, norm_dims)


SMALL_FLAT = ("model.kind=flat", "train.epochs=15", "train.learning_rate=0.012")
SMALL_TREE = ("model.embedding=10", "model.hidden=68")
LADDER = (
    Rung(
        "flat 3",
        3,
        _flat(3),
        Published(2.058, 2.105),
        (*SMALL_FLAT, "model.context=3", "train.batch_items=256"),
    ),
    Rung(
        "flat 8",
        8,
        _flat(8),
        Published(1.918, 2.027),
        (*SMALL_FLAT, "model.context=8", "train.batch_items=128"),
    ),
    Rung(
        "tree, norm bug",
        8,
        _tree(10, 68, (0,)),
        Published(1.941, 2.029),
        TrainConfig(epochs=8, batch_items=1024, learning_rate=0.015, weight_decay=0.03, checks=3),
    ),
    Rung("tree", 8, _tree(10, 68), Published(1.912, 2.022), (*SMALL_TREE, "train.epochs=12")),
    Rung("tree, scaled", 8, _tree(24, 128), Published(1.769, 1.993), ()),
)


def climb(bench: Bench, recipe: str, seeds: int, steps: int) -> Iterator[Row]:
    """Every rung in order, each over `seeds` seeds; `steps` are those of the lecture's recipe."""
    for rung in LADDER:
        trials = []
        for seed in range(1, seeds + 1):
            name = f"{rung.name}, seed {seed}"
            trial = _as_the_lecture(bench, rung, seed, steps, name) if recipe == "lecture" else None
            trials.append(trial or _as_we_do(bench, rung, seed, name))
        published = rung.published if bench.kind == "lecture" else None  # of no other split
        yield Row(rung.name, bench.kind, recipe, tuple(trials), published)


def _as_the_lecture(bench: Bench, rung: Rung, seed: int, steps: int, name: str) -> Trial:
    draws = torch.Generator().manual_seed(seed)
    network = rung.network(bench.codec.vocab_size, draws)
    training = WindowTraining(network, draws, plain_descent(network.parameters(), steps))
    return by_windows(bench, training, steps, rung.context, name)


def _as_we_do(bench: Bench, rung: Rung, seed: int, name: str) -> Trial:
    if isinstance(rung.ours, TrainConfig):
        draws = torch.Generator().manual_seed(seed)
        network = rung.network(bench.codec.vocab_size, draws)
        symbols = sum(len(item) + 1 for item in bench.split.train)
        assert rung.ours.epochs is not None
        steps = max(1, round(rung.ours.epochs * symbols / rung.ours.batch_items))
        training = WindowTraining(network, draws, our_descent(network, rung.ours, steps), rung.ours.batch_items)
        return by_windows(bench, training, steps, rung.context, name, rung.ours.checks, keep_best=True)
    return by_product(bench, our_config(bench, rung.ours, seed), name)
