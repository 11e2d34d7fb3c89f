"""The WaveNet: names on disk (law 8), sizes, any dilations, and the window that halves."""

from __future__ import annotations

import itertools
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from wavetree.codecs import PAD
from wavetree.config import FlatConfig, TransformerConfig, WaveNetConfig, configure
from wavetree.errors import SettingError
from wavetree.models import WaveNet, build, evaluating, parameter_count

GOLDEN = Path(__file__).parent / "wavenet_names.json"
"""Names and shapes of the tensors on disk, by norm. They are a contract: a change needs a new format version."""
SMALL = WaveNetConfig(levels=3, channels=32, hidden=24, skip=40)


def shapes(model: nn.Module) -> dict[str, list[int]]:
    return {name: list(tensor.shape) for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "norm", "given_size"), [("layer", "layer", 0), ("none", "none", 0), ("conditioned", "layer", 5)]
)
def test_names_and_shapes_are_those_of_the_contract(name: str, norm: str, given_size: int) -> None:
    model = build(SMALL.model_copy(update={"norm": norm}), 27, 1, given_size)
    assert shapes(model) == json.loads(GOLDEN.read_text("utf-8"))[name]
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}


def test_parameters_by_hand() -> None:
    """The last level has no residual."""
    channels, hidden, skip = 32, 24, 40
    gate = 2 * hidden * (2 * channels + 1)
    residual, out, norm = (hidden + 1) * channels, (hidden + 1) * skip, 2 * channels
    head = 2 * skip + (skip + 1) * skip + (skip + 1) * 27
    wanted = 27 * channels + 3 * (norm + gate + out) + 2 * residual + head
    assert parameter_count(build(SMALL, 27, 1)) == wanted
    assert parameter_count(build(SMALL, 27, 1, given_size=5)) == wanted + 5 * channels


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"levels": 10, "stacks": 3}, 3070),
        ({"levels": 1}, 2),
        ({"levels": 4}, 16),
        ({"levels": 2, "stacks": 2, "kernel": 3}, 13),
        ({"dilations": (4, 1, 1, 2)}, 9),
        ({"dilations": (1, 3), "kernel": 4}, 13),
    ],
)
def test_how_far_back_it_sees(settings: dict[str, object], field: int) -> None:
    config = WaveNetConfig.model_validate({"channels": 2, "hidden": 2, "skip": 2, **settings})
    model = build(config, 5, 1)
    assert model.receptive_field == field
    assert [len(ring) for ring in model.start()] == [(config.kernel - 1) * d for d in config.all_dilations]
    assert model.stages[-1].sees == field


@pytest.mark.parametrize(("name", "norm"), [("layer", "layer"), ("none", "none")])
def test_matrices_are_those_between_hidden_vectors(name: str, norm: str) -> None:
    model = build(SMALL.model_copy(update={"norm": norm}), 27, 1)
    wanted = [p for n, p in model.named_parameters() if p.ndim == 2 and not n.startswith(("embedding", "output"))]
    assert {id(matrix) for matrix in model.matrices} == {id(p) for p in wanted}
    assert len(model.matrices) == len(wanted) == 3 + 2 + 3 + 1
    assert [id(block) for block in model.blocks] == [id(block) for block in model.levels]


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("given_size", [0, 3])
def test_the_first_state_fits_any_batch(batch: int, given_size: int) -> None:
    model = build(SMALL, 9, 1, given_size)
    ids = torch.arange(batch)
    with evaluating(model):
        stepped, _ = model.step(ids, model.start())
        chosen, _ = model.step(ids, model.select(model.start(), torch.zeros(batch, dtype=torch.int64)))
        assert model.dense(ids[:, None]).shape == (batch, 1, 9)
        assert model.dense(torch.zeros(batch, 0, dtype=torch.int64)).shape == (batch, 0, 9)
    assert torch.equal(stepped, chosen)


def test_the_first_predictions_are_unsure() -> None:
    model = build(WaveNetConfig(), 27, 1)
    with evaluating(model):
        logits = model.dense(torch.randint(27, (4, 20), generator=torch.Generator().manual_seed(1)))
    assert logits.std() < 0.2


def test_weights_follow_from_the_seed_alone() -> None:
    one, again, other = (build(SMALL, 27, seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True))
    assert not torch.equal(one.embedding.weight, other.embedding.weight)


# --- any dilations


@st.composite
def without_holes(draw: st.DrawFn) -> WaveNetConfig:
    """Lists of which each, once sorted, begins no further back than the ones before it reach; in any order."""
    kernel, seen, dilations = draw(st.integers(2, 4)), 1, []
    for _ in range(draw(st.integers(1, 5))):
        dilations.append(draw(st.integers(max([1, *dilations]), max(seen, *dilations, 1))))
        seen += (kernel - 1) * dilations[-1]
    return WaveNetConfig(
        dilations=tuple(draw(st.permutations(dilations))),
        kernel=kernel,
        channels=3,
        hidden=2,
        skip=4,
        norm=draw(st.sampled_from(["layer", "none"])),
    )


@given(config=without_holes(), data=st.data())
@torch.no_grad()
def test_the_window_run_is_the_dense_run(config: WaveNetConfig, data: st.DataObject) -> None:
    model = build(config, 4, data.draw(st.integers(0, 99))).double().eval()
    field = model.receptive_field
    ids = torch.tensor([data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=12))])  # (1, T)
    padded = torch.cat([torch.full((1, field - 1), PAD), ids], dim=1)[0]
    windows = padded.unfold(0, field, 1)  # (T, R)
    assert (model.window(windows) - model.dense(ids)[0]).abs().max() <= 1e-12


@given(dilations=st.lists(st.integers(1, 9), min_size=1, max_size=4), kernel=st.integers(2, 4))
def test_lists_are_refused_for_holes_and_nothing_else(dilations: list[int], kernel: int) -> None:
    """And the first hole is named."""
    paths = itertools.product(*(range(0, kernel * dilation, dilation) for dilation in dilations))
    reached = set(map(sum, paths))
    holes = set(range(max(reached))) - reached
    changes = [f"model.kernel={kernel}", f"model.dilations={','.join(map(str, dilations))}"]
    if not holes:
        assert configure("names", ["model.kind=wavenet", *changes]).model.kind == "wavenet"
    else:
        with pytest.raises(SettingError, match=f"the symbol {min(holes)} back is never seen: add one of at most"):
            configure("names", ["model.kind=wavenet", *changes])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["dilations=1,4"], "with the dilations 1, 4 the symbol 2 back is never seen: add one of at most 2"),
        (["dilations=2"], "with the dilations 2 the symbol 1 back is never seen: add one of at most 1"),
        (["dilations=8,1,2", "kernel=3"], "the symbol 7 back is never seen: add one of at most 7"),
        (["dilations=1,2,x"], "model.dilations"),
        (["dilations=0"], "model.dilations"),
        (["stacks=64", "levels=16"], "more than 256 levels"),
        (["levels=16", "stacks=16", "kernel=3"], "more than 1,048,576 symbols"),
        (["kernel=1"], "model.kernel"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(settings: list[str], sentence: str) -> None:
    with pytest.raises(SettingError) as refused:
        configure("names", ["model.kind=wavenet", *(f"model.{setting}" for setting in settings)])
    assert sentence in str(refused.value)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("text", ["1,2,4,1,2,4", "1, 2, 4, 1, 2, 4"])
def test_dilations_as_the_command_gives_them(text: str) -> None:
    changes = ["model.kind=wavenet", f"model.dilations={text}"]
    config = configure("names", changes).model
    assert isinstance(config, WaveNetConfig)
    assert config.all_dilations == (1, 2, 4, 1, 2, 4) == WaveNetConfig(stacks=2, levels=3).all_dilations


@pytest.mark.parametrize("config", [FlatConfig(), TransformerConfig()])
def test_others_take_no_conditions(config: FlatConfig | TransformerConfig) -> None:
    with pytest.raises(SettingError, match="takes no conditions: choose tree or wavenet"):
        build(config, 9, 1, given_size=2)


# --- the window


def handed_on(model: WaveNet) -> list[int]:
    """How many vectors each block hands on in the window run."""
    counts: list[int] = []

    def count(_: nn.Module, __: object, out: Any) -> None:
        up, skips = out
        assert up.shape[:2] == skips.shape[:2]
        counts.append(skips.shape[1])

    with ExitStack() as hooks, evaluating(model):
        for block in model.blocks:
            hooks.callback(block.register_forward_hook(count).remove)
        model.window(torch.zeros(2, model.receptive_field, dtype=torch.int64))
    return counts


@pytest.mark.parametrize("levels", [1, 2, 5, 8])
def test_the_window_of_a_single_stack_halves_at_every_level(levels: int) -> None:
    model = build(WaveNetConfig(levels=levels, channels=2, hidden=2, skip=2), 5, 1)
    assert handed_on(model) == [model.receptive_field >> level for level in range(1, levels + 1)]


def test_other_windows_keep_what_is_needed_above() -> None:
    model = build(WaveNetConfig(stacks=2, levels=3, channels=2, hidden=2, skip=2), 5, 1)
    assert handed_on(model) == [14, 12, 8, 4, 2, 1]
    wide = build(WaveNetConfig(dilations=(1, 3, 9), kernel=3, channels=2, hidden=2, skip=2), 5, 1)
    assert handed_on(wide) == [9, 3, 1]


def test_none_is_a_norm_and_takes_other_settings_away() -> None:
    assert configure("text", ["model.norm=none"]).model.norm == "none"  # type: ignore[union-attr]
    back = configure("text", ["model.dilations=1,2", "model.dilations=none"]).model
    assert isinstance(back, WaveNetConfig)
    assert back.dilations is None
