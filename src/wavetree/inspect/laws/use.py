"""Laws 6 and 10: what a model is used for. Samples follow from the seed alone; evaluation leaves no trace."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from wavetree.data.packing import PackedItems
from wavetree.evaluate import Loss, exact_loss
from wavetree.generate import Choice, Sampled, sample_block
from wavetree.inspect.laws.conditions import ways
from wavetree.inspect.laws.finding import Finding, Gap, Model, exact, some_codec

SEEDS = "6 seeds"
UNTOUCHED = "10 evaluation"

ITEMS = 8
CUTS: tuple[tuple[tuple[int, int], ...], ...] = (
    tuple((first, 1) for first in range(ITEMS)),
    ((5, 3), (0, 5)),
    ((5, 2), (7, 1), (3, 2), (0, 3)),
)
"""Ways to ask for the same items: blocks of (first, count), in the order in which they are asked for."""
DRAWN: dict[str, tuple[Choice, tuple[int, ...]]] = {
    "freely": (Choice(max_length=12), ()),
    "narrowed, from a prefix": (Choice(temperature=1.3, top_k=4, top_p=0.9, max_length=12), (1, 1)),
}
"""How they are drawn."""

Block = Callable[[Model, int, Choice, Sequence[int], int, int], list[Sampled]]


def seeds_repeat(model: Model, block: Block = sample_block) -> list[Finding]:
    """Law 6: an item follows from the seed and its number, whatever the batch that it is in and whatever came before.

    The difference is the number of items that came out otherwise. If the model takes conditions, the same under one.
    """
    return [finding for how, way in ways(exact(model)) for finding in _repeat(way, how, block)]


def _repeat(model: Model, how: str, block: Block) -> list[Finding]:
    findings = []
    for name, (choice, prefix) in DRAWN.items():
        wanted = block(model, 1, choice, prefix, 0, ITEMS)
        gap = Gap()
        for cut in CUTS:
            found = {
                first + i: item
                for first, count in cut
                for i, item in enumerate(block(model, 1, choice, prefix, first, count))
            }
            gap.add(float(sum(not _alike(found.get(i), item) for i, item in enumerate(wanted))), len(wanted))
        findings.append(gap.finding(SEEDS, f"{len(CUTS)} other cuts, {name}{how}", tolerance=0))
    return findings


def _alike(one: Sampled | None, other: Sampled) -> bool:
    return one is not None and one.ended == other.ended and one.ids.tolist() == other.ids.tolist()


def evaluation_leaves_alone(model: Model, evaluate: Callable[[Model, PackedItems], Loss] = exact_loss) -> list[Finding]:
    """Law 10: `evaluate` changes no weight, statistic, gradient or mode, and runs no layer in training mode.

    The difference is the number of tensors, modes and layer runs that are not as they should be.
    """
    codec = some_codec(model)
    items = PackedItems([codec.symbols[:n] for n in (1, 0, 3, 5)], codec)
    findings = []
    for mode, trained in {"training": (True, True), "evaluation": (False, False), "mixed": (True, False)}.items():
        used = exact(model)
        for i, module in enumerate(used.modules()):
            module.training = trained[i % 2]
        tensors, modes = copy.deepcopy(used.state_dict()), [module.training for module in used.modules()]
        ran: list[bool] = []

        def watch(module: nn.Module, _: Any, ran: list[bool] = ran) -> None:
            ran.append(module.training)

        hooks = [module.register_forward_pre_hook(watch) for module in used.modules()]
        evaluate(used, items)
        for hook in hooks:
            hook.remove()
        now = used.state_dict()
        gap = Gap().add(sum(ran), len(ran))
        gap.add(sum(not torch.equal(tensor, now[name]) for name, tensor in tensors.items()), len(tensors))
        gap.add(sum(p.grad is not None for p in used.parameters()))
        gap.add(sum(m.training != was for m, was in zip(used.modules(), modes, strict=True)), len(modes))
        findings.append(gap.finding(UNTOUCHED, f"{mode} mode, before and after", tolerance=0))
    return findings
