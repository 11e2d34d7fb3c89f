"""The graph of a packed row: every distinct context is one node, and stands for the symbols it should."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavetree.codecs import PAD
from wavetree.models import history
from wavetree.models.graph import FusionGraph, fusion_graph

VOCAB = 4

items_of = st.lists(st.lists(st.integers(1, VOCAB - 1), max_size=12), min_size=1, max_size=8)
reaches_of = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True), max_size=4)
Context = tuple[int, ...]


def halving(levels: int) -> list[list[int]]:
    return [[1 << level] for level in range(levels)]


def graph_of(
    items: Sequence[Sequence[int]],
    reaches: Sequence[Sequence[int]],
    vocab_size: int = VOCAB,
    groups: Sequence[int] | None = None,
) -> FusionGraph:
    """`groups` has one number for each item."""
    rows = [[PAD, *item] for item in items]
    ids = np.concatenate([np.array(row, dtype=np.int64) for row in rows])
    ages = np.concatenate([np.arange(len(row)) for row in rows])
    numbers = None if groups is None else np.repeat(groups, [len(row) for row in rows])
    return fusion_graph(ids, ages, numbers, reaches, vocab_size)


def contexts(items: Sequence[Sequence[int]], length: int) -> list[Context]:
    """At every position of every item the last `length` symbols, pad before the beginning."""
    padded = [[PAD] * length + list(item) for item in items]
    return [tuple(row[place : place + length]) for row in padded for place in range(len(row) - length + 1)]


def reached(items: Sequence[Sequence[int]], reaches: Sequence[Sequence[int]]) -> list[Context]:
    """At every position the symbols that a node stands for, by the reaches of its levels, pad before the beginning."""
    back = [0]  # how far back, in the order of the paths
    for reach in reversed(reaches):
        back = [b + far for b in back for far in (*reach, 0)]
    far = max(back)
    padded = [[PAD] * far + [PAD, *item] for item in items]
    return [tuple(row[place - b] for b in back) for row in padded for place in range(far, len(row))]


def spelt(graph: FusionGraph) -> list[list[Context]]:
    """For each level the symbols that each of its nodes stands for, by following its children down."""
    levels: list[list[Context]] = [[(symbol,) for symbol in graph.leaves.tolist()]]
    for children in graph.children:
        below = levels[-1]
        nodes = zip(*(column.tolist() for column in children), strict=True)
        levels.append([sum((below[child] for child in node), start=()) for node in nodes])
    return levels


def conditions(graph: FusionGraph) -> list[list[set[int]]]:
    """For each level the groups that are mixed in each of its nodes."""
    levels = [[{group} for group in graph.groups.tolist()]]
    for children in graph.children:
        below = levels[-1]
        nodes = zip(*(column.tolist() for column in children), strict=True)
        levels.append([set().union(*(below[child] for child in node)) for node in nodes])
    return levels


@given(items=items_of, levels=st.integers(1, 4))
def test_nodes_are_the_distinct_contexts(items: list[list[int]], levels: int) -> None:
    graph = graph_of(items, halving(levels))
    assert len(graph.children) == levels
    nodes = spelt(graph)
    for level in range(1, levels + 1):
        assert sorted(nodes[level]) == sorted(set(contexts(items, 2**level)))  # each of them, and once
    assert [nodes[levels][node] for node in graph.top.tolist()] == contexts(items, 2**levels)


@given(items=items_of, reaches=reaches_of)
def test_any_reaches(items: list[list[int]], reaches: list[list[int]]) -> None:
    graph = graph_of(items, reaches)
    nodes = spelt(graph)
    for level in range(1, len(reaches) + 1):
        assert set(nodes[level]) == set(reached(items, reaches[:level]))
    assert [nodes[-1][node] for node in graph.top.tolist()] == reached(items, reaches)
    assert not graph.groups.any()


@given(items=items_of, reaches=reaches_of, data=st.data())
def test_conditions_share_no_node(items: list[list[int]], reaches: list[list[int]], data: st.DataObject) -> None:
    """And within a condition the nodes are shared just as without any."""
    groups = data.draw(st.lists(st.integers(0, 3), min_size=len(items), max_size=len(items)))
    graph = graph_of(items, reaches, groups=groups)
    nodes, told = spelt(graph), conditions(graph)
    assert all(len(mixed) == 1 for level in told for mixed in level)
    by_position = np.repeat(groups, [len(item) + 1 for item in items]).tolist()
    found = [(nodes[-1][node], told[-1][node]) for node in graph.top.tolist()]
    assert found == [(spelling, {group}) for spelling, group in zip(reached(items, reaches), by_position, strict=True)]
    for level, children in enumerate(graph.children):
        alone = [
            graph_of([item for item, g in zip(items, groups, strict=True) if g == group], reaches).children[level][0]
            for group in set(groups)
        ]
        assert len(children[0]) == sum(map(len, alone))


def test_items_share_what_they_have_in_common() -> None:
    """anna and anne: the end of a name makes no node, and the common beginning is fused once."""
    items = [[1, 2, 2, 1], [1, 2, 2, 3]]
    graph = graph_of(items, halving(2))
    pairs, quads = (len(left) for left, _ in graph.children)
    assert pairs == len({(0, 0), (0, 1), (1, 2), (2, 2), (2, 1), (2, 3)})
    assert quads == 6
    assert graph.top.shape == (10,)
    assert graph.top[:4].tolist() == graph.top[5:9].tolist()
    assert graph.top[4] != graph.top[9]


@pytest.mark.parametrize("size", [1, 3])
def test_empty_items(size: int) -> None:
    graph = graph_of([[]] * size, halving(3))
    assert [len(left) for left, _ in graph.children] == [1, 1, 1]
    assert graph.top.tolist() == [0] * size


def test_a_large_alphabet_does_not_overflow() -> None:
    """Nor many children: numbers of nodes are read as digits, and counted off anew before they outgrow 64 bits."""
    vocab_size = 5001
    items = [list(range(1, vocab_size)), list(range(vocab_size - 1, 0, -1))]
    for reaches in (halving(2), [[1], [8, 6, 4, 2]], [[*range(15, 0, -1)]]):
        graph = graph_of(items, reaches, vocab_size)
        nodes = spelt(graph)
        assert [nodes[-1][node] for node in graph.top.tolist()] == reached(items, reaches)


@given(items_of, st.integers(1, 4), st.lists(st.integers(0, 8), max_size=3))
def test_shares_of_a_row_count_every_node_once(items: list[list[int]], levels: int, cuts: list[int]) -> None:
    """Each share predicts what the whole predicts there, and each node counts in the first share that has it."""
    whole = graph_of(items, halving(levels))
    ends = np.cumsum([0, *(len(item) + 1 for item in items)])
    borders = sorted({0, len(items), *(min(cut, len(items)) for cut in cuts)})
    counted: list[list[Context]] = [[] for _ in range(levels)]
    for begin, end in pairwise(borders):
        share = graph_of(items[:end], halving(levels)).after(int(ends[begin]))
        nodes = spelt(share)
        tops = [nodes[-1][node] for node in share.top.tolist()]
        wanted = [spelt(whole)[-1][node] for node in whole.top.tolist()]
        assert tops == wanted[ends[begin] : ends[end]]
        for level, (held, own) in enumerate(zip(nodes[1:], share.counted, strict=True)):
            assert own is not None
            assert len(held) == len(set(held)) >= own
            counted[level] += held[:own]
    for found, everything in zip(counted, spelt(whole)[1:], strict=True):
        assert sorted(found) == sorted(everything)


@pytest.mark.parametrize("most", [1 << 62, 5_000, 50])
def test_rows_are_told_apart_where_their_numbers_would_outgrow_what_fits(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.random.default_rng(3).integers(0, 7, (300, 5))
    wanted = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    monkeypatch.setattr(history, "MOST", most)
    first, chosen = history.distinct_rows(rows, 7)
    assert np.array_equal(first, wanted[1])
    assert np.array_equal(chosen, wanted[2].reshape(-1))
