"""The models that score: each learns the train side of a list, and says of any text how suspicious it is.

    total         what the model adds up over a text: nats, the end mark's included
    per symbol    the same by the number of symbols, the mark counted
    for length    how far the total lies above what a text of that length usually has, in deviations (the product's own)

Every model is scored in all three ways; which one counts is chosen on validation, model by model. So are the discount
of an n-gram and how far a network sees (by their losses), and the grams of a forest (by what it tells from random
texts), for each list anew; the recipes of the networks are the best of those in docs/log.md, by the losses of
validation. An IsolationForest has no sum: in its place stand its score of the n-grams' counts and that of their shares.
"""

from __future__ import annotations

import importlib.util
import math
import statistics
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch

from wavetree.codecs import AlphabetCodec
from wavetree.config import Config, NgramConfig, configure
from wavetree.data.packing import PackedItems
from wavetree.experiments.anomalies.figures import Scores, auroc
from wavetree.experiments.anomalies.lists import MadeList
from wavetree.experiments.compare.controls import ONE_CORE
from wavetree.models import AnyModel, Ngram, build, parameter_count
from wavetree.runs import load
from wavetree.score import Expected, scores
from wavetree.train import start, train
from wavetree.train.batches import ItemBatches
from wavetree.train.training import Shape, Training

PARAMETERS = 220_000
"""0.9 MB on disk."""
RECIPES = {
    "tree": (
        "model.embedding=24",
        "train.learning_rate=0.02",
        "train.batch_items=512",
        "train.weight_decay=0.3",
        "train.average=0.98",
    ),
    "transformer": (
        "model.kind=transformer",
        "model.heads=1",
        "model.layers=2",
        "train.learning_rate=0.015",
        "train.batch_items=64",
        "train.weight_decay=0.05",
    ),
}
SIZES = {"tree": ("hidden", range(48, 385)), "transformer": ("width", range(32, 129))}
"""What of a network is fitted, so that all have as many parameters; and within which limits."""
TREES = 100
GRAMS = ((1, 1), (1, 2))
"""The n-grams that an IsolationForest is tried with, from and to so many symbols. A random text has next to none of the
longer ones, and looks ordinary by them."""
DISCOUNTS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95)
"""What an n-gram is tried with."""
WARM_UP, TIMED = 5, 40
"""Throwaway steps: not timed, and timed."""
TREATMENTS = ("total", "per symbol", "for length")
PRODUCT = "for length"
"""What `wavetree score` does."""
Scorer = Callable[[Sequence[str]], tuple[Scores, Scores]]
"""Texts (K,) to their totals and their means by symbol, (K,) each."""


@dataclass(frozen=True)
class Learnt:
    """A model that has learnt. `file_bytes`: its size on disk; `loss`: of validation, nats a symbol, if it has one.

    `sees`: the symbols that a prediction sees, where there are predictions.
    """

    params: int
    sees: int | None
    seconds: float
    file_bytes: int
    loss: float | None
    score: Scorer
    expected: Expected

    def scores(self, items: Sequence[str]) -> dict[str, Scores]:
        """The scores of texts in every way, (K,) each; higher is more suspicious."""
        total, mean = self.score(items)
        return dict(zip(TREATMENTS, (total, mean, self.expected.score(total, _symbols(items))), strict=True))


@dataclass(frozen=True)
class Rival:
    """A model to be: how it learns a list, from each of some seeds; once only, where the seed has no say."""

    name: str
    learn: Callable[[MadeList, Sequence[int]], tuple[Learnt, ...]]


OURS, TO_BEAT = "tree", "5-gram"


def rivals(seconds: float) -> list[Rival]:
    """All of them. The networks train for so many seconds of processor time each."""
    return [
        Rival(OURS, lambda made, seeds: _networks(made, seeds, seconds, "tree")),
        Rival(TO_BEAT, lambda made, _: (_counted(made, 5),)),
        Rival("6-gram", lambda made, _: (_counted(made, 6),)),
        Rival("frequencies", lambda made, _: (_counted(made, 1),)),
        Rival("forest", lambda made, seeds: tuple(_forest(made, seed) for seed in seeds)),
        Rival("transformer", lambda made, seeds: _networks(made, seeds, seconds, "transformer")),
    ]


def has_forest() -> bool:
    """Whether scikit-learn is installed."""
    return importlib.util.find_spec("sklearn") is not None


def levels_for(made: MadeList) -> int:
    """The fewest levels of a tree that sees an item of mean length and its mark."""
    mean = sum(map(len, made.split.train)) / len(made.split.train) + 1
    return max(2, int(np.ceil(np.log2(mean))))


def tries(made: MadeList, kind: str) -> tuple[tuple[str, ...], ...]:
    """What networks of a kind are tried with: they see an item of mean length, or half of it."""
    return tuple(settings(made, kind, levels) for levels in (levels_for(made), levels_for(made) - 1))


def settings(made: MadeList, kind: str, levels: int) -> tuple[str, ...]:
    """The changes to the preset `lecture` that make a network of the kind, which sees 2**levels symbols, of the size.

    The size is for this list's alphabet.
    """
    reach = f"model.levels={levels}" if kind == "tree" else f"model.context={1 << levels}"
    name, sizes = SIZES[kind]
    shapes = tuple((*RECIPES[kind], reach, f"model.{name}={size}") for size in sizes)
    return _nearest(shapes, AlphabetCodec.of(made.good.items).vocab_size)


@cache
def _nearest(shapes: tuple[tuple[str, ...], ...], vocab: int) -> tuple[str, ...]:
    """Of shapes from small to large, the one with most nearly as many parameters as it should have."""

    def count(shape: tuple[str, ...]) -> int:
        return parameter_count(build(configure("lecture", shape).model, vocab, 1))

    place = bisect_left(shapes, PARAMETERS, key=count)
    return min(shapes[max(0, place - 1) : place + 1], key=lambda shape: abs(count(shape) - PARAMETERS))


def _symbols(items: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.fromiter(map(len, items), dtype=np.int64, count=len(items)) + 1


def _networks(made: MadeList, seeds: Sequence[int], seconds: float, kind: str) -> tuple[Learnt, ...]:
    """One for each seed, by the settings that do best on validation with the first seed."""
    tried = {changes: _network(made, seeds[0], seconds, changes) for changes in tries(made, kind)}
    best = min(tried, key=lambda changes: tried[changes].loss or math.inf)
    return (tried[best], *(_network(made, seed, seconds, best) for seed in seeds[1:]))


def _network(made: MadeList, seed: int, seconds: float, settled: tuple[str, ...]) -> Learnt:
    """Trained as `wavetree train` does, in a folder that is thrown away; as many steps as take so many seconds."""
    changes = (*settled, ONE_CORE, f"train.seed={seed}")
    steps = max(1, round(seconds / _pace(made, configure("lecture", [*changes, "train.steps=1"]))))
    with tempfile.TemporaryDirectory() as temporary:
        folder = start(made.good, Path(temporary) / "run", configure("lecture", [*changes, f"train.steps={steps}"]))
        begun = time.thread_time()
        done = train(folder)
        took = time.thread_time() - begun
        trained = load(folder.path)
        best = folder.path / "checkpoints" / (folder.path / "best").read_text().strip() / "model.safetensors"
        size = best.stat().st_size + (folder.path / "codec.json").stat().st_size
    return _of_model(made, trained.model, trained.alphabet, took, size, done.val_nll)


def _pace(made: MadeList, config: Config) -> float:
    """Seconds of processor time that a step takes: what else runs on the machine takes nothing from a network."""
    codec = AlphabetCodec.of(made.good.items)
    training = Training.begin(config, Shape(codec.vocab_size), WARM_UP + TIMED, 1)
    batches = ItemBatches(PackedItems(made.split.train, codec), config.train.batch_items, config.train.seed)
    laps = []
    for step in range(WARM_UP + TIMED):
        begun = time.thread_time()
        training.advance(batches[step], config)
        laps.append(time.thread_time() - begun)
    return statistics.median(laps[WARM_UP:])


def _counted(made: MadeList, order: int) -> Learnt:
    """A Kneser-Ney n-gram of the train side, of the discount that does best on validation; order 1 counts how often
    each symbol is, and nothing else. Its seconds are those of one discount."""
    codec = AlphabetCodec.of(made.good.items)
    row_of = PackedItems(made.split.train, codec)
    row = row_of.row(np.arange(len(row_of)))

    def counted(discount: float) -> tuple[float, float, Ngram]:
        begun = time.thread_time()
        model = Ngram(NgramConfig(order=order, discount=discount), codec.vocab_size)
        model.count(row.ids, row.targets, row.ages)
        seconds = time.thread_time() - begun
        held_out = scores(model, codec, made.split.validation)
        return float(held_out.nats.sum() / held_out.symbols.sum()), seconds, model

    loss, seconds, model = min(map(counted, DISCOUNTS), key=lambda tried: tried[0])
    size = len(safetensors.torch.save({name: buffer.contiguous() for name, buffer in model.named_buffers()}))
    return _of_model(made, model, codec, seconds, size, loss)


def _of_model(made: MadeList, model: AnyModel, codec: AlphabetCodec, seconds: float, size: int, loss: float) -> Learnt:
    def score(items: Sequence[str]) -> tuple[Scores, Scores]:
        scored = scores(model, codec, items)
        return scored.nats, scored.nats / scored.symbols

    counts = [tensor.numel() for name, tensor in model.named_buffers() if name.startswith("log_probabilities")]
    params = sum(counts) if isinstance(model, Ngram) else parameter_count(model)
    expected = Expected.fit(score(made.split.train)[0], _symbols(made.split.train))
    return Learnt(params, model.receptive_field, seconds, size, loss, score, expected)


def _forest(made: MadeList, seed: int) -> Learnt:
    """Of forests on grams of several lengths, the one that tells validation items best from random texts."""

    def told_apart(learnt: Learnt) -> float:
        held_out, at_random = learnt.scores(made.split.validation), learnt.scores(made.random)
        return max(auroc(held_out[way], at_random[way]) for way in TREATMENTS)

    return max((_forest_of(made, seed, grams) for grams in GRAMS), key=told_apart)


def _forest_of(made: MadeList, seed: int, ngrams: tuple[int, int]) -> Learnt:
    """Two of scikit-learn's IsolationForests (Liu et al. 2008) on n-grams: by their counts, and by their shares."""
    from sklearn.ensemble import IsolationForest
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.preprocessing import normalize

    begun = time.thread_time()
    grams = CountVectorizer(analyzer="char", ngram_range=ngrams, lowercase=False, dtype=np.float32)
    counts = grams.fit_transform(made.split.train)
    by_counts, by_shares = (
        IsolationForest(n_estimators=TREES, random_state=seed).fit(table) for table in (counts, normalize(counts, "l1"))
    )
    seconds = time.thread_time() - begun

    def score(items: Sequence[str]) -> tuple[Scores, Scores]:
        table = grams.transform(items)
        return -by_counts.score_samples(table), -by_shares.score_samples(normalize(table, "l1"))

    words = sum(len(gram.encode()) + 4 for gram in grams.vocabulary_)
    nodes = [tree.tree_.__getstate__()["nodes"] for forest in (by_counts, by_shares) for tree in forest.estimators_]
    splits = sum(len(one) for one in nodes)
    size = words + sum(one.nbytes for one in nodes) // 2  # one of the two is in use
    expected = Expected.fit(score(made.split.train)[0], _symbols(made.split.train))
    return Learnt(splits // 2, None, seconds, size, None, score, expected)
