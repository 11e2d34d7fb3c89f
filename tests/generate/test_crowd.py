"""Many sequences at once: each is predicted as if it were alone, whoever shares its work and whoever has left."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.laws.cases import MODELS, VOCAB, Case, Norm, tree
from torch import Tensor

from wavetree.codecs import PAD
from wavetree.generate import Choice, sample_block
from wavetree.generate import crowd as crowds
from wavetree.generate.crowd import LEAVE, Beginnings, Crowd, Nodes, Rows, crowd
from wavetree.models import AnyModel, Tree, evaluating

SEQUENCES, STEPS = 60, 14
Make = type[Nodes] | type[Beginnings]


def widest_gap(model: AnyModel, make: Make | None = None) -> float:
    """Between the logits of a crowd, which thins out on its way, and those of a batch in which nobody shares."""
    model = model.double()
    draws = np.random.default_rng(1)
    given = torch.from_numpy(draws.normal(size=(1, model.given_size))) if model.given_size else None
    widest = 0.0
    with evaluating(model):
        together: Crowd = (make or crowd)(model, SEQUENCES, given)  # type: ignore[arg-type]
        each = None if given is None else given.expand(SEQUENCES, -1)
        state = model.start(given)
        symbols = np.full(SEQUENCES, PAD)
        for _ in range(STEPS):
            alone, state = model.step(torch.from_numpy(symbols), state, each)
            logits, rows = together.feed(symbols)
            assert len(logits) * min(crowds.LEAVE, 1) <= len(symbols)
            widest = max(widest, (logits[torch.from_numpy(rows)] - alone).abs().max().item())
            chosen = np.flatnonzero(draws.random(len(symbols)) < 0.9)
            if len(chosen) < 2:
                break
            together.keep(chosen)
            state = model.select(state, torch.from_numpy(chosen))
            each = None if each is None else each[: len(chosen)]
            symbols = draws.integers(1, VOCAB, len(chosen)) % 4  # few symbols, so that many are alike
    return widest


@pytest.mark.parametrize("case", MODELS, ids=str)
def test_each_is_predicted_as_if_it_were_alone(case: Case) -> None:
    assert widest_gap(case.build()) < 1e-9


@pytest.mark.parametrize("table", [0, 1 << 30], ids=["sorted", "from a table"])
def test_however_the_pairs_are_found(table: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowds, "TABLE", table)
    monkeypatch.setattr(crowds, "LEAVE", 2.0)  # looked through to the end
    assert widest_gap(tree(3)) < 1e-9


@pytest.mark.parametrize("norm", ["batch", "layer"])
@pytest.mark.parametrize("leave", [0.0, 0.5, 1.0])
def test_whenever_sharing_ends(norm: Norm, leave: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowds, "LEAVE", leave)
    assert widest_gap(tree(3, norm)) < 1e-9


@pytest.mark.parametrize("case", MODELS, ids=str)
@pytest.mark.parametrize("count", [0, 1])
def test_few_items_of_any_model(case: Case, count: int) -> None:
    assert len(sample_block(case.build(), 1, Choice(max_length=5), (1,), 0, count)) == count


class ByTheRightAlone(Nodes):
    """Broken: nodes whose right children are alike are taken for one."""

    def _pairs(self, level: int, left: crowds._Spread, right: crowds._Spread) -> tuple[Tensor, Tensor, Rows]:
        different, firsts, nodes = np.unique(right.rows, return_index=True, return_inverse=True)
        return torch.from_numpy(left.rows[firsts]), torch.from_numpy(different), nodes


class WhoeverLeaves(Nodes):
    """Broken: those who stay get what those who left remembered."""

    def keep(self, chosen: Rows) -> None:
        super().keep(np.arange(len(chosen)))


class ByTheSymbolAlone(Beginnings):
    """Broken: sequences that are alike in their last symbol are taken for one."""

    def _next_rows(self, symbols: Rows) -> tuple[Rows, Rows]:
        _, firsts, rows = np.unique(symbols, return_index=True, return_inverse=True)
        return self._rows[firsts], rows


class NobodyMoves(Beginnings):
    """Broken: those who stay get the rows of those who left."""

    def keep(self, chosen: Rows) -> None:
        super().keep(np.arange(len(chosen)))


@pytest.mark.parametrize("twin", [ByTheRightAlone, WhoeverLeaves, ByTheSymbolAlone, NobodyMoves])
def test_a_broken_crowd_is_seen(twin: Make) -> None:
    assert widest_gap(tree(3), Nodes) < 1e-9
    assert widest_gap(tree(3), Beginnings) < 1e-9
    assert widest_gap(tree(3), twin) > 1e-3


def test_a_tree_computes_every_distinct_fusion_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    pairs = Nodes._pairs

    def spy(self: Nodes, level: int, left: crowds._Spread, right: crowds._Spread) -> tuple[Tensor, Tensor, Rows]:
        found = pairs(self, level, left, right)
        seen.append(len(found[0]))
        return found

    monkeypatch.setattr(Nodes, "_pairs", spy)
    texts = np.random.default_rng(2).integers(1, 4, (500, 4))  # three symbols: 9 pairs, 81 fours
    model = tree(2)
    with evaluating(model):
        together = crowd(model, len(texts))
        for column in texts.T:
            together.feed(column)
    assert seen == [3, 3, 9, 9, 9, 27, 9, 81]


def test_like_beginnings_share_a_row_and_finished_ones_leave_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    widths: list[int] = []
    model = tree(2, norm="layer")
    step = Tree.step
    monkeypatch.setattr(Tree, "step", lambda self, ids, *rest: (widths.append(len(ids)), step(self, ids, *rest))[1])
    draws = np.random.default_rng(3)
    texts = draws.integers(1, VOCAB, (400, 10))
    running, alive, begun = np.arange(400), [], []
    with evaluating(model):
        together = crowd(model, 400)
        assert isinstance(together, Beginnings)
        for place in range(10):
            together.feed(texts[running, place])
            begun += [len(np.unique(texts[running, : place + 1], axis=0))] if place < 3 else []
            alive.append(len(running))
            kept = np.flatnonzero(draws.random(len(running)) < 0.9)
            together.keep(kept)
            running = running[kept]
    assert widths[:3] == begun  # while many are alike, each beginning is computed once
    apart = list(zip(alive, widths, strict=True))[4:]
    assert all(there <= width <= there / LEAVE + 1 for there, width in apart)
    assert [width for _, width in apart] == sorted((width for _, width in apart), reverse=True)
    assert len({width for _, width in apart}) < len(apart)  # those who left are not taken out at every step
