"""The bench of generation, at a size that takes a moment."""

from __future__ import annotations

import json

import pytest

from wavetree.config import WaveNetConfig
from wavetree.experiments.bench_generate import REACHES, REFERENCE, bench_generate, dilations_that_see

TINY = WaveNetConfig(stacks=2, levels=3, channels=4, hidden=4, skip=4, norm="none")


def test_the_bench_at_tiny_size() -> None:
    said: list[str] = []
    found = bench_generate(said.append, TINY, levels=(1, 3), reaches=(9, 16), samples=50)
    assert json.loads(json.dumps(found.document()))["realtime"] == found.realtime == found.samples_per_second / 16_000
    assert found.network["sees"] == 15
    assert [(cost.levels, cost.sees) for cost in found.by_levels] == [(1, 2), (3, 8)]
    assert [(cost.levels, cost.sees) for cost in found.by_reach] == [(6, 9), (6, 16)]
    costs = [cost for row in (*found.by_levels, *found.by_reach) for cost in (row.compiled, row.torch, row.naive)]
    assert min(costs) > 0
    assert found.near_and_far > 0
    assert any("x real time" in line for line in said)


@pytest.mark.parametrize("reach", [31, 64, 65, 100, 1023, 3070, 4096])
def test_dilations_see_what_is_asked(reach: int) -> None:
    network = REFERENCE.model_copy(update={"dilations": dilations_that_see(30, reach)})
    assert WaveNetConfig.model_validate(network.model_dump()).all_dilations == network.dilations  # no hole
    assert 1 + sum(network.all_dilations) == reach


@pytest.mark.parametrize(("levels", "reach"), [(30, 30), (3, 9)])
def test_a_reach_that_cannot_be(levels: int, reach: int) -> None:
    with pytest.raises(ValueError, match="cannot see exactly"):
        dilations_that_see(levels, reach)


def test_the_reference_is_the_network_that_public_code_is_timed_with() -> None:
    assert len(REFERENCE.all_dilations) == 30
    assert 1 + sum(REFERENCE.all_dilations) == 3070
    assert all(dilations_that_see(30, reach) for reach in REACHES)
