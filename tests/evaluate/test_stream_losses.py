"""The exact loss of a stream is that of one pass over each span, the state carried on."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.laws.cases import MODELS, Case
from tests.streams import RATE, corpus_of, verses, voices

from wavetree.codecs import PAD
from wavetree.config import WaveNetConfig
from wavetree.data.corpus import CorpusSettings, Stream, open_corpus, split_stream
from wavetree.evaluate import exact_loss, losses
from wavetree.inspect.laws import Model
from wavetree.models import build, evaluating

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


def short_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows so short that most begin within a span, and not with pad."""
    monkeypatch.setattr(losses, "LEAST_ROW", 5)
    monkeypatch.setattr(losses, "ROW_FIELDS", 0)


@pytest.mark.parametrize("case", [case for case in MODELS if "ngram" not in case.name], ids=str)
def test_the_quick_way_is_one_pass_as_well(case: Case, side: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = slow_loss(case.build(side.corpus.codec.vocab_size).double(), side)
    assert exact_loss(case.build(side.corpus.codec.vocab_size), side).nats == pytest.approx(slow, rel=1e-6)
    short_rows(monkeypatch)
    assert exact_loss(case.build(side.corpus.codec.vocab_size), side).nats == pytest.approx(slow, rel=1e-6)


@pytest.mark.parametrize("name", ["wavenet-2-stacks", "wavenet-kernel-3"])
def test_one_symbol_of_context_too_few_is_seen(name: str, side: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    model = next(case for case in MODELS if case.name == name).build(side.corpus.codec.vocab_size)
    slow = slow_loss(model.double(), side)
    model.float()
    short_rows(monkeypatch)
    assert abs(exact_loss(model, side).nats - slow) < 1e-5
    in_order = losses.rows_in_order
    monkeypatch.setattr(losses, "rows_in_order", lambda stream, context, *rest: in_order(stream, context - 1, *rest))
    assert abs(exact_loss(model, side).nats - slow) > 3e-5


@pytest.mark.parametrize("local", [0, 3])
def test_conditions_are_told_the_quick_way(local: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = voices(tmp_path / "voices", clips=2, seconds=0.1)
    draw = np.random.default_rng(1)
    for clip in folder.rglob("*.wav"):
        samples = (clip.stat().st_size - 44) // 2
        np.save(clip.with_suffix(".npy"), draw.random((-(-samples // 40), 3), dtype=np.float32))
    settings = CorpusSettings("audio", RATE, local=local, hop=40) if local else CorpusSettings("audio", RATE)
    told = split_stream(open_corpus([folder], settings, ("voice",), cache=tmp_path / "cache"), "blocks").train
    config = WaveNetConfig(levels=3, channels=8, hidden=8, skip=8)
    model = build(config, told.corpus.codec.vocab_size, seed=1, given_size=2 + local)
    quick = exact_loss(model, told)
    short_rows(monkeypatch)
    cut = exact_loss(model, told)
    slow = exact_loss(model.double(), told)
    assert [quick.nats, cut.nats] == pytest.approx([slow.nats] * 2, rel=1e-6)
    with torch.no_grad():
        model.embedding.given.weight.zero_()
    assert exact_loss(model, told).nats != pytest.approx(slow.nats, rel=1e-5)


def test_pieces_side_by_side(side: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many at once as torch has threads, each with one and no gradients; and all is as it was, come what may."""
    model = next(case for case in MODELS if case.name == "wavenet-1-stack").build(side.corpus.codec.vocab_size)
    short_rows(monkeypatch)
    monkeypatch.setattr(losses, "ROW_POSITIONS", 1)
    alone, before, at_once = exact_loss(model, side), torch.get_num_threads(), threading.Barrier(3)
    rows = len([*losses.pieces(side, model, 45)])
    predict = losses.predictions
    found: list[tuple[bool, int]] = []

    def spy(*given: Any) -> Any:
        at_once.wait(timeout=60)
        found.append((torch.is_grad_enabled(), torch.get_num_threads()))
        return predict(*given)

    assert rows % 3 == 0
    torch.set_num_threads(3)
    try:
        assert exact_loss(model, side) == alone
        monkeypatch.setattr(losses, "predictions", spy)
        exact_loss(model, side, 45)
        assert found == [(False, 1)] * rows
        monkeypatch.setattr(losses, "predictions", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            exact_loss(model, side)
        assert (torch.get_num_threads(), model.training) == (3, True)
    finally:
        torch.set_num_threads(before)
