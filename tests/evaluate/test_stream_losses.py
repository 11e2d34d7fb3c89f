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
    monkeypatch.setattr(losses, "ROW_POSITIONS", chunk)
    found = exact_loss(model, side)
    assert found.nats == pytest.approx(wanted.nats, abs=1e-9)
    assert found.symbols == wanted.symbols


@pytest.mark.parametrize("case", [case for case in MODELS if "ngram" not in case.name], ids=str)
def test_the_quick_way_is_one_pass_as_well(case: Case, side: Stream) -> None:
    quick = exact_loss(case.build(side.corpus.codec.vocab_size), side)
    slow = slow_loss(case.build(side.corpus.codec.vocab_size).double(), side)
    assert quick.nats == pytest.approx(slow, rel=1e-6)


@pytest.mark.parametrize("kind", ["wavenet-1-stack", "tree"])
def test_threads_change_no_bit(kind: str, side: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    model = next(case for case in MODELS if case.name == kind).build(side.corpus.codec.vocab_size)
    monkeypatch.setattr(losses, "ROW_POSITIONS", 1)
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            found.append(exact_loss(model, side).nats)
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    assert found[0] == found[1]
