"""What a law tells a model besides symbols: nothing, or a condition for each item, or conditions by symbol.

A condition is G random numbers. The laws do not know what they mean, and need not: every run must treat them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import Parameter

from wavetree.inspect.laws.finding import SEED, Model
from wavetree.models import SequenceModel, Stage

Ids = npt.NDArray[np.int64]

BY_ITEM = ", told by item"
BY_SYMBOL = ", told by symbol"


@dataclass(frozen=True)
class Told:
    """Of B rows of T symbols: `given` (B, T, G) with the symbols, and `before` (B, G), which held before them for ever.

    Where each row keeps to one condition from the beginning, `groups` (B,) says to which of the `conditions` (M, G).
    """

    how: str
    given: Tensor | None = None
    before: Tensor | None = None
    conditions: Tensor | None = None
    groups: Ids | None = None

    def like(self, model: Model) -> Told:
        """The same in the precision of a model."""
        kind = next(model.parameters()).dtype if self.given is not None else None
        given, before, conditions = (
            None if x is None else x.to(kind) for x in (self.given, self.before, self.conditions)
        )
        return replace(self, given=given, before=before, conditions=conditions)


NOTHING = Told("")


def nothing(model: Model, batch: int, time: int) -> Told:
    """None."""
    return NOTHING


def by_item(model: Model, batch: int, time: int) -> Told:
    """A condition for each row: in no order, one of them for both the first and the last row, one for none."""
    conditions = some_conditions(model, batch + 1)  # (M, G)
    groups = np.random.default_rng(SEED).permutation(batch + 1)[:batch]
    groups[0] = groups[-1]
    held = conditions[torch.from_numpy(groups)]  # (B, G)
    return Told(BY_ITEM, held[:, None].expand(-1, time, -1), held, conditions, groups)


def by_symbol(model: Model, batch: int, time: int) -> Told:
    """Half of the numbers stay the same along a row, as a class does, and held before it; the others begin with it."""
    constant = model.given_size // 2
    given = some_conditions(model, batch * time).view(batch, time, -1)
    held = some_conditions(model, batch)  # (B, G)
    held[:, constant:] = 0
    given[:, :, :constant] = held[:, None, :constant]
    return Told(BY_SYMBOL, given, held)


Tell = Callable[[Model, int, int], Told]
"""What is told of B rows of T symbols."""


def tellings(model: Model) -> list[Tell]:
    """The ways to tell this model something."""
    return [nothing, by_item, by_symbol] if model.given_size else [nothing]


def some_conditions(model: Model, count: int) -> Tensor:
    """Random conditions (count, G), in double precision, but such as single precision has too."""
    numbers = np.random.default_rng(SEED).normal(size=(count, model.given_size)).astype(np.float32)
    return torch.from_numpy(numbers.astype(np.float64))


def part(x: Tensor | None, *where: int | slice | Sequence[int] | Tensor | None) -> Tensor | None:
    """These indices of a tensor, if there is one."""
    return None if x is None else x[where]


def ways(model: Model) -> list[tuple[str, Model]]:
    """The model that is told nothing; and, if it takes conditions, the model that is told one for ever."""
    return [("", model), *([(BY_ITEM, Bound(model, some_conditions(model, 1)))] if model.given_size else [])]


class Bound(SequenceModel[object, object]):
    """A model under one condition (1, G): to those who know of none, a model like any other."""

    condition: Tensor

    def __init__(self, model: Model, condition: Tensor) -> None:
        super().__init__()
        self.model, self.vocab_size = model, model.vocab_size
        self.register_buffer("condition", condition)

    @property
    def receptive_field(self) -> int:
        return self.model.receptive_field

    @property
    def matrices(self) -> Mapping[Parameter, int]:
        return self.model.matrices

    @property
    def stages(self) -> list[Stage]:
        return self.model.stages

    def window(self, ids: Tensor, given: Tensor | None = None) -> Tensor:
        return self.model.window(ids, self.condition[None].expand(*ids.shape, -1))

    def start(self, given: Tensor | None = None) -> object:
        return self.model.start(self.condition)

    def stream(self, ids: Tensor, state: object, given: Tensor | None = None) -> tuple[Tensor, object]:
        return self.model.stream(ids, state, self.condition[None].expand(len(ids), -1, -1))

    def step(self, ids: Tensor, state: object, given: Tensor | None = None) -> tuple[Tensor, object]:
        return self.model.step(ids, state, self.condition.expand(len(ids), -1))

    def select(self, state: object, keep: Tensor) -> object:
        return self.model.select(state, keep)

    def prepare(self, ids: Ids, ages: Ids, groups: Ids | None = None) -> object:
        return self.model.prepare(ids, ages, np.zeros_like(ids))

    def packed(self, prepared: object, given: Tensor | None = None) -> Tensor:
        return self.model.packed(prepared, self.condition)
