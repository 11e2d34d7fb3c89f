"""A continuation is the same by torch and by the compiled engine, and the choice between them is by measurement."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wavetree.codecs import PAD, AlphabetCodec, MuLawCodec
from wavetree.config import TreeConfig, WaveNetConfig
from wavetree.generate import Choice, continuation, continuing
from wavetree.models import AnyModel, build

CODEC = AlphabetCodec("abcdef")
MODELS: list[AnyModel] = [
    build(WaveNetConfig(channels=8, hidden=8, skip=8, levels=3), CODEC.vocab_size, 1),
    build(WaveNetConfig(channels=8, hidden=8, skip=8, levels=2, stacks=2, norm="none"), CODEC.vocab_size, 1, 3),
    build(TreeConfig(levels=3, embedding=8, hidden=8), CODEC.vocab_size, 1),
]


with torch.no_grad():
    for number, one in enumerate(MODELS):  # predictions that depend on what was read: a new model's hardly do
        one.output.weight.normal_(generator=torch.Generator().manual_seed(number))  # type: ignore[operator, union-attr]


def made(model: AnyModel, compiled: bool, monkeypatch: pytest.MonkeyPatch, **wishes: object) -> list[int]:
    """120 symbols, in blocks of 50."""
    told = torch.eye(3)[:1] if model.given_size else None
    with monkeypatch.context() as patch:
        patch.setattr(continuing, "_compiled", continuing._compiled if compiled else continuing._stepwise)
        choice = Choice(**wishes)  # type: ignore[arg-type]
        blocks = list(continuation(model, CODEC, CODEC.encode("fade"), 120, 7, choice, told, block=50))
    assert [len(block) for block in blocks] == [50, 50, 20]
    return np.concatenate(blocks).tolist()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize(
    "wishes", [{}, {"temperature": 0.5}, {"top_k": 2}, {"top_p": 0.7}, {"temperature": 0.0}], ids=str
)
def test_the_same_symbols(model: AnyModel, wishes: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    by_torch, by_engine = (made(model, compiled, monkeypatch, **wishes) for compiled in (False, True))
    assert by_engine == by_torch
    assert PAD not in by_torch


def test_silence_may_be_drawn() -> None:
    model = build(WaveNetConfig(channels=4, hidden=4, skip=4, levels=2), 256, 1)
    with torch.no_grad():
        model.output.bias[PAD] = 20
    (block,) = continuation(model, MuLawCodec(8000), np.zeros(0, dtype=np.int64), 30, 1, Choice())
    assert (block == PAD).all()


def test_conditions_that_change_along_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODELS[1]
    along = torch.from_numpy(np.random.default_rng(1).normal(size=(1, 4 + 60, 3))).float()

    def by(compiled: bool, held: torch.Tensor) -> list[int]:
        with monkeypatch.context() as patch:
            patch.setattr(continuing, "_compiled", continuing._compiled if compiled else continuing._stepwise)
            blocks = continuation(
                model, CODEC, CODEC.encode("fade"), 60, 7, Choice(), torch.zeros(1, 3), block=25, along=held
            )
            return np.concatenate(list(blocks)).tolist()

    assert by(True, along) == by(False, along)
    later = along.clone()
    later[:, 40:] *= -3  # of the symbols from number 36 after the prompt on
    assert by(True, later)[:36] == by(True, along)[:36]
    assert by(True, later) != by(True, along)
