"""What the model thread does for a request: from a run in memory and checked values to a document."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wavetree.api import given_by
from wavetree.codecs import PAD, AlphabetCodec
from wavetree.errors import SymbolError
from wavetree.generate import Choice, sample_block
from wavetree.generate.sampler import narrowed
from wavetree.inspect import PAD_SHOWN, as_python, flip, layer_table, next_symbols, open_fusion
from wavetree.models import Tree, evaluating
from wavetree.score import ItemScore, scores
from wavetree.score.completing import completions
from wavetree.score.surprisal import NATS_A_BIT
from wavetree.serve.model_thread import Pieces
from wavetree.serve.refusals import Refusal
from wavetree.serve.shelf import Loaded

Ids = npt.NDArray[np.int64]

PLACES = 4
"""Decimal places of bits and nats, as in `wavetree score --json-lines`."""
BLOCK = 64
"""Items that are sampled in one piece."""
PATIENCE = 200
"""Draws for each new item that is asked for."""
MOST_OPEN = 50_000
"""Beginnings that a completion keeps."""
PIECE = 1 << 14
"""Symbols that are scored in one piece."""


@dataclass(frozen=True)
class Scoring:
    """Strings of one request, the score above which one is flagged, and whether a condition is told."""

    items: list[str]
    flagged_above: float
    told: bool


def score_together(loaded: Loaded, given: Tensor | None) -> Callable[[Sequence[Scoring]], list[list[dict[str, Any]]]]:
    """Scores of the strings of several requests, in one pass."""

    def work(asked: Sequence[Scoring]) -> list[list[dict[str, Any]]]:
        found = scores(loaded.trained.model, loaded.alphabet, [item for one in asked for item in one.items], given)
        answers, begin = [], 0
        for one in asked:
            end = begin + len(one.items)
            answers.append(_judged(loaded, one, [found[i] for i in range(begin, end)]))
            begin = end
        return answers

    return work


def _judged(loaded: Loaded, asked: Scoring, found: Sequence[ItemScore]) -> list[dict[str, Any]]:
    calibration = loaded.calibration(asked.told)
    nats = np.array([one.nats for one in found])
    standard = calibration.expected.score(nats, np.array([one.symbols for one in found]))
    ranks = calibration.ranks(standard)
    rows = []
    for one, total, score, rank in zip(found, nats.tolist(), standard.tolist(), ranks.tolist(), strict=True):
        bits = one.surprisal / NATS_A_BIT
        whole = math.isfinite(total)
        rows.append(
            {
                "nats": round(total, PLACES) if whole else None,
                "bits_per_symbol": round(one.bits_per_symbol, PLACES) if whole else None,
                "percentile": float(calibration.percent[rank]),
                "flagged": score > asked.flagged_above,
                "surprisal": [round(bit, PLACES) if math.isfinite(bit) else None for bit in bits.tolist()],
                "unknown": [] if whole else np.flatnonzero(np.isinf(bits)).tolist(),
            }
        )
    return rows


def score_in_pieces(loaded: Loaded, given: Tensor | None, asked: Scoring) -> Pieces:
    """The same of one request that is large."""
    work = score_together(loaded, given)

    def pieces(_: object) -> Iterator[list[dict[str, Any]]]:
        some: list[str] = []
        symbols = 0
        for item in asked.items:
            some.append(item)
            symbols += len(item) + 1
            if symbols >= PIECE:
                yield work([Scoring(some, asked.flagged_above, asked.told)])[0]
                some, symbols = [], 0
        if some:
            yield work([Scoring(some, asked.flagged_above, asked.told)])[0]

    return pieces


@dataclass(frozen=True)
class Asking:
    """Texts of one request whose next symbol is asked for: the last R ids of each (K, R), how to choose, how many."""

    texts: list[str]
    windows: Tensor
    choice: Choice
    top: int


def windows(codec: AlphabetCodec, texts: Sequence[str], field: int) -> Tensor:
    """The last R symbols of each text, and pad before it, (K, R). Raises Refusal with the place of an unknown one."""
    ids = np.full((len(texts), field), PAD)  # (K, R)
    for number, (row, text) in enumerate(zip(ids, texts, strict=True)):
        last = ids_of(codec, text, f"texts.{number}")[-field:]
        row[field - len(last) :] = last
    return torch.from_numpy(ids)


def unknown(field: str) -> Refusal:
    """For a symbol that the model never saw."""
    return Refusal(
        "unknown_symbol", "there is a symbol that the model never saw: the run's alphabet has them all.", field
    )


def ids_of(codec: AlphabetCodec, text: str, field: str) -> Ids:
    """The ids (T,) of a text. Raises Refusal, which names the field that it came in."""
    try:
        return codec.encode(text)
    except SymbolError:
        raise unknown(field) from None


def next_together(loaded: Loaded, given: Tensor | None) -> Callable[[Sequence[Asking]], list[list[dict[str, Any]]]]:
    """The predictions after the texts of several requests, in one pass."""

    def work(asked: Sequence[Asking]) -> list[list[dict[str, Any]]]:
        model = loaded.trained.model
        ids = torch.cat([one.windows for one in asked])  # (B, R)
        told = None if given is None else given[:, None].expand(len(ids), ids.shape[1], -1)
        with evaluating(model):
            logits = model.window(ids, told).double()  # (B, V)
        answers, begin = [], 0
        for one in asked:
            mine = logits[begin : begin + len(one.texts)]
            answers.append(_predictions(loaded, one, mine))
            begin += len(one.texts)
        return answers

    return work


def _predictions(loaded: Loaded, asked: Asking, logits: Tensor) -> list[dict[str, Any]]:
    choice, field = asked.choice, loaded.trained.model.receptive_field
    own = torch.softmax(logits, dim=1)  # (K, V)
    if choice.temperature == 0:
        chance = torch.zeros_like(own).scatter_(1, logits.argmax(dim=1, keepdim=True), 1.0)
    else:
        below = logits - logits.amax(dim=1, keepdim=True)
        chance = narrowed(torch.softmax(below / choice.temperature, dim=1), choice)
        chance = chance / chance.sum(dim=1, keepdim=True)
    names = ["", *loaded.alphabet.symbols]
    top = min(asked.top, len(names))
    rows = []
    order = own.argsort(dim=1, descending=True, stable=True)[:, :top]
    for text, places, mine, ours in zip(
        asked.texts, order.tolist(), own.gather(1, order).tolist(), chance.gather(1, order).tolist(), strict=True
    ):
        rows.append(
            {
                "context": (PAD_SHOWN * field + text)[-field:],
                "symbols": [
                    {"symbol": names[i], "probability": p, "kept": c > 0, "chance": c}
                    for i, p, c in zip(places, mine, ours, strict=True)
                ],
            }
        )
    return rows


def sample_in_pieces(
    loaded: Loaded, choice: Choice, count: int, seed: int, prefix: str, novel: bool, condition: str
) -> Pieces:
    """Items with their marks, in blocks: those that `wavetree sample` draws for the same seed."""
    codec = loaded.alphabet
    loaded.of_items()
    beginning = ids_of(codec, prefix, "prefix").tolist()
    if len(beginning) >= choice.max_length:
        raise Refusal("invalid", "the prefix is as long as an item may be: raise max_length.", "max_length")
    if novel and loaded.trained.folder.published:
        raise Refusal("wrong_kind", "this run was published without its list: what is new cannot be told.", "novel")
    given = given_by(loaded.trained, condition)

    def pieces(_: object) -> Iterator[list[dict[str, Any]]]:
        made, first = 0, 0
        new: set[str] = set()
        while made < count:
            if first >= PATIENCE * count:
                raise Refusal("not_found_in_model", "hardly any new items come: the model repeats its list.", "novel")
            size = min(BLOCK, max(count - made, 8))
            drawn = sample_block(loaded.trained.model, seed, choice, beginning, first, size, given)
            first += size
            rows: list[dict[str, Any]] = []
            for one in drawn[: None if novel else count - made]:
                item = codec.decode(one.ids)
                mark = loaded.known.mark(item)
                if novel and (mark != "new" or item in new or made + len(rows) == count):
                    continue
                new.add(item) if novel else None
                rows.append({"item": item, "mark": mark, "ended": one.ended})
            made += len(rows)
            yield rows

    return pieces


def marks(items: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many items have each mark."""
    return dict.fromkeys(("train", "held out", "new"), 0) | Counter(str(item["mark"]) for item in items)


def complete_in_pieces(loaded: Loaded, prefix: str, count: int, max_length: int, condition: str) -> Pieces:
    """The likeliest items that begin so, in one piece that breathes."""
    loaded.of_items()
    beginning = ids_of(loaded.alphabet, prefix, "prefix").tolist()
    if len(beginning) > max_length:
        raise Refusal("invalid", "the prefix is longer than an item may be: raise max_length.", "max_length")
    given = given_by(loaded.trained, condition)

    def pieces(breath: Callable[[], None]) -> Iterator[dict[str, Any]]:
        model = loaded.trained.model
        found = completions(model, beginning, count, given, max_length, MOST_OPEN, breath)
        for one in found:
            yield {
                "item": loaded.alphabet.decode(one.ids),
                "probability": one.probability,
                "log_probability": one.log_probability,
            }

    return pieces


def inspect_in_pieces(
    loaded: Loaded,
    text: str,
    top: int,
    trace: tuple[int, int] | None,
    change: tuple[int, str | None] | None,
) -> Pieces:
    """Layers and predictions; then the fusion that is opened, and what moves with one symbol."""
    model, codec = loaded.trained.model, loaded.alphabet
    ids_of(codec, text, "text")
    if (trace or change) and not isinstance(model, Tree):
        raise Refusal("wrong_kind", "this model has no fusions to open: only a tree has.", "trace" if trace else "flip")

    def pieces(_: object) -> Iterator[dict[str, Any]]:
        rows = next_symbols(model, codec, text, top)
        yield {"layers": [*map(asdict, layer_table(model))], "next": [*map(asdict, rows)], "trace": None, "flip": None}
        if trace:
            assert isinstance(model, Tree)
            level, position = trace
            if level >= len(model.fusions) or position > len(text):
                raise Refusal("invalid", "there is no such node: see the levels of the run, and the text.", "trace")
            fusion = open_fusion(model, codec, text, level, position)
            yield {"trace": asdict(fusion) | {"python": as_python(fusion)}}
        if change:
            assert isinstance(model, Tree)
            position, becomes = change
            if not 1 <= position <= len(text):
                raise Refusal("invalid", "the text has no symbol there: positions count from 1.", "flip.position")
            if becomes is not None and becomes not in codec.symbols:
                raise unknown("flip.symbol")
            if becomes == text[position - 1]:
                raise Refusal("invalid", "the symbol there is this one already.", "flip.symbol")
            moved = flip(model, codec, text, position, becomes)
            yield {"flip": asdict(moved) | {"earlier": moved.earlier, "as_formula": moved.as_formula}}

    return pieces
