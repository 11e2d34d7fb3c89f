"""One training, by either recipe: the lecture's loop over windows, or the product's own `train`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torch.nn import Parameter

from wavetree.codecs import AlphabetCodec
from wavetree.config import Config, NgramConfig, TrainConfig, configure
from wavetree.data import ItemList, Split, split_items
from wavetree.data.packing import PackedItems
from wavetree.evaluate import exact_loss
from wavetree.experiments.compare.rows import Curve, Trial, blocks
from wavetree.experiments.lecture import Descent, WindowTraining, windows
from wavetree.layers.scratch import Linear, Sequential
from wavetree.models import Ngram
from wavetree.train import Progress, Watch, start, train
from wavetree.train.optimisers import Optimiser
from wavetree.train.schedule import rate_at

CURVE_POINTS = 60
TOLD_EVERY = 1000
"""Steps."""


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


def by_windows(bench: Bench, training: WindowTraining, steps: int, context: int, name: str) -> Trial:
    """Trains a network of scratch layers, and judges it. Only the steps are timed."""
    contexts, targets = bench.windows("train", context)
    losses = []
    begun = time.perf_counter()
    for number in range(steps):
        losses.append(training.step(number, contexts, targets))
        if number % TOLD_EVERY == 0:
            bench.tell(f"{name}: step {number:,} of {steps:,}")
    seconds = time.perf_counter() - begun
    bench.tell(f"{name}: judging")
    return Trial(
        params=sum(p.numel() for p in training.network.parameters()),
        context=context,
        train_nll=training.loss(contexts, targets),
        val_nll=training.loss(*bench.windows("validation", context)),
        seconds=seconds,
        symbols=steps * training.batch,
        training=blocks(losses, CURVE_POINTS),
    )


def our_descent(network: Sequential, settings: TrainConfig, steps: int) -> Descent:
    """The product's optimiser and schedule, on a network of scratch layers."""
    fusions = [layer.weight for layer in network.layers[:-1] if isinstance(layer, Linear)]
    parameters, matrices = (cast(list[Parameter], some) for some in (network.parameters(), fusions))
    optimiser = Optimiser(parameters, matrices, settings)

    def descend(loss: Tensor, number: int) -> None:
        gradients = torch.autograd.grad(loss, optimiser.parameters)
        optimiser.step(gradients, rate_at(number, steps, settings), number + 1)

    return descend


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
    assert summary.train_nll is not None  # nobody stops it
    return Trial(
        params=summary.params,
        context=summary.receptive_field,
        train_nll=summary.train_nll,
        val_nll=summary.val_nll,
        seconds=summary.seconds,
        symbols=round(summary.symbols_per_second * summary.seconds),
        training=_thinned(_points(lines, "loss")),
        validation=_points(lines, "val_nll"),
    )


def by_counting(bench: Bench, config: NgramConfig) -> Trial:
    """Counts, which is all that an n-gram does. Its parameters are the probabilities that it keeps for what it saw."""
    sides = {side: PackedItems(getattr(bench.split, side), bench.codec) for side in ("train", "validation")}
    begun = time.perf_counter()
    model = Ngram(config, bench.codec.vocab_size)
    row = sides["train"].row(torch.arange(len(sides["train"])).numpy())
    model.count(row.ids, row.targets, row.ages)
    seconds = time.perf_counter() - begun
    train_nll, val_nll = (exact_loss(model, side).mean for side in sides.values())
    numbers = sum(buffer.numel() for name, buffer in model.named_buffers() if name.startswith("log_probabilities"))
    return Trial(numbers, model.receptive_field, train_nll, val_nll, seconds, len(row.ids))


def _points(lines: Sequence[dict[str, object]], key: str) -> Curve:
    return tuple((float(str(line["step"])), float(str(line[key]))) for line in lines if key in line)


def _thinned(curve: Curve) -> Curve:
    """At most `CURVE_POINTS` points: block averages again."""
    means = blocks([loss for _, loss in curve], CURVE_POINTS)
    return tuple((curve[int(end) - 1][0], loss) for end, loss in means)
