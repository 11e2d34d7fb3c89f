"""The exact loss of a stream is that of one pass over each span, the state carried on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.laws.cases import MODELS, Case
from tests.streams import corpus_of, verses

from wavetree.codecs import PAD
from wavetree.data.corpus import Stream, split_stream
from wavetree.evaluate import exact_loss, losses
from wavetree.inspect.laws import Model
from wavetree.models import evaluating

CHUNK = 7


def slow_loss(model: Model, side: Stream) -> float:
    """Nats."""
    nats = 0.0
    with evaluating(model):
        for number in range(len(side.begins)):
            targets = np.concatenate([*side.blocks(number, 1 << 20)])
            ids = torch.from_numpy(np.concatenate([[PAD], targets[:-1]]))[None]  # (1, T)
            state = model.start()
            for begin in range(0, ids.shape[1], CHUNK):
                logits, state = model.stream(ids[:, begin : begin + CHUNK], state)
                rest = torch.from_numpy(targets[begin : begin + CHUNK])
                nats += F.cross_entropy(logits[0], rest, reduction="sum").item()
    return nats


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    """Spans of all lengths from 1."""
    folder = tmp_path_factory.mktemp("texts")
    return split_stream(corpus_of(folder, verses(12), "t", "be", "not a", "a\nriver to be"), "blocks").train


@pytest.mark.parametrize("case", [case for case in MODELS if "ngram" not in case.name], ids=str)
def test_exact_loss_is_one_pass_over_each_span(case: Case, side: Stream) -> None:
    model = case.build(side.corpus.codec.vocab_size).double()
    found = exact_loss(model, side)
    assert found.nats == pytest.approx(slow_loss(model, side), abs=1e-9)
    assert found.symbols == side.symbols == int(side.lengths.sum())


@pytest.mark.parametrize(("row", "chunk"), [(1, 1), (5, 100), (64, 50)])
def test_how_it_is_cut_changes_nothing(side: Stream, row: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = next(case for case in MODELS if case.name == "wavenet-1-stack").build(side.corpus.codec.vocab_size).double()
    wanted = exact_loss(model, side)
    monkeypatch.setattr(losses, "LEAST_ROW", row)
    monkeypatch.setattr(losses, "ROW_FIELDS", 0)
    monkeypatch.setattr(losses, "CHUNK_NUMBERS", 256 * chunk)
    found = exact_loss(model, side)
    assert found.nats == pytest.approx(wanted.nats, abs=1e-9)
    assert found.symbols == wanted.symbols
