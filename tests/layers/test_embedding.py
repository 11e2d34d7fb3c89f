"""Symbols and what is told of them: one vector for each."""

from __future__ import annotations

import pytest
import torch

from wavetree.layers import SymbolEmbedding


def test_without_conditions_it_is_a_table() -> None:
    embedding = SymbolEmbedding(5, 3, given_size=0)
    ids = torch.tensor([[4, 0], [2, 2]])
    assert torch.equal(embedding(ids), embedding.weight[ids])
    assert set(embedding.state_dict()) == {"weight"}


def test_a_class_is_a_table_of_its_own() -> None:
    """A one in its column adds this column; nothing told is all zeros, and adds nothing."""
    embedding = SymbolEmbedding(5, 3, given_size=4)
    assert embedding.given is not None
    ids, given = torch.tensor([1, 1, 3]), torch.zeros(3, 4)
    given[1, 2] = 1
    given[2, 0] = given[2, 3] = 1
    found, table = embedding(ids, given), embedding.given.weight.T  # (G, C)
    assert torch.allclose(found[0], embedding.weight[1])
    assert torch.allclose(found[1], embedding.weight[1] + table[2])
    assert torch.allclose(found[2], embedding.weight[3] + table[0] + table[3])
    assert torch.allclose(embedding(ids), embedding.weight[ids])


@pytest.mark.parametrize("shape", [(1, 1, 4), (2, 1, 4), (2, 6, 4), (6, 4)])
def test_conditions_broadcast(shape: tuple[int, ...]) -> None:
    embedding = SymbolEmbedding(5, 3, given_size=4)
    ids, given = torch.zeros(2, 6, dtype=torch.int64), torch.randn(shape)
    assert torch.allclose(embedding(ids, given), embedding(ids, given.expand(2, 6, 4)), atol=1e-6)
