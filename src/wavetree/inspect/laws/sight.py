"""Laws 2 and 3: what a prediction sees. Nothing later than its own symbol; of the earlier ones exactly R."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.data.packing import PackedItems, PackedRow
from wavetree.inspect.laws.finding import SEED, Finding, Gap, Model, exact, some_codec
from wavetree.layers import BatchNorm
from wavetree.models import evaluating

CAUSAL = "2 causal"
FIELD = "3 receptive field"

MARGIN = 3
"""How far a row goes beyond the receptive field, on either side of the prediction that is looked at."""
EVERYWHERE = 64
"""Up to this R every position is changed; beyond it those where a mistake of one would show, and a few more."""


class Items(Protocol):
    """What a packing of items offers (see data/packing.py)."""

    def __len__(self) -> int: ...

    def row(self, chosen: npt.NDArray[np.int64]) -> PackedRow: ...


Pack = Callable[[Sequence[str], AlphabetCodec], Items]


def causal(model: Model) -> list[Finding]:
    """Law 2: a symbol that changes leaves every earlier logit of the dense run the same to the last bit."""
    model = exact(model)
    field = model.receptive_field
    ids = _random_row(model, field + MARGIN)  # (1, T)
    time = ids.shape[1]
    places = range(1, time) if field <= EVERYWHERE else (1, 2, field // 2, field - 1, field, time - 1)
    gap = Gap()
    with evaluating(model):
        logits = model.dense(ids)[0]  # (T, V)
        for place in places:
            gap.between(model.dense(_changed(ids, place, model))[0, :place], logits[:place])
    return [gap.finding(CAUSAL, f"logits before a changed symbol, {len(places)} places", tolerance=0)]


def targets_unseen(model: Model, pack: Pack = PackedItems) -> list[Finding]:
    """Law 2, end to end: a training step's logits do not depend on their targets, nor on another item.

    Whole items go the way that a training step takes: packed by `pack`, prepared, run. Then one item is changed at one
    place. From the rows themselves follows where the first target differs: up to there, and in all the other items,
    the logits must stay. A batch norm looks at the whole batch while it trains, so only models without one are also
    held to this in training mode.
    """
    model = exact(model)
    gaps = {"evaluation": Gap()}
    if not any(isinstance(module, BatchNorm) for module in model.modules()):
        gaps["training"] = Gap()
    codec = some_codec(model)
    rng = np.random.default_rng(SEED)
    items = [codec.decode(rng.integers(1, model.vocab_size, n)) for n in (1, 6, 0, min(model.receptive_field, 8) + 1)]
    for mode, gap in gaps.items():
        model.train(mode == "training")
        before = _logits_and_targets(model, pack(items, codec))
        for i, item in enumerate(items):
            for other in _variants(item, codec):
                after = _logits_and_targets(model, pack([*items[:i], other, *items[i + 1 :]], codec))
                for k, ((old, old_targets), (new, new_targets)) in enumerate(zip(before, after, strict=True)):
                    shared = min(len(old_targets), len(new_targets))
                    differ = np.flatnonzero(old_targets[:shared] != new_targets[:shared])
                    same = differ[0] + 1 if len(differ) else len(old_targets) if k != i else 0
                    gap.between(new[:same], old[:same])
    return [gap.finding(CAUSAL, f"logits with other targets, {mode} mode") for mode, gap in gaps.items()]


def field_is_exact(model: Model) -> list[Finding]:
    """Law 3: the prediction depends on its last R symbols, on each of them, and on no other.

    Measured twice: by which symbols change the logits when they change, and by which embedded symbols the gradient of
    its logits is not zero (a model that embeds nothing has none). The difference is the number of symbols about which
    a measurement and R disagree.
    """
    model = exact(model)
    field = model.receptive_field
    ids = _random_row(model, field + 2 * MARGIN)  # (1, T)
    end = (
        field + MARGIN
    )  # the prediction looked at: it has `MARGIN` symbols more than it may see before it, and later ones
    seen = np.zeros(ids.shape[1], dtype=bool)
    seen[end - field + 1 : end + 1] = True

    edges = [end - field, end - field + 1, end - field // 2, end, end + 1]
    places = range(len(seen)) if field <= EVERYWHERE else edges
    by_change = Gap()
    with evaluating(model):
        logits = model.dense(ids)[0, end]  # (V,)
        wrong = [bool((model.dense(_changed(ids, p, model))[0, end] != logits).any()) != seen[p] for p in places]
    by_change.add(float(sum(wrong)), len(wrong))
    findings = [by_change.finding(FIELD, f"R = {field:,} with {len(places)} changed symbols", tolerance=0)]
    if any(isinstance(module, nn.Embedding) for module in model.modules()):
        moved = _gradient(model, ids, end).ne(0).any(dim=1).numpy()  # (T,)
        by_gradient = Gap().add(float((moved != seen).sum()), len(seen))
        findings.append(by_gradient.finding(FIELD, f"R = {field:,} with the gradient's support", tolerance=0))
    return findings


def _gradient(model: Model, ids: Tensor, place: int) -> Tensor:
    """The gradient (T, E) of a random mixture of the logits at `place` by the embedded symbols of ids (1, T).

    Every position gets a symbol of its own, with the vector of the one that it stands for: then the gradient by the
    embedding is that by the positions, whatever way the model looks them up.
    """
    apart = copy.deepcopy(model)
    (embedding,) = (module for module in apart.modules() if isinstance(module, nn.Embedding))
    vectors = embedding.weight.detach()  # (V, E)
    embedding.weight = nn.Parameter(torch.cat([vectors[PAD : PAD + 1], vectors[ids[0]]]))  # (1 + T, E)
    logits = apart.dense(torch.arange(1, 1 + ids.shape[1])[None])[0, place]  # (V,)
    mixture = torch.from_numpy(np.random.default_rng(SEED).normal(size=model.vocab_size))
    (gradient,) = torch.autograd.grad(logits @ mixture, embedding.weight)
    return gradient[1:]


def _logits_and_targets(model: Model, items: Items) -> list[tuple[Tensor, npt.NDArray[np.int64]]]:
    """For each item its logits (T, V) and its targets (T,), in one packed row of all items."""
    row = items.row(np.arange(len(items)))
    with torch.no_grad():
        logits = model.packed(model.prepare(row.ids, row.ages))  # (N, V)
    starts = [*np.flatnonzero(row.ages == 0).tolist(), len(row.ages)]
    return [(logits[a:b], row.targets[a:b]) for a, b in pairwise(starts)]


def _variants(item: str, codec: AlphabetCodec) -> list[str]:
    """Texts that differ from `item` first at each of its places, the end included: ended, changed or gone on there."""
    symbols = codec.symbols
    ended = [item[:place] for place in range(len(item))]
    following = {symbol: symbols[(i + 1) % len(symbols)] for i, symbol in enumerate(symbols)}
    changed = [item[:place] + following[item[place]] + item[place + 1 :] for place in range(len(item))]
    return [text for text in [*ended, *changed, item + symbols[0]] if text != item]


def _random_row(model: Model, time: int) -> Tensor:
    """Symbols (1, T), none of them pad."""
    return torch.from_numpy(np.random.default_rng(SEED).integers(1, model.vocab_size, (1, time)))


def _changed(ids: Tensor, place: int, model: Model) -> Tensor:
    """The same with another symbol at `place`: pad, if there is but one."""
    changed = ids.clone()
    changed[:, place] = 1 + changed[:, place] % (model.vocab_size - 1) if model.vocab_size > 2 else PAD
    return changed
