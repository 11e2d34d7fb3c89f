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


def by_windows(model: Model, ids: list[int], given: Tensor | None = None, before: Tensor | None = None) -> Tensor:
    """The logits (T, V) after each of the ids, under `given` (T, G); pad and `before` (G,) before them written out."""
    field = model.receptive_field
    padded = [PAD] * (field - 1) + ids
    if given is None or before is None:
        return torch.cat([model.window(torch.tensor([padded[t : t + field]])) for t in range(len(ids))])
    held = torch.cat([before.expand(field - 1, -1), given])
    rows = ((torch.tensor([padded[t : t + field]]), held[None, t : t + field]) for t in range(len(ids)))
    return torch.cat([model.window(*row) for row in rows])


@st.composite
def told(draw: st.DrawFn, model: Model, count: int) -> Tensor | None:
    """Conditions (count, G), for a model that takes some; few enough numbers that they are often alike."""
    if not model.given_size:
        return None
    numbers = st.lists(st.sampled_from([-1.0, 0.0, 0.5]), min_size=model.given_size, max_size=model.given_size)
    return torch.tensor(draw(st.lists(numbers, min_size=count, max_size=count)), dtype=torch.float64)


def same(found: Tensor, wanted: Tensor) -> bool:
    return found.shape == wanted.shape and bool(((found - wanted).abs() <= 1e-12).all())


@given(model=models, items=st.lists(st.lists(symbols, max_size=20), min_size=1, max_size=6), data=st.data())
@torch.no_grad()
def test_packed_items(model: Model, items: list[list[int]], data: st.DataObject) -> None:
    rows = [[PAD, *item] for item in items]
    lengths = [len(row) for row in rows]
    ids, ages = np.concatenate(rows), np.concatenate([np.arange(length) for length in lengths])
    conditions = data.draw(told(model, 3))
    if conditions is None:
        found, wanted = model.packed(model.prepare(ids, ages)), [by_windows(model, row) for row in rows]
    else:
        groups = data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
        found = model.packed(model.prepare(ids, ages, np.repeat(groups, lengths)), conditions)
        held = [conditions[group] for group in groups]
        wanted = [by_windows(model, row, one.expand(len(row), -1), one) for row, one in zip(rows, held, strict=True)]
    assert same(found, torch.cat(wanted))


@given(
    model=models, chunks=st.lists(st.lists(anything, max_size=9), min_size=1, max_size=6).filter(any), data=st.data()
)
@torch.no_grad()
def test_streams_and_steps(model: Model, chunks: list[list[int]], data: st.DataObject) -> None:
    ids = [symbol for chunk in chunks for symbol in chunk]
    given, before = data.draw(told(model, len(ids))), data.draw(told(model, 1))
    wanted = by_windows(model, ids, given, None if before is None else before[0])
    state, parts, place = model.start(before), [], 0
    for i, chunk in enumerate(chunks):
        now = None if given is None else given[place : place + len(chunk)]
        if i % 2:  # the two runs share one state, so that they may take turns
            for n, symbol in enumerate(chunk):
                logits, state = model.step(torch.tensor([symbol]), state, None if now is None else now[n : n + 1])
                parts.append(logits)
        else:
            ids_now = torch.tensor([chunk], dtype=torch.int64)
            logits, state = model.stream(ids_now, state, None if now is None else now[None])
            parts.append(logits[0])
        place += len(chunk)
    assert same(torch.cat(parts), wanted)


@pytest.mark.parametrize("case", MODELS, ids=str)
@torch.no_grad()
def test_a_packed_row_of_nothing(case: Case) -> None:
    model, nothing = case.build().eval(), np.zeros(0, dtype=np.int64)
    assert model.packed(model.prepare(nothing, nothing)).shape == (0, VOCAB)
