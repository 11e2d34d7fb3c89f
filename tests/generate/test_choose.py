"""How a symbol is chosen, against the slow way: sort, add up, cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wavetree.errors import SettingError
from wavetree.generate import Choice
from wavetree.generate.sampler import choose, narrowed, uniforms

VOCAB = 7
logits_of = st.lists(st.floats(-8, 8), min_size=VOCAB, max_size=VOCAB)


def slow_probabilities(logits: list[float], choice: Choice) -> list[float]:
    """The distribution that the symbol comes from."""
    highest = max(logits)
    weights = [math.exp((x - highest) / choice.temperature) for x in logits]
    order = sorted(range(len(weights)), key=lambda i: (-weights[i], i))
    kept = order[: choice.top_k] if choice.top_k else order
    mass = sum(weights[i] for i in kept)
    if choice.top_p:
        reached, enough = 0.0, []
        for i in kept:
            if reached >= choice.top_p * mass:
                break
            enough.append(i)
            reached += weights[i]
        kept = enough
    mass = sum(weights[i] for i in kept)
    return [weights[i] / mass if i in kept else 0.0 for i in range(len(weights))]


@given(
    logits=logits_of,
    temperature=st.floats(0.2, 4),
    top_k=st.none() | st.integers(1, VOCAB + 2),
    top_p=st.none() | st.sampled_from([0.011, 0.333, 0.517, 0.913, 0.987]),
)
def test_narrowed_is_the_slow_one(logits: list[float], temperature: float, top_k: int | None, top_p: float) -> None:
    choice = Choice(temperature=temperature, top_k=top_k, top_p=top_p)
    scaled = torch.tensor([logits], dtype=torch.float64) / temperature
    found = narrowed(torch.softmax(scaled, dim=1), choice)
    assert (found / found.sum())[0].tolist() == pytest.approx(slow_probabilities(logits, choice), abs=1e-12)


@pytest.mark.parametrize(
    ("top_p", "top_k", "kept"),
    [
        *((0.39, None, 1), (0.41, None, 2), (0.69, None, 2), (0.71, None, 3), (0.91, None, 4), (1.0, None, 4)),
        *((0.57, 2, 1), (0.58, 2, 2), (1.0, 2, 2)),  # a share of what top-k has left: 0.4 of 0.7
    ],
)
def test_top_p_keeps_the_fewest_that_reach_it(top_p: float, top_k: int | None, kept: int) -> None:
    probabilities = torch.tensor([[0.1, 0.4, 0.2, 0.3]], dtype=torch.float64)
    found = narrowed(probabilities, Choice(top_p=top_p, top_k=top_k))
    assert found.tolist() == [[p if p > 0.45 - 0.1 * kept else 0.0 for p in probabilities[0].tolist()]]


@given(logits=logits_of, uniform=st.floats(0, 1, exclude_max=True))
def test_a_symbol_is_where_the_random_number_falls(logits: list[float], uniform: float) -> None:
    (chosen,) = choose(torch.tensor([logits], dtype=torch.float64), np.array([uniform]), Choice())
    edges = np.cumsum(slow_probabilities(logits, Choice()))
    assert edges[chosen] > uniform - 1e-12
    assert chosen == 0 or edges[chosen - 1] <= uniform + 1e-12


def test_the_ends_of_the_range_are_symbols_that_may_come() -> None:
    """0 is no symbol of probability zero before the first, and the largest number below 1 is none after the last."""
    logits = torch.tensor([[-torch.inf, 0.0, 1.0, -torch.inf]], dtype=torch.float64)
    assert choose(logits, np.array([0.0, np.nextafter(1, 0)]), Choice()).tolist() == [1, 2]


@pytest.mark.parametrize("choice", [Choice(temperature=0), Choice(top_k=1), Choice(top_p=1e-9)])
def test_the_likeliest_symbol(choice: Choice) -> None:
    logits = torch.tensor([[0.1, 3.0, 2.9], [5.0, -1.0, 4.9], [-7.0, -7.0, -6.9]])
    for uniform in (0.0, 0.5, 0.999999):
        assert choose(logits, np.full(3, uniform), choice).tolist() == [1, 0, 2]
    assert choose(logits[:1], np.full(4, 0.7), choice).tolist() == [1] * 4  # one prediction for all


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-310])
def test_a_low_temperature_is_the_likeliest_symbol(temperature: float) -> None:
    logits = torch.tensor([[-1.0, 3.0, 2.0], [-9.0, -1.0, -0.5]])
    assert choose(logits, np.array([0.3, 0.999]), Choice(temperature=temperature)).tolist() == [1, 2]


def test_a_high_temperature_is_every_symbol_alike() -> None:
    logits = torch.tensor([[0.0, 3.0, 2.0, -5.0]])
    uniform = (np.arange(400) + 0.5) / 400
    counts = np.bincount(choose(logits, uniform, Choice(temperature=100)), minlength=4)
    assert abs(counts - 100).max() <= 6


@pytest.mark.parametrize("count", [1, 2, 50])
def test_equal_symbols_share_top_k_by_their_order(count: int) -> None:
    """Exactly k are kept where more are alike."""
    found = narrowed(torch.full((count, 5), 0.2, dtype=torch.float64), Choice(top_k=2))
    assert found.tolist() == [[0.2, 0.2, 0, 0, 0]] * count


def test_random_numbers_follow_from_their_coordinates() -> None:
    block = uniforms(seed=3, place=2, first=0, count=100)
    assert uniforms(3, 2, 40, 10).tolist() == block[40:50].tolist()
    assert uniforms(3, 2, 10**12, 1).tolist() == uniforms(3, 2, 10**12 - 5, 6)[5:].tolist()
    assert set(block) & set(uniforms(3, 3, 0, 100)) == set()
    assert set(block) & set(uniforms(4, 2, 0, 100)) == set()
    assert 0 <= block.min() < block.max() < 1


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"temperature": math.inf}, "temperature"),
        ({"top_k": 0}, "top-k"),
        ({"top_p": 0.0}, "top-p"),
        ({"top_p": 1.1}, "top-p"),
        ({"top_p": math.nan}, "top-p"),
        ({"max_length": 0}, "max-length"),
    ],
)
def test_a_choice_without_meaning_is_refused(settings: dict[str, float], name: str) -> None:
    with pytest.raises(SettingError, match=f"{name} cannot be"):
        Choice(**settings)  # type: ignore[arg-type]
