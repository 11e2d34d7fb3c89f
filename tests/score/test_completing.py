"""Completions: beside enumeration, for every model."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import torch
from tests.laws.cases import MODELS, Case, tree

from wavetree.codecs import AlphabetCodec
from wavetree.errors import SettingError, WavetreeError
from wavetree.score import completing, scores
from wavetree.score.along import advance, beginning
from wavetree.score.completing import completions

CODEC = AlphabetCodec("abc")
LONGEST = 5


@pytest.mark.parametrize("prefix", ["", "b", "ca"])
@pytest.mark.parametrize("case", MODELS, ids=str)
def test_they_are_the_likeliest_of_all(case: Case, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = copy.deepcopy(case.build(vocab_size=4)).double()
    ends = ["".join(end) for n in range(LONGEST + 1 - len(prefix)) for end in itertools.product("abc", repeat=n)]
    nats = scores(model, CODEC, [prefix + end for end in ends]).nats
    position, before = beginning(model), 0.0
    for symbol in CODEC.encode(prefix).tolist():
        found, position = advance(model, symbol, position)
        before += found
    order = np.argsort(nats)[:12]
    for together in (1, 3, 64):
        monkeypatch.setattr(completing, "TOGETHER", together)
        made = completions(model, CODEC.encode(prefix).tolist(), 12, max_length=LONGEST)
        np.testing.assert_allclose([-one.log_probability for one in made], nats[order] - before, atol=1e-9)
        assert [CODEC.decode(one.ids) for one in made] == [prefix + ends[i] for i in order]
    assert sum(one.probability for one in made) <= 1


def test_a_condition_holds_for_all() -> None:
    model = copy.deepcopy(next(case for case in MODELS if "conditioned" in case.name).build(vocab_size=4)).double()
    told = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64)
    made = completions(model, [], 5, told, max_length=4)
    nats = scores(model, CODEC, [CODEC.decode(one.ids) for one in made], told).nats
    np.testing.assert_allclose([-one.log_probability for one in made], nats, atol=1e-9)
    assert made != completions(model, [], 5, max_length=4)


def test_limits() -> None:
    model = tree(2, vocab_size=4)
    assert len(completions(model, [1, 2], 99, max_length=2)) == 1
    assert len(completions(model, [], 99, max_length=2)) == 13
    with pytest.raises(WavetreeError, match="more than 20 beginnings"):
        completions(model, [], 500, max_length=8, most_open=20)
    with pytest.raises(SettingError, match="ask for 1"):
        completions(model, [], 0)
    with pytest.raises(SettingError, match="max-length is 1"):
        completions(model, [1, 2], 1, max_length=1)
