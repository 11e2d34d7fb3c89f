"""Surprisal along a sequence: symbol by symbol with a state that is a value, or in blocks of running text and sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wavetree.codecs import PAD
from wavetree.models import AnyModel, evaluating
from wavetree.score.surprisal import NATS_A_BIT, Ids, Wide

UNKNOWN = -1
"""In place of the id of a symbol that the model never met."""
PIECE = 4096
"""Symbols that go through a model at once."""


@dataclass(frozen=True)
class Position:
    """A place in a sequence: what a model remembers of all before it, and the surprisal (V,) of what may come, in nats.

    It is a value: it stays good when the sequence goes on, and may go on in several ways.
    """

    memory: Any
    surprisal: Tensor


def beginning(model: AnyModel, given: Tensor | None = None) -> Position:
    """Before the first symbol; `given` (1, G) holds for all of the sequence."""
    with evaluating(model):
        logits, memory = model.step(torch.tensor([PAD]), model.start(given), given)  # (1, V)
    return Position(memory, -torch.log_softmax(logits[0], dim=0))


def advance(model: AnyModel, symbol: int, position: Position, given: Tensor | None = None) -> tuple[float, Position]:
    """The surprisal of the id `symbol` in nats, and the position after it. After UNKNOWN, pad is seen in its place."""
    nats = float("inf") if symbol == UNKNOWN else float(position.surprisal[symbol])
    with evaluating(model):
        logits, memory = model.step(torch.tensor([max(symbol, PAD)]), position.memory, given)  # (1, V)
    return nats, Position(memory, -torch.log_softmax(logits[0], dim=0))


def along(model: AnyModel, pieces: Iterable[Ids], given: Tensor | None = None) -> Iterator[Wide]:
    """The surprisals of a sequence that comes in pieces of ids (T,), piece by piece, in nats; UNKNOWN is infinite."""
    position = beginning(model, given)
    held = None if given is None else given[:, None]  # (1, 1, G)
    for long in pieces:
        for ids in (long[i : i + PIECE] for i in range(0, len(long), PIECE)):
            seen = torch.from_numpy(np.maximum(ids, PAD))
            with evaluating(model):
                logits, memory = model.stream(seen[None], position.memory, held)  # (1, T, V)
            after = -torch.log_softmax(logits[0], dim=1)  # (T, V)
            before = torch.cat([position.surprisal[None], after[:-1]])  # (T, V)
            nats: Wide = before.gather(1, seen[:, None])[:, 0].double().numpy()
            yield np.where(ids == UNKNOWN, np.inf, nats)
            position = Position(memory, after[-1])


@dataclass(frozen=True)
class BlockScore:
    """The symbols `begin` to `end` (exclusive) of a sequence: the nats of known ones, and how many are unknown."""

    begin: int
    end: int
    known_nats: float
    unknown: int

    @property
    def nats(self) -> float:
        """All together: infinite where a symbol is unknown."""
        return float("inf") if self.unknown else self.known_nats

    @property
    def bits_per_symbol(self) -> float:
        """The mean surprisal in bits."""
        return self.nats / NATS_A_BIT / (self.end - self.begin)


def in_blocks(surprisals: Iterable[Wide], size: int) -> Iterator[BlockScore]:
    """Blocks of `size` symbols, the last of which may be shorter, whatever the pieces are."""
    begin, held, count = 0, list[Wide](), 0
    for piece in surprisals:
        rest = piece
        while count + len(rest) >= size:
            missing = size - count
            yield _block(begin, np.concatenate([*held, rest[:missing]]))
            begin, held, count, rest = begin + size, [], 0, rest[missing:]
        held.append(rest)
        count += len(rest)
    if count:
        yield _block(begin, np.concatenate(held))


def _block(begin: int, nats: npt.NDArray[np.float64]) -> BlockScore:
    known = np.isfinite(nats)
    return BlockScore(begin, begin + len(nats), float(nats[known].sum()), int((~known).sum()))
