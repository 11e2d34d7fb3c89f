"""The models that score: each learns the train side of a list, and says of any text how suspicious it is.

    total         what the model adds up over a text: nats, the end mark's included
    per symbol    the same by the number of symbols, the mark counted
    for length    how far the total lies above what a text of that length usually has, in deviations (the product's own)

Every model is scored in all three ways; which one counts is chosen on validation , model by model.
An IsolationForest has no sum: in its place stand its score of the n-grams' counts and that of their shares.
"""

from __future__ import annotations

import tempfile
import time
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
from wavetree.experiments.anomalies.figures import Scores
from wavetree.experiments.anomalies.lists import MadeList
from wavetree.experiments.compare.controls import OF_TRANSFORMER, ONE_CORE, RECIPE
from wavetree.models import AnyModel, Ngram, build, parameter_count
from wavetree.runs import load
from wavetree.score import Expected, scores
from wavetree.train import start, train

PARAMETERS = 76_579
"""The lecture's scaled-up network."""
TREES = 100
HEADS = (5, 4, 6)
"""Numbers of heads that come into question, the preferred first: a width is a multiple of one of them."""
GRAMS = (1, 3)
"""The n-grams of the IsolationForest, in symbols."""
TREATMENTS = ("total", "per symbol", "for length")
Scorer = Callable[[Sequence[str]], tuple[Scores, Scores]]
"""Texts (K,) to their totals and their means by symbol, (K,) each."""


@dataclass(frozen=True)
class Learnt:
    """A model that has learnt. `file_bytes`: its size on disk; `loss`: of validation, nats a symbol, if it has one."""

    params: int
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
    """A model to be: how it learns a list from a seed. Where the seed has no say, one training is enough."""

    name: str
    learn: Callable[[MadeList, int], Learnt]
    seeded: bool = True


OURS, TO_BEAT = "tree", "5-gram"


def rivals(seconds: float) -> list[Rival]:
    """All of them. The networks train for so many seconds each."""
    return [
        Rival(OURS, lambda made, seed: _network(made, seed, seconds, "tree")),
        Rival(TO_BEAT, lambda made, _: _counted(made, 5), seeded=False),
        Rival("6-gram", lambda made, _: _counted(made, 6), seeded=False),
        Rival("frequencies", lambda made, _: _counted(made, 1), seeded=False),
        Rival("forest", _forest),
        Rival("transformer", lambda made, seed: _network(made, seed, seconds, "transformer")),
    ]


def has_forest() -> bool:
    """Whether scikit-learn is installed."""
    try:
        import sklearn  # noqa: F401
    except ImportError:
        return False
    return True


def levels_for(made: MadeList) -> int:
    """The fewest levels of a tree that sees an item of mean length and its mark."""
    mean = sum(map(len, made.split.train)) / len(made.split.train) + 1
    return max(1, int(np.ceil(np.log2(mean))))


def settings(made: MadeList, kind: str) -> tuple[str, ...]:
    """The changes to the preset `lecture` that give a network of the kind the size, for this list's alphabet."""
    vocab, levels = AlphabetCodec.of(made.good.items).vocab_size, levels_for(made)
    shapes: list[tuple[str, ...]]
    if kind == "tree":
        recipe = RECIPE
        shapes = [
            ("model.embedding=24", f"model.levels={levels}", f"model.hidden={hidden}") for hidden in range(48, 161)
        ]
    else:
        context = max(16, 1 << levels)
        recipe, shape = OF_TRANSFORMER, ("model.kind=transformer", "model.layers=2", f"model.context={context}")
        fits = [(width, heads) for width in range(48, 71) for heads in HEADS if width % heads == 0]
        shapes = [(*shape, f"model.width={width}", f"model.heads={heads}") for width, heads in fits]
    return (*_nearest(tuple(shapes), vocab), *recipe)


@cache
def _nearest(shapes: tuple[tuple[str, ...], ...], vocab: int) -> tuple[str, ...]:
    """The shape with which a network has most nearly as many parameters as it should."""

    def off(shape: tuple[str, ...]) -> int:
        return abs(parameter_count(build(configure("lecture", shape).model, vocab, 1)) - PARAMETERS)

    return min(shapes, key=off)


def _symbols(items: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.fromiter(map(len, items), dtype=np.int64, count=len(items)) + 1


def _network(made: MadeList, seed: int, seconds: float, kind: str) -> Learnt:
    """Trained as `wavetree train` does, in a folder that is thrown away."""
    changes = (*settings(made, kind), ONE_CORE, f"train.seed={seed}", f"train.seconds={seconds}")
    config: Config = configure("lecture", changes)
    with tempfile.TemporaryDirectory() as temporary:
        folder = start(made.good, Path(temporary) / "run", config)
        done = train(folder)
        trained = load(folder.path)
        best = folder.path / "checkpoints" / (folder.path / "best").read_text().strip() / "model.safetensors"
        size = best.stat().st_size + (folder.path / "codec.json").stat().st_size
    return _of_model(made, trained.model, trained.alphabet, done.seconds, size, done.val_nll)


def _counted(made: MadeList, order: int) -> Learnt:
    """A Kneser-Ney n-gram of the train side; order 1 counts how often each symbol is, and nothing else."""
    codec = AlphabetCodec.of(made.good.items)
    begun = time.perf_counter()
    row_of = PackedItems(made.split.train, codec)
    row = row_of.row(np.arange(len(row_of)))
    model = Ngram(NgramConfig(order=order), codec.vocab_size)
    model.count(row.ids, row.targets, row.ages)
    seconds = time.perf_counter() - begun
    size = len(safetensors.torch.save({name: buffer.contiguous() for name, buffer in model.named_buffers()}))
    return _of_model(made, model, codec, seconds, size, None)


def _of_model(
    made: MadeList, model: AnyModel, codec: AlphabetCodec, seconds: float, size: int, loss: float | None
) -> Learnt:
    def score(items: Sequence[str]) -> tuple[Scores, Scores]:
        scored = scores(model, codec, items)
        return scored.nats, scored.nats / scored.symbols

    if loss is None:
        held_out = scores(model, codec, made.split.validation)
        loss = float(held_out.nats.sum() / held_out.symbols.sum())
    counts = [tensor.numel() for name, tensor in model.named_buffers() if name.startswith("log_probabilities")]
    params = sum(counts) if isinstance(model, Ngram) else parameter_count(model)
    expected = Expected.fit(score(made.split.train)[0], _symbols(made.split.train))
    return Learnt(params, seconds, size, loss, score, expected)


def _forest(made: MadeList, seed: int) -> Learnt:
    """Two of scikit-learn's IsolationForests (Liu et al. 2008) on n-grams: by their counts, and by their shares."""
    from sklearn.ensemble import IsolationForest
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.preprocessing import normalize

    begun = time.perf_counter()
    grams = CountVectorizer(analyzer="char", ngram_range=GRAMS, lowercase=False, dtype=np.float32)
    counts = grams.fit_transform(made.split.train)
    by_counts, by_shares = (
        IsolationForest(n_estimators=TREES, random_state=seed).fit(table) for table in (counts, normalize(counts, "l1"))
    )
    seconds = time.perf_counter() - begun

    def score(items: Sequence[str]) -> tuple[Scores, Scores]:
        table = grams.transform(items)
        return -by_counts.score_samples(table), -by_shares.score_samples(normalize(table, "l1"))

    words = sum(len(gram.encode()) + 4 for gram in grams.vocabulary_)
    nodes = [tree.tree_.__getstate__()["nodes"] for forest in (by_counts, by_shares) for tree in forest.estimators_]
    splits = sum(len(one) for one in nodes)
    size = words + sum(one.nbytes for one in nodes) // 2  # one of the two is in use
    expected = Expected.fit(score(made.split.train)[0], _symbols(made.split.train))
    return Learnt(splits // 2, seconds, size, None, score, expected)
