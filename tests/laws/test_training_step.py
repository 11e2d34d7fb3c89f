"""Law 2, end to end, on the training step itself: the logits that a step learns from do not know their targets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from tests.laws import twins
from torch import Tensor

from wavetree.codecs import AlphabetCodec
from wavetree.config import Config, ModelConfig, TrainConfig, TreeConfig, WaveNetConfig
from wavetree.data.packing import PackedItems
from wavetree.models import Tree, WaveNet
from wavetree.models.graph import FusionGraph
from wavetree.train.batches import ItemBatches
from wavetree.train.training import Shape, Training

CODEC = AlphabetCodec("abc")
MODELS: dict[str, ModelConfig] = {
    "tree": TreeConfig(levels=2, embedding=4, hidden=6, norm="layer"),  # a batch norm may look at the whole batch
    "wavenet": WaveNetConfig(levels=2, channels=4, hidden=6, skip=5),
    "wavenet, kernel 3": WaveNetConfig(dilations=(2, 1), kernel=3, channels=4, hidden=6, skip=5, norm="none"),
}
ITEMS = ["abca", "b", "", "cab"]

Pack = Callable[[list[str], AlphabetCodec], PackedItems]


def learnt_from(
    model: str, items: list[str], pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> tuple[Tensor, Tensor, list[int]]:
    """The logits of the first training step, its targets, and the order of the items in it."""
    seen: list[Tensor] = []
    config = Config(model=MODELS[model], train=TrainConfig(steps=3, batch_items=4))
    kind = Tree if model == "tree" else WaveNet
    run: Callable[..., Tensor] = kind.packed

    def spy(self: Tree | WaveNet, graph: FusionGraph, given: Tensor | None = None) -> Tensor:
        seen.append(run(self, graph, given))
        return seen[-1]

    batches = ItemBatches(pack(items, CODEC), len(items), seed=1)
    training = Training.begin(config, Shape(CODEC.vocab_size), steps=3, threads=1)
    with monkeypatch.context() as patch:
        patch.setattr(kind, "packed", spy)
        training.advance(batches[0], config)
    (logits,) = seen
    return logits.detach(), torch.from_numpy(batches[0].targets), batches.chosen(0).tolist()


def leaks(model: str, pack: Pack, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many predictions moved although nothing but their own target, or what comes after it, is another."""
    logits, targets, order = learnt_from(model, ITEMS, pack, monkeypatch)
    moved = 0
    for i, item in enumerate(ITEMS):
        for place in range(len(item)):
            other = item[:place] + {"a": "b", "b": "c", "c": "a"}[item[place]] + item[place + 1 :]
            others = [*ITEMS[:i], other, *ITEMS[i + 1 :]]
            new_logits, new_targets, new_order = learnt_from(model, others, pack, monkeypatch)
            assert new_order == order
            changed = int(np.flatnonzero(targets != new_targets)[0])  # of the row: the items have the same lengths
            start = sum(len(ITEMS[k]) + 1 for k in order[: order.index(i)])
            rest = start + len(item) + 1
            same = [*range(changed + 1), *range(rest, len(targets))]
            moved += int((logits[same] - new_logits[same]).abs().amax(dim=1).gt(1e-6).sum())
    return moved


@pytest.mark.parametrize("model", MODELS)
def test_a_training_step_does_not_see_its_targets(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert leaks(model, PackedItems, monkeypatch) == 0


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("twin", [twins.TargetsAsInputs, twins.InputsAsTargets])
def test_a_leak_is_seen(model: str, twin: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert leaks(model, twin, monkeypatch) > 0
