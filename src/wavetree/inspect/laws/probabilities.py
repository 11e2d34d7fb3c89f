"""Law 5: probabilities add up, over symbols, along a string and over all strings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.data.packing import PackedItems
from wavetree.evaluate import Loss, exact_loss
from wavetree.inspect.laws.conditions import ways
from wavetree.inspect.laws.finding import SEED, Finding, Gap, Model, exact, some_codec
from wavetree.models import evaluating

LAW = "5 probabilities"

LONGEST = 4
"""The strings that are enumerated have up to this many symbols."""
TOGETHER = 64
"""The longest string whose score is compared with the sum of its steps."""

Score = Callable[[Model, PackedItems], Loss]


def probabilities_add_up(model: Model, score: Score = exact_loss) -> list[Finding]:
    """Law 5, of the losses that `score` gives.

    Along a string: its nats are the sum of those of its steps. Over strings: of all strings that use the first two
    symbols of the alphabet (or the only one) and have up to n symbols, the total probability never exceeds one and
    grows with n; and it is one with what is missing added: to have left for another symbol, or still to be running.
    If the model takes conditions, the same under one.
    """
    return [
        replace(finding, compared=finding.compared + how)
        for how, way in ways(exact(model))
        for finding in _add_up(way, score)
    ]


def _add_up(model: Model, score: Score) -> list[Finding]:
    codec = some_codec(model)

    def nats(*items: str) -> float:
        return score(model, PackedItems(items, codec)).nats

    with evaluating(model):
        return [_steps(model, codec, nats), *_strings(model, codec, nats)]


def _steps(model: Model, codec: AlphabetCodec, nats: Callable[..., float]) -> Finding:
    rng = np.random.default_rng(SEED)
    lengths = (0, 1, 3, min(model.receptive_field, TOGETHER) + 1)
    items = [codec.decode(rng.integers(1, model.vocab_size, n)) for n in lengths]
    gap, total = Gap(), 0.0
    for item in items:
        state, alone = model.start(), 0.0
        ids = codec.encode(item).tolist()
        for symbol, following in zip([PAD, *ids], [*ids, PAD], strict=True):
            logits, state = model.step(torch.tensor([symbol]), state)  # (1, V)
            alone -= torch.log_softmax(logits, dim=1)[0, following].item()
        gap.add(abs(nats(item) - alone) / (len(item) + 1))
        total += alone
    gap.add(abs(nats(*items) - total) / sum(len(item) + 1 for item in items))
    return gap.finding(LAW, "nats a symbol, by the score with by steps")


def _strings(model: Model, codec: AlphabetCodec, nats: Callable[..., float]) -> list[Finding]:
    symbols = codec.symbols[:2]
    strings, state = [""], model.start()
    reached = torch.zeros(1, dtype=torch.float64)  # (K,), log of the probability that an item begins with each string
    last = torch.full((1,), PAD)  # (K,)
    ended, totals, left, off = 0.0, [0.0], 0.0, Gap()
    for _ in range(LONGEST + 1):
        logits, state = model.step(last, state)  # (K, V)
        ahead = reached[:, None] + torch.log_softmax(logits, dim=1)  # (K, V)
        for text in strings:
            ended += math.exp(-nats(text))
        totals.append(ended)
        left += ahead[:, len(symbols) + 1 :].exp().sum().item()
        running = ahead[:, 1 : len(symbols) + 1]  # (K, 2)
        off.add(abs(ended + left + running.exp().sum().item() - 1), len(strings))
        strings = [text + symbol for text in strings for symbol in symbols]
        state = model.select(state, torch.arange(len(logits)).repeat_interleave(len(symbols)))
        reached = running.flatten()  # (2 K,)
        last = torch.arange(1, len(symbols) + 1).repeat(len(logits))
    rises = np.diff(totals)
    above = Gap().add(
        max(0.0, *(total - 1 for total in totals)) if np.isfinite(totals).all() else math.nan, len(totals)
    )
    flat = Gap().add(float((~(rises > 0)).sum()), len(rises))
    return [
        off.finding(LAW, f"ended + left + running, to {LONGEST} symbols: 1"),
        above.finding(LAW, "the total over strings above 1"),
        flat.finding(LAW, "lengths that add nothing to the total", tolerance=0),
    ]
