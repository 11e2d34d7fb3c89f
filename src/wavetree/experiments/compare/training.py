"""One training, by either recipe: the lecture's loop over windows, or the product's own `train`."""

from __future__ import annotations

import copy
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Parameter

from wavetree.codecs import AlphabetCodec
from wavetree.config import Config, NgramConfig, TrainConfig, configure
from wavetree.data import ItemList, Split, split_items
from wavetree.data.packing import PackedItems, PackedRow
from wavetree.errors import SettingError
from wavetree.evaluate import exact_loss, predictions
from wavetree.experiments.compare.rows import Curve, Scores, Trial
from wavetree.experiments.lecture import Descent, WindowTraining, windows
from wavetree.layers.scratch import Linear, Sequential
from wavetree.models import AnyModel, Ngram, evaluating
from wavetree.models.ngram import contexts_met, symbols_before
from wavetree.report.blocks import block_average
from wavetree.runs import load
from wavetree.train import Progress, Watch, start, train
from wavetree.train.optimisers import Buffers, Optimiser, Rule
from wavetree.train.schedule import check_steps, rate_at
from wavetree.train.start import memory_bytes

CURVE_POINTS = 60
"""At least so many points has the training loss of a run of that many steps, and fewer than twice as many."""
TOLD_EVERY = 1000
"""Steps."""
CHECKS = 10
"""How often validation is measured where windows are trained by the lecture's recipe, evenly spaced."""
SCORED_POSITIONS = 1 << 16
"""In one piece, when items are scored one by one."""
COUNTED_BYTES = 28
"""Of each probability that an n-gram keeps: two tables of 8 bytes and a logarithm in passing, and 4 in the end."""


@dataclass(frozen=True)
class Bench:
    """What every model of a comparison shares: a list, its split, and whom to tell how far a training is."""

    items: ItemList
    kind: str
    split: Split
    codec: AlphabetCodec
    tell: Callable[[str], None]

    @classmethod
    def on(cls, items: ItemList, kind: str, tell: Callable[[str], None]) -> Bench:
        """The split `kind` of the list. Raises ListError where a side of it is empty."""
        return cls(
            items,
            kind,
            split_items(items, "lecture" if kind == "lecture" else "hash"),
            AlphabetCodec.of(items.items),
            tell,
        )

    def windows(self, side: str, context: int) -> tuple[Tensor, Tensor]:
        """Every window of a side of the split, and the symbol after each."""
        return windows(getattr(self.split, side), self.codec, context)


def by_windows(
    bench: Bench,
    training: WindowTraining,
    steps: int,
    context: int,
    name: str,
    checks: int = CHECKS,
    keep_best: bool = False,
) -> Trial:
    """Trains a network of scratch layers, and judges it. Only the steps are timed.

    It is judged as it is after the last step, as in the lecture; or, with `keep_best`, as it was at the best of its
    checks, as the product's own training does.
    """
    contexts, targets = bench.windows("train", context)
    validation = bench.windows("validation", context)
    due = check_steps(steps, checks)
    losses, measured, seconds = [], [], 0.0
    kept, best = training.network, math.inf
    for number in range(1, steps + 1):
        begun = time.perf_counter()
        losses.append(training.step(number - 1, contexts, targets))
        seconds += time.perf_counter() - begun
        if number % TOLD_EVERY == 1:
            bench.tell(f"{name}: step {number:,} of {steps:,}")
        if number in due:
            measured.append((float(number), training.loss(*validation)))
            if keep_best and measured[-1][1] < best:
                best, kept = measured[-1][1], copy.deepcopy(training.network)
    bench.tell(f"{name}: judging")
    judged = WindowTraining(kept, training.draws, training.descend, training.batch)
    return Trial(
        params=sum(p.numel() for p in kept.parameters()),
        context=context,
        train_nll=judged.loss(contexts, targets),
        val_nll=judged.loss(*validation),
        test=_window_scores(judged, bench, context),
        seconds=seconds,
        symbols=steps * training.batch,
        steps=steps,
        training=_averaged([(float(number), loss) for number, loss in enumerate(losses, 1)]),
        validation=tuple(measured),
    )


def _window_scores(judged: WindowTraining, bench: Bench, context: int) -> Scores:
    lengths = np.array([len(item) + 1 for item in bench.split.test])
    item = np.repeat(np.arange(len(lengths)), lengths)  # (N,): whose each window is
    losses = judged.losses(*bench.windows("test", context)).double().numpy()
    return Scores(np.bincount(item, weights=losses).astype(np.float64), lengths)


def our_descent(network: Sequential, settings: TrainConfig, steps: int) -> Descent:
    """The product's optimiser and schedule, on a network of scratch layers.

    These keep their matrices as (inputs, outputs), the product as (outputs, inputs), and Muon's steps depend on which
    is which: so its rule sees them turned.
    """
    fusions = [layer.weight for layer in network.layers[:-1] if isinstance(layer, Linear)]
    parameters, matrices = (cast(list[Parameter], some) for some in (network.parameters(), fusions))
    optimiser = Optimiser(parameters, dict.fromkeys(matrices, 1), settings)
    for group in optimiser.groups:
        if group.values.ndim == 3:  # a stack of matrices (K, inputs, outputs)
            group.rule = _turned(group.rule)

    def descend(loss: Tensor, number: int) -> None:
        gradients = torch.autograd.grad(loss, optimiser.parameters)
        optimiser.step(gradients, rate_at(number, steps, settings), number + 1)

    return descend


def _turned(rule: Rule) -> Rule:
    def step(values: Tensor, gradient: Tensor, buffers: Buffers, rate: float, step: int, workers: int) -> None:
        rule(values.mT, gradient.mT, buffers, rate, step, workers)

    return step


def our_config(bench: Bench, changes: tuple[str, ...], seed: int) -> Config:
    """The preset `lecture` with changes, on the split of the comparison."""
    return configure("lecture", [f"data.split={bench.kind}", f"train.seed={seed}", *changes])


def by_product(bench: Bench, config: Config, name: str) -> Trial:
    """Trains as `wavetree train` does, in a run folder that is thrown away."""

    def progress(seen: Progress) -> None:
        bench.tell(f"{name}: step {seen.step:,} of {seen.steps:,}")

    with tempfile.TemporaryDirectory() as temporary:
        folder = start(bench.items, Path(temporary) / "run", config)
        summary = train(folder, Watch(progress=progress))
        lines = folder.metrics()
        test = item_scores(load(folder.path).model, PackedItems(bench.split.test, bench.codec))
    assert summary.train_nll is not None  # nobody stops it
    return Trial(
        params=summary.params,
        context=summary.receptive_field,
        train_nll=summary.train_nll,
        val_nll=summary.val_nll,
        test=test,
        seconds=summary.seconds,
        symbols=round(summary.symbols_per_second * summary.seconds),
        steps=summary.steps,
        training=_averaged(_points(lines, "loss")),
        validation=_points(lines, "val_nll"),
    )


def by_counting(bench: Bench, config: NgramConfig) -> Trial:
    """Counts, which is all that an n-gram does. Its parameters are the probabilities that it keeps for what it saw.

    Raises SettingError where they would not fit in memory.
    """
    train_items, validation, test = (
        PackedItems(side, bench.codec) for side in (bench.split.train, bench.split.validation, bench.split.test)
    )
    begun = time.perf_counter()
    row = train_items.row(np.arange(len(train_items)))
    numbers = _refused_if_too_many(row, config.order, bench.codec.vocab_size)
    model = Ngram(config, bench.codec.vocab_size)
    model.count(row.ids, row.targets, row.ages)
    return Trial(
        params=numbers,
        context=model.receptive_field,
        seconds=time.perf_counter() - begun,
        train_nll=exact_loss(model, train_items).mean,
        val_nll=exact_loss(model, validation).mean,
        test=item_scores(model, test),
        symbols=len(row.ids),
    )


def _refused_if_too_many(row: PackedRow, order: int, vocab_size: int) -> int:
    """How many probabilities an n-gram would keep: one for every symbol after every context that it met."""
    contexts = sum(map(len, contexts_met(symbols_before(row.ids, row.ages, order), len(row.ids), vocab_size)[0]))
    needed, memory = COUNTED_BYTES * contexts * vocab_size, memory_bytes()
    if needed > memory:
        raise SettingError(
            f"the {order}-gram would need about {needed / 1e9:,.1f} GB, for {contexts:,} contexts with "
            f"{vocab_size:,} symbols after each, and this machine has {memory / 1e9:,.1f} GB: compare on a list with "
            "fewer distinct symbols, or on fewer items."
        )
    return contexts * vocab_size


@torch.no_grad()
def item_scores(model: AnyModel, items: PackedItems) -> Scores:
    """What the model is surprised by each item, in evaluation mode: the sums of these are `exact_loss`."""
    nats, symbols = [], []
    with evaluating(model):
        for chosen in items.chunks(SCORED_POSITIONS):
            row = items.row(chosen)
            logits, targets = predictions(model, row)  # (N, V), (N,)
            losses = F.cross_entropy(logits, targets, reduction="none").double().numpy()  # (N,)
            item = np.cumsum(row.ages == 0) - 1  # (N,)
            nats.append(np.bincount(item, weights=losses))
            symbols.append(np.bincount(item))
    return Scores(np.concatenate(nats), np.concatenate(symbols))


def _points(lines: Sequence[dict[str, object]], key: str) -> Curve:
    return tuple((float(str(line["step"])), float(str(line[key]))) for line in lines if key in line)


def _averaged(curve: Curve | Sequence[tuple[float, float]]) -> Curve:
    """Block averages, in which each point weighs as many steps as it stands for."""
    steps = int(curve[-1][0]) if curve else 0
    return tuple(block_average(curve, max(1, steps // CURVE_POINTS)))
