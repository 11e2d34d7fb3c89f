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
from wavetree.inspect.laws.conditions import BY_ITEM, Told, by_symbol, some_conditions
from wavetree.inspect.laws.finding import ROUNDING, SEED, Finding, Gap, Model, exact, some_codec
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
    """Law 2: a symbol that changes leaves every earlier logit of the dense run the same to the last bit.

    So does what is given with a symbol.
    """
    model = exact(model)
    field = model.receptive_field
    ids = _random_row(model, field + MARGIN)  # (1, T)
    time = ids.shape[1]
    places = range(1, time) if field <= EVERYWHERE else (1, 2, field // 2, field - 1, field, time - 1)
    gaps = {"symbol": Gap()}
    with evaluating(model):
        logits = model.dense(ids)[0]  # (T, V)
        for place in places:
            gaps["symbol"].between(model.dense(_changed(ids, place, model))[0, :place], logits[:place])
        if model.given_size:
            gaps["condition"], told = Gap(), by_symbol(model, 1, time)
            logits = model.dense(ids, told.given, told.before)[0]  # (T, V)
            for place in places:
                told_later = model.dense(ids, _retold(told, place), told.before)[0]  # (T, V)
                gaps["condition"].between(told_later[:place], logits[:place])
    return [
        gap.finding(CAUSAL, f"logits before a changed {what}, {len(places)} places", tolerance=0)
        for what, gap in gaps.items()
    ]


def targets_unseen(model: Model, pack: Pack = PackedItems) -> list[Finding]:
    """Law 2, end to end: a training step's logits do not depend on their targets, nor on another item.

    Whole items go the way that a training step takes: packed by `pack`, prepared, run. Then one item is changed at one
    place. From the rows themselves follows where the first target differs: up to there, and in all the other items,
    the logits must stay. If the model takes conditions, the same for items that are told one each; and then, what one
    is told must leave the others. A batch norm looks at the whole batch while it trains, so only models without one are
    also held to this in training mode. Dropout is off: its noise depends on the shape of the row, which is no leak.
    """
    model = exact(model)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    codec = some_codec(model)
    rng = np.random.default_rng(SEED)
    items = [codec.decode(rng.integers(1, model.vocab_size, n)) for n in (1, 6, 0, min(model.receptive_field, 8) + 1)]
    normed = any(isinstance(module, BatchNorm) for module in model.modules())
    modes = ["evaluation"] if normed else ["evaluation", "training"]
    told = some_conditions(model, len(items)) if model.given_size else None  # (M, G)
    findings = [_other_targets(model, mode, items, codec, pack, None) for mode in modes]
    if told is not None:
        findings += [_other_targets(model, mode, items, codec, pack, told) for mode in modes]
        findings += [_other_conditions(model, mode, pack(items, codec), told) for mode in modes]
    return findings


def _other_targets(
    model: Model, mode: str, items: Sequence[str], codec: AlphabetCodec, pack: Pack, told: Tensor | None
) -> Finding:
    model.train(mode == "training")
    gap = Gap()
    before = _logits_and_targets(model, pack(items, codec), told)
    for i, item in enumerate(items):
        for other in _variants(item, codec):
            after = _logits_and_targets(model, pack([*items[:i], other, *items[i + 1 :]], codec), told)
            for k, ((old, old_targets), (new, new_targets)) in enumerate(zip(before, after, strict=True)):
                shared = min(len(old_targets), len(new_targets))
                differ = np.flatnonzero(old_targets[:shared] != new_targets[:shared])
                same = differ[0] + 1 if len(differ) else len(old_targets) if k != i else 0
                gap.between(new[:same], old[:same])
    return gap.finding(CAUSAL, f"logits with other targets{'' if told is None else BY_ITEM}, {mode} mode")


def _other_conditions(model: Model, mode: str, packed: Items, told: Tensor) -> Finding:
    model.train(mode == "training")
    gap = Gap()
    before = _logits_and_targets(model, packed, told)
    for i in range(len(packed)):
        otherwise = told.clone()
        otherwise[i] += 1
        after = _logits_and_targets(model, packed, otherwise)
        for k, ((old, _), (new, _)) in enumerate(zip(before, after, strict=True)):
            if k != i:
                gap.between(new, old)
    return gap.finding(CAUSAL, f"logits with other conditions of other items, {mode} mode")


def field_is_exact(model: Model) -> list[Finding]:
    """Law 3: the prediction depends on its last R symbols, on each of them, and on no other.

    Measured twice: by which symbols change the logits when they change, and by which embedded symbols the gradient of
    its logits is not zero (a model that embeds nothing has none). The difference is the number of symbols about which
    a measurement and R disagree. A symbol whose effect, by the gradient, is lost in rounding, as that of the oldest
    may be after thirty levels, is not changed. If the model takes conditions, each counts as the symbol that it is
    given with; and the last prediction that sees what held before is number R - 2.
    """
    model = exact(model)
    field = model.receptive_field
    ids = _random_row(model, field + 2 * MARGIN)  # (1, T)
    # The prediction looked at has `MARGIN` symbols more than it may see before it, and later ones.
    end = field + MARGIN
    seen = np.zeros(ids.shape[1], dtype=bool)
    seen[end - field + 1 : end + 1] = True

    def compare(what: str, of: str, change: Callable[[int | None], Tensor], pull: Tensor | None) -> list[Finding]:
        edges = [end - field, end - field + 1, end - field // 2, end, end + 1]
        places = range(len(seen)) if field <= EVERYWHERE else edges
        looked = [p for p in places if pull is None or pull[p] == 0 or pull[p] >= ROUNDING]
        with evaluating(model):
            still = change(None)  # (V,)
            wrong = sum(bool((change(p) != still).any()) != seen[p] for p in looked)
        by_change = Gap().add(float(wrong), len(looked))
        findings = [by_change.finding(FIELD, f"R = {field:,} with {len(looked)} changed {what}", tolerance=0)]
        if pull is not None:
            by_gradient = Gap().add(float((pull.ne(0).numpy() != seen).sum()), len(seen))
            findings.append(by_gradient.finding(FIELD, f"R = {field:,} with the gradient's support{of}", tolerance=0))
        return findings

    def symbol_changed(place: int | None) -> Tensor:
        return model.dense(ids if place is None else _changed(ids, place, model))[0, end]

    embeds = any(isinstance(module, nn.Embedding) for module in model.modules())
    findings = compare("symbols", "", symbol_changed, _pull_of_symbols(model, ids, end) if embeds else None)
    if not model.given_size:
        return findings
    told = by_symbol(model, 1, ids.shape[1])

    def condition_changed(place: int | None) -> Tensor:
        return model.dense(ids, told.given if place is None else _retold(told, place), told.before)[0, end]

    pull, _ = _pull_of_conditions(model, ids, told, end)
    findings += compare("conditions", " of conditions", condition_changed, pull)
    ends = range(max(0, field - 2), field)
    held = [bool(_pull_of_conditions(model, ids, told, p)[1] != 0) != (p == field - 2) for p in ends]
    by_before = Gap().add(float(sum(held)), len(held))
    return [*findings, by_before.finding(FIELD, f"R = {field:,} with what held before", tolerance=0)]


def _mixture(model: Model) -> Tensor:
    """The weights (V,) of a random mixture of logits."""
    return torch.from_numpy(np.random.default_rng(SEED).normal(size=model.vocab_size))


def _pull_of_symbols(model: Model, ids: Tensor, place: int) -> Tensor:
    """The size (T,) of the gradient of a random mixture of the logits at `place` by each embedded symbol of ids (1, T).

    Every position gets a symbol of its own, with the vector of the one that it stands for: then the gradient by the
    embedding is that by the positions, whatever way the model looks them up.
    """
    apart = copy.deepcopy(model)
    (embedding,) = (module for module in apart.modules() if isinstance(module, nn.Embedding))
    vectors = embedding.weight.detach()  # (V, E)
    embedding.weight = nn.Parameter(torch.cat([vectors[PAD : PAD + 1], vectors[ids[0]]]))  # (1 + T, E)
    logits = apart.dense(torch.arange(1, 1 + ids.shape[1])[None])[0, place]  # (V,)
    (gradient,) = torch.autograd.grad(logits @ _mixture(model), embedding.weight)
    return gradient[1:].abs().amax(dim=1)


def _pull_of_conditions(model: Model, ids: Tensor, told: Told, place: int) -> tuple[Tensor, Tensor]:
    """The same by what is given with each symbol, (T,), and by what held before, ()."""
    given, before = (x.clone().requires_grad_() for x in (told.given, told.before) if x is not None)
    logits = model.dense(ids, given, before)[0, place]  # (V,)
    by_given, by_before = torch.autograd.grad(
        logits @ _mixture(model),
        (given, before),
        materialize_grads=True,  # zeros where one is not seen
    )
    return by_given[0].abs().amax(dim=1), by_before.abs().amax()


def _logits_and_targets(model: Model, items: Items, told: Tensor | None) -> list[tuple[Tensor, npt.NDArray[np.int64]]]:
    """For each item its logits (T, V) and its targets (T,), in one packed row of all items; `told` (M, G) of each."""
    row = items.row(np.arange(len(items)))
    first = row.ages == 0
    with torch.no_grad():
        prepared = model.prepare(row.ids, row.ages, None if told is None else np.cumsum(first) - 1)
        logits = model.packed(prepared, told)  # (N, V)
    starts = [*np.flatnonzero(first).tolist(), len(row.ages)]
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


def _retold(told: Told, place: int) -> Tensor:
    """What is given, with other numbers at `place`."""
    assert told.given is not None
    given = told.given.clone()
    given[:, place] += 1
    return given
