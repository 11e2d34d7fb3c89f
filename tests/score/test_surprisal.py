"""The score of a string: the sum of its steps, in any batch and any order; and probabilities over all strings."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.laws.cases import MODELS, Case, tree

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.inspect.laws import Model
from wavetree.score import Scored, scores
from wavetree.score import surprisal as room
from wavetree.score.along import UNKNOWN, advance, along, beginning, in_blocks

CODEC = AlphabetCodec("abcde")
ITEMS = ["", "a", "abcde", "edcba" * 9, "aab", "x", "a?b", "é" * 3 + "ab", "abc\U0001f600d", "aab", "\x00b"]
TOLERANCE = 1e-9
SINGLE = 1e-4
"""Nats a symbol by which single precision may be off."""

Score = Callable[[Model, AlphabetCodec, Sequence[str]], Scored]


def wide(model: Model) -> Model:
    return copy.deepcopy(model).double()


def ids_of(item: str, codec: AlphabetCodec = CODEC) -> list[int]:
    return [codec.symbols.find(symbol) + 1 or UNKNOWN for symbol in item]


def by_steps(model: Model, item: str, codec: AlphabetCodec = CODEC) -> list[float]:
    """Of each symbol and of the end."""
    position, found = beginning(model), []
    for symbol in [*ids_of(item, codec), PAD]:
        nats, position = advance(model, symbol, position)
        found.append(nats)
    return found


def is_the_sum_of_its_steps(model: Model, score: Score) -> None:
    found = score(model, CODEC, ITEMS)
    for index, item in enumerate(ITEMS):
        steps = by_steps(model, item)
        assert found[index].symbols == len(item) + 1
        np.testing.assert_allclose(found[index].surprisal, steps, atol=TOLERANCE, rtol=0)
        np.testing.assert_allclose(found[index].nats, sum(steps), atol=TOLERANCE * len(steps), rtol=0)
        np.testing.assert_allclose(found.nats[index], sum(steps), atol=TOLERANCE * len(steps), rtol=0)


def is_the_same_in_any_batch_and_order(model: Model, score: Score) -> None:
    together = score(model, CODEC, ITEMS)
    order = np.random.default_rng(2).permutation(len(ITEMS))
    shuffled = score(model, CODEC, [ITEMS[i] for i in order])
    for place, i in enumerate(order.tolist()):
        alone = score(model, CODEC, [ITEMS[i]])
        for other in (alone[0], shuffled[place]):
            np.testing.assert_allclose(together[i].surprisal, other.surprisal, atol=TOLERANCE, rtol=0)


def adds_up_over_all_strings(model: Model, score: Score, symbols: int = 2, longest: int = 6) -> None:
    """All strings up to `longest`, and all beginnings that are one longer: together the probability is one."""
    codec = AlphabetCodec("abcde"[:symbols])
    total, totals = 0.0, [0.0]
    for length in range(longest + 1):
        strings = ["".join(letters) for letters in itertools.product(codec.symbols, repeat=length)]
        total += float(np.exp(-score(model, codec, strings).nats).sum())
        totals.append(total)
    longer = ["".join(letters) for letters in itertools.product(codec.symbols, repeat=longest + 1)]
    found = score(model, codec, longer)
    beginnings = sum(np.exp(-found[i].surprisal[:-1].sum()) for i in range(len(found)))
    assert all(np.diff(totals) > 0)
    assert total < 1
    assert total + beginnings == pytest.approx(1, abs=TOLERANCE)


@pytest.mark.parametrize("case", MODELS, ids=str)
def test_the_laws_of_a_score(case: Case) -> None:
    model = wide(case.build())
    is_the_sum_of_its_steps(model, scores)
    is_the_same_in_any_batch_and_order(model, scores)
    adds_up_over_all_strings(wide(case.build(vocab_size=3)), scores)


@pytest.mark.parametrize("case", MODELS, ids=str)
def test_single_precision_is_close(case: Case) -> None:
    model = case.build()
    single, double = scores(model, CODEC, ITEMS), scores(wide(model), CODEC, ITEMS)
    np.testing.assert_allclose(single.surprisal, double.surprisal, atol=SINGLE, rtol=0)


# --- broken on purpose


def no_end(model: Model, codec: AlphabetCodec, items: Sequence[str]) -> Scored:
    found = scores(model, codec, items)
    nats = found.surprisal.copy()
    nats[found.ends - 1] = 0
    return replace(found, surprisal=nats)


def neighbours_seen(model: Model, codec: AlphabetCodec, items: Sequence[str]) -> Scored:
    """As if all items were one, with marks between."""
    position, found = beginning(model), []
    for symbol in itertools.chain.from_iterable([*ids_of(item, codec), PAD] for item in items):
        nats, position = advance(model, symbol, position)
        found.append(nats)
    return Scored(items, np.array(found), scores(model, codec, items).ends)


def unknown_left_out(model: Model, codec: AlphabetCodec, items: Sequence[str]) -> Scored:
    return scores(model, codec, ["".join(s for s in item if s in codec.symbols) for item in items])


def stops_at_unknown(model: Model, codec: AlphabetCodec, items: Sequence[str]) -> Scored:
    found = scores(model, codec, items)
    return replace(found, surprisal=np.maximum.accumulate(np.where(np.isinf(found.surprisal), np.inf, 0)))


def means(model: Model, codec: AlphabetCodec, items: Sequence[str]) -> Scored:
    found = scores(model, codec, items)
    return replace(found, surprisal=found.surprisal / np.repeat(found.symbols, found.symbols))


@pytest.mark.parametrize("twin", [no_end, neighbours_seen, unknown_left_out, stops_at_unknown, means])
def test_a_broken_score_is_not_the_sum_of_its_steps(twin: Score) -> None:
    with pytest.raises(AssertionError):
        is_the_sum_of_its_steps(wide(tree(2)), twin)


def test_a_score_that_sees_its_neighbours_depends_on_the_batch() -> None:
    with pytest.raises(AssertionError):
        is_the_same_in_any_batch_and_order(wide(tree(2)), neighbours_seen)


@pytest.mark.parametrize("twin", [no_end, neighbours_seen, means])
def test_a_broken_score_does_not_add_up(twin: Score) -> None:
    with pytest.raises(AssertionError):
        adds_up_over_all_strings(wide(tree(2, vocab_size=3)), twin, longest=4)


# --- streams, limits


@pytest.mark.parametrize("case", MODELS, ids=str)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_stream_in_blocks_is_the_one_pass(case: Case, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = wide(case.build())
    ids = np.random.default_rng(4).integers(0, 6, 200)
    ids[[50, 51, 199]] = UNKNOWN
    position, steps = beginning(model), []
    for symbol in ids.tolist():
        nats, position = advance(model, symbol, position)
        steps.append(nats)
    monkeypatch.setattr("wavetree.score.along.PIECE", 33)
    pieces = np.split(ids, [0, 1, 60, 61, 130])
    np.testing.assert_allclose(np.concatenate(list(along(model, pieces))), steps, atol=TOLERANCE, rtol=0)
    blocks = list(in_blocks(along(model, pieces), size))
    assert [block.begin for block in blocks] == list(range(0, 200, size))
    assert [block.end for block in blocks] == [*range(size, 200, size), 200]
    for block in blocks:
        np.testing.assert_allclose(block.nats, sum(steps[block.begin : block.end]), atol=TOLERANCE * size, rtol=0)
    assert sum(block.unknown for block in blocks) == 3


def test_a_position_is_a_value() -> None:
    model = wide(tree(3))
    start = beginning(model)
    _, after = advance(model, 1, start)
    first = advance(model, 2, after)[0]
    advance(model, 3, after)
    assert advance(model, 2, after)[0] == first
    assert float(torch.exp(-start.surprisal).sum()) == pytest.approx(1)


def test_memory_is_bounded_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = wide(tree(2))
    whole = scores(model, CODEC, ITEMS)
    passes: list[list[int]] = []
    one_pass = room._pass

    def watched(model: Model, known: room.Ids, unknown: object, lengths: room.Ids, given: object) -> room.Wide:
        passes.append(lengths.tolist())
        return one_pass(model, known, unknown, lengths, given)  # type: ignore[arg-type]

    monkeypatch.setattr(room, "_pass", watched)
    for most in (1, 10, 57):
        passes.clear()
        monkeypatch.setattr(room, "CHUNK_NUMBERS", most * room.LEAST_WIDTH)
        np.testing.assert_allclose(scores(model, CODEC, ITEMS).surprisal, whole.surprisal, atol=TOLERANCE, rtol=0)
        assert list(itertools.chain.from_iterable(passes)) == [len(item) + 1 for item in ITEMS]
        assert all(sum(lengths) <= most or len(lengths) == 1 for lengths in passes)


def test_no_items() -> None:
    found = scores(tree(2), CODEC, [])
    assert (len(found), found.nats.shape, found.symbols.shape) == (0, (0,), (0,))


def test_what_is_unknown_is_named_and_blamed() -> None:
    item = scores(tree(2), CODEC, ["aé\U0001f600éb"])[0]
    assert item.unknown == "é\U0001f600"
    assert item.nats == item.bits_per_symbol == np.inf
    assert item.blame(2) == [(1, "é", np.inf), (2, "\U0001f600", np.inf)]
    assert item.blame(9)[-1][2] == np.sort(item.surprisal)[0]
    assert {symbol for _, symbol, _ in scores(tree(2), CODEC, ["a"])[0].blame()} == {"a", ""}


def test_any_alphabet_is_found() -> None:
    codec = AlphabetCodec.of(["日本a", "👩‍🚀", "\U0010ffffé", "\x00"])
    text = "日x本a👩\U0001f681é\x00\u3001"
    ids, unknown = room.encoded(text, codec)
    assert ids.tolist() == [codec.symbols.find(symbol) + 1 for symbol in text]
    assert unknown.tolist() == [symbol not in codec.symbols for symbol in text]
