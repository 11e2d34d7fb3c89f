"""The graph of a packed row: every distinct context is one node, and stands for the symbols it should."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.codecs import PAD
from wavetree.models.graph import FusionGraph, fusion_graph

VOCAB = 4

items_of = st.lists(st.lists(st.integers(1, VOCAB - 1), max_size=12), min_size=1, max_size=8)


def graph_of(items: Sequence[Sequence[int]], levels: int, vocab_size: int = VOCAB) -> FusionGraph:
    rows = [[PAD, *item] for item in items]
    ids = np.concatenate([np.array(row, dtype=np.int64) for row in rows])
    return fusion_graph(ids, np.concatenate([np.arange(len(row)) for row in rows]), levels, vocab_size)


def contexts(items: Sequence[Sequence[int]], length: int) -> list[tuple[int, ...]]:
    """At every position of every item the last `length` symbols, pad before the beginning."""
    padded = [[PAD] * length + list(item) for item in items]
    return [tuple(row[place : place + length]) for row in padded for place in range(len(row) - length + 1)]


def spelt(graph: FusionGraph, vocab_size: int = VOCAB) -> list[list[tuple[int, ...]]]:
    """For each level the symbols that each of its nodes stands for, by following its children down."""
    levels: list[list[tuple[int, ...]]] = [[(symbol,) for symbol in range(vocab_size)]]
    for left, right in graph.children:
        below = levels[-1]
        levels.append([below[a] + below[b] for a, b in zip(left.tolist(), right.tolist(), strict=True)])
    return levels


@given(items=items_of, levels=st.integers(1, 4))
def test_nodes_are_the_distinct_contexts(items: list[list[int]], levels: int) -> None:
    graph = graph_of(items, levels)
    assert len(graph.children) == levels
    nodes = spelt(graph)
    for level in range(1, levels + 1):
        assert sorted(nodes[level]) == sorted(set(contexts(items, 2**level)))  # each of them, and once
    assert [nodes[levels][node] for node in graph.top.tolist()] == contexts(items, 2**levels)


def test_items_share_what_they_have_in_common() -> None:
    """anna and anne: the end of a name makes no node, and the common beginning is fused once."""
    items = [[1, 2, 2, 1], [1, 2, 2, 3]]
    graph = graph_of(items, 2)
    pairs, quads = (len(left) for left, _ in graph.children)
    assert pairs == len({(0, 0), (0, 1), (1, 2), (2, 2), (2, 1), (2, 3)})
    assert quads == 6
    assert graph.top.shape == (10,)
    assert graph.top[:4].tolist() == graph.top[5:9].tolist()
    assert graph.top[4] != graph.top[9]


@pytest.mark.parametrize("size", [1, 3])
def test_empty_items(size: int) -> None:
    graph = graph_of([[]] * size, 3)
    assert [len(left) for left, _ in graph.children] == [1, 1, 1]
    assert graph.top.tolist() == [0] * size


def test_a_large_alphabet_does_not_overflow() -> None:
    """Pairs are numbered left * count + right: far below 2**63 for any row that fits in memory."""
    vocab_size = 5001
    items = [list(range(1, vocab_size)), list(range(vocab_size - 1, 0, -1))]
    graph = graph_of(items, 2, vocab_size)
    nodes = spelt(graph, vocab_size)
    assert [nodes[2][node] for node in graph.top.tolist()] == contexts(items, 4)
