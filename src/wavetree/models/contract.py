"""What every model of the product can do. Training, scoring, sampling and the laws speak to this and nothing else."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import chain
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import Parameter

Ids = npt.NDArray[np.int64]
State = TypeVar("State")
Prepared = TypeVar("Prepared")


@dataclass(frozen=True)
class Stage:
    """A layer that hands on (B, T, C) or (B, C), each vector of which has seen `sees` symbols."""

    name: str
    layer: nn.Module
    sees: int


class SequenceModel(nn.Module, abc.ABC, Generic[State, Prepared]):
    """Predicts the next symbol from the `receptive_field` symbols before it; what lies before the first one is pad.

    Symbols are ids in 0 ... V - 1, and 0 is pad. All runs give the same logits in evaluation mode (law 1). A state is a
    value: a run returns a new one and leaves the one it was given good.

    Every run also takes `given`: G numbers for each symbol, the conditions that hold for what it predicts. None is
    nothing told; a model with `given_size` 0 takes no other.
    """

    vocab_size: int
    given_size: int = 0
    """G: how many numbers a condition has."""

    @property
    def device(self) -> torch.device:
        """Where its weights lie, and where everything has to that a run is given."""
        return next(chain(self.parameters(), self.buffers())).device

    @property
    @abc.abstractmethod
    def receptive_field(self) -> int:
        """R: how many symbols a prediction sees."""

    @property
    @abc.abstractmethod
    def matrices(self) -> Mapping[Parameter, int]:
        """The weight matrices between hidden vectors, for optimisers that treat a matrix as one thing.

        Of each how many matrices it is, one above the other: a gate is two, which know nothing of each other.
        """

    @property
    @abc.abstractmethod
    def stages(self) -> list[Stage]:
        """The layers in order, for those who look inside."""

    @abc.abstractmethod
    def window(self, ids: Tensor, given: Tensor | None = None) -> Tensor:
        """The definition. Ids (B, R), exactly the symbols that a prediction sees, to logits (B, V); given (B, R, G)."""

    @abc.abstractmethod
    def start(self, given: Tensor | None = None) -> State:
        """The state before the first symbol, for any batch; given (B, G) held before it for ever."""

    @abc.abstractmethod
    def stream(self, ids: Tensor, state: State, given: Tensor | None = None) -> tuple[Tensor, State]:
        """Ids (B, T), any T from 0, and a state to logits (B, T, V), for the symbol after each, and the state after.

        `given` (B, T, G), or (B, 1, G) where it stays the same.
        """

    def dense(self, ids: Tensor, given: Tensor | None = None, before: Tensor | None = None) -> Tensor:
        """Every output at once, from nothing but pad. Ids (B, T) to logits (B, T, V); `before` (B, G) as in `start`."""
        return self.stream(ids, self.start(before), given)[0]

    def rows(
        self, ids: Tensor, seed: int, given: Tensor | None = None, before: Tensor | None = None, first: int = 0
    ) -> Tensor:
        """Ids (B, T) to logits (B, T, V) of rows before which lies nothing but pad: `dense`, or a quicker way.

        A quicker way is right from the first output on where the rows begin with pad, and from output R - 1 on where
        they do not.

        A model whose dropout does not draw from torch's own random state draws it from `seed` and the place in the
        batch, where these rows have the numbers from `first` on.
        """
        return self.dense(ids, given, before)

    @abc.abstractmethod
    def step(self, ids: Tensor, state: State, given: Tensor | None = None) -> tuple[Tensor, State]:
        """One symbol on: ids (B,) and a state to logits (B, V) for the next symbol, and a new state; given (B, G)."""

    @abc.abstractmethod
    def select(self, state: State, keep: Tensor) -> State:
        """The state of the chosen members of a batch: indices `keep` (K,)."""

    @abc.abstractmethod
    def prepare(self, ids: Ids, ages: Ids, groups: Ids | None = None) -> Prepared:
        """What `packed` needs of a row of whole items (data/packing.py). Touches no weight: it can be made ahead.

        `groups` (N,): which of several conditions holds at each position; one for a whole item. It is made on the CPU,
        of tensors, tuples and dataclasses, and `moved` brings it to where the weights are.
        """

    @abc.abstractmethod
    def packed(self, prepared: Prepared, given: Tensor | None = None) -> Tensor:
        """Every output of a packed row of N symbols: logits (N, V). `given` (M, G) are the conditions of the groups."""


AnyModel = SequenceModel[Any, Any]
"""A model whose state and preparation are its own business."""


def moved(prepared: Prepared, device: torch.device) -> Prepared:
    """What `prepare` made, on a device: a tensor, or a tuple or dataclass of what can be moved or is no tensor."""
    found: Any = prepared
    if isinstance(found, Tensor):
        found = found.to(device)
    elif isinstance(found, tuple):
        found = tuple(moved(part, device) for part in found)
    elif is_dataclass(found) and not isinstance(found, type):
        found = replace(found, **{part.name: moved(getattr(found, part.name), device) for part in fields(found)})
    return found  # type: ignore[no-any-return]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """In here the model is in evaluation mode and keeps no gradients; after it, each layer is in the mode it was in."""
    before = [(layer, layer.training) for layer in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for layer, training in before:
            layer.training = training
