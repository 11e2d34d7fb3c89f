"""Law 1 on whatever items there may be, cut wherever a stream may be cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.laws.cases import MODELS, VOCAB, Case
from torch import Tensor

from wavetree.codecs import PAD
from wavetree.inspect.laws import Model

BUILT = [case.build().double().eval() for case in MODELS]

models = st.sampled_from(BUILT)
symbols = st.integers(1, VOCAB - 1)
anything = st.integers(0, VOCAB - 1)


def by_windows(model: Model, ids: list[int]) -> Tensor:
    """The logits (T, V) after each of the ids, pad before them written out."""
    field = model.receptive_field
    padded = [PAD] * (field - 1) + ids
    return torch.cat([model.window(torch.tensor([padded[t : t + field]])) for t in range(len(ids))])


def same(found: Tensor, wanted: Tensor) -> bool:
    return found.shape == wanted.shape and bool(((found - wanted).abs() <= 1e-12).all())


@given(model=models, items=st.lists(st.lists(symbols, max_size=20), min_size=1, max_size=6))
@torch.no_grad()
def test_packed_items(model: Model, items: list[list[int]]) -> None:
    rows = [[PAD, *item] for item in items]
    ids, ages = np.concatenate(rows), np.concatenate([np.arange(len(row)) for row in rows])
    found = model.packed(model.prepare(ids, ages))
    assert same(found, torch.cat([by_windows(model, row) for row in rows]))


@given(model=models, chunks=st.lists(st.lists(anything, max_size=9), min_size=1, max_size=6).filter(any))
@torch.no_grad()
def test_streams_and_steps(model: Model, chunks: list[list[int]]) -> None:
    wanted = by_windows(model, [symbol for chunk in chunks for symbol in chunk])
    state, parts = model.start(), []
    for i, chunk in enumerate(chunks):
        if i % 2:  # the two runs share one state, so that they may take turns
            for symbol in chunk:
                logits, state = model.step(torch.tensor([symbol]), state)
                parts.append(logits)
        else:
            logits, state = model.stream(torch.tensor([chunk], dtype=torch.int64), state)
            parts.append(logits[0])
    assert same(torch.cat(parts), wanted)


@pytest.mark.parametrize("case", MODELS, ids=str)
@torch.no_grad()
def test_a_packed_row_of_nothing(case: Case) -> None:
    model, nothing = case.build().eval(), np.zeros(0, dtype=np.int64)
    assert model.packed(model.prepare(nothing, nothing)).shape == (0, VOCAB)
