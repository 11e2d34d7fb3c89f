"""The stages of every model: what each says that its vectors have seen, against what changing symbols shows."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
import torch
from tests.laws.cases import Case, flat_case, transformer_case, tree_case, wavenet_case
from torch import Tensor, nn

from wavetree.inspect.laws import Model
from wavetree.layers import GatedBlock
from wavetree.models import Stage, evaluating

CASES = [
    tree_case(1, "batch"),
    tree_case(3, "batch"),
    tree_case(4, "layer"),
    flat_case(context=1, layers=1, norm="batch"),
    flat_case(context=5, layers=2, norm="layer"),
    flat_case(context=8, layers=3, norm="batch"),
    transformer_case(context=1, layers=2),
    transformer_case(context=4, layers=1),
    transformer_case(context=3, layers=3),
    tree_case(2, "batch", given_size=2),
    wavenet_case("1-stack", levels=3),
    wavenet_case("2-stacks", stacks=2, levels=2, norm="none"),
    wavenet_case("kernel-3", stacks=2, levels=2, kernel=3),
    wavenet_case("any-dilations", given_size=2, dilations=(4, 1, 1, 2)),
]
HOLES = {"wavenet-any-dilations": [[8], [4, 8], [3, 4, 7, 8], [2, 3, 4, 6, 7, 8]]}
"""What the first stages see of a window of 9, where that is not simply its last symbols."""


def last_vectors(model: Model, window: Tensor) -> list[Tensor]:
    """Of a window (1, R) the last vector that each stage hands on, in order."""
    kept: dict[str, Tensor] = {}

    def keep(stage: Stage) -> None:
        def hook(_: nn.Module, __: object, out: Any) -> None:
            if isinstance(stage.layer, GatedBlock):
                x = torch.cat(tuple(out), dim=-1)  # (1, T, C + S), what goes up and what goes out
            else:
                x = out if isinstance(out, Tensor) else out[0]  # (1, T, C) or (1, C)
            kept[stage.name] = x.reshape(-1, x.shape[-1])[-1]

        hooks.callback(stage.layer.register_forward_hook(hook).remove)

    with evaluating(model), ExitStack() as hooks:
        state = model.start()
        for stage in model.stages:
            keep(stage)
        assert state is not None
        model.window(window)
    return [kept[stage.name] for stage in model.stages]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_stage_sees_what_it_says(case: Case) -> None:
    """Exactly the last `sees` symbols of a window, each of them; or as many, where it has holes."""
    model = case.build().double()
    field = model.receptive_field
    window = torch.randint(1, model.vocab_size, (1, field), generator=torch.Generator().manual_seed(1))
    still = last_vectors(model, window)
    seen: list[list[int]] = [[] for _ in model.stages]
    for place in range(field):
        other = window.clone()
        other[0, place] = other[0, place] % (model.vocab_size - 1) + 1
        for places, before, after in zip(seen, still, last_vectors(model, other), strict=True):
            if not torch.equal(before, after):
                places.append(place)
    wanted = [[*range(field - stage.sees, field)] for stage in model.stages]
    holes = HOLES.get(case.name, [])
    assert seen == [*holes, *wanted[len(holes) :]]
    assert list(map(len, seen)) == [stage.sees for stage in model.stages]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_stages_in_order(case: Case) -> None:
    """Each sees no less than the one before, the last one everything; names are told apart."""
    stages = case.build().stages
    sees = [stage.sees for stage in stages]
    assert sees == sorted(sees)
    assert (sees[0], sees[-1]) == (1, case.build().receptive_field)
    assert len({stage.name for stage in stages}) == len(stages)
