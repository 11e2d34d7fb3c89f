"""What every model of the product can do. Training, scoring, sampling and the laws speak to this and nothing else."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
    """

    vocab_size: int

    @property
    @abc.abstractmethod
    def receptive_field(self) -> int:
        """R: how many symbols a prediction sees."""

    @property
    @abc.abstractmethod
    def matrices(self) -> Sequence[Parameter]:
        """The weight matrices between hidden vectors, for optimisers that treat a matrix as one thing."""

    @property
    @abc.abstractmethod
    def stages(self) -> list[Stage]:
        """The layers in order, for those who look inside."""

    @abc.abstractmethod
    def window(self, ids: Tensor) -> Tensor:
        """The definition. Ids (B, R), exactly the symbols that the prediction sees, to logits (B, V)."""

    @abc.abstractmethod
    def start(self) -> State:
        """The state before the first symbol, for any batch."""

    @abc.abstractmethod
    def stream(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Ids (B, T), any T from 0, and a state to logits (B, T, V), for the symbol after each, and the state after."""

    def dense(self, ids: Tensor) -> Tensor:
        """Every output at once, from nothing but pad. Ids (B, T) to logits (B, T, V)."""
        return self.stream(ids, self.start())[0]

    @abc.abstractmethod
    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """One symbol on: ids (B,) and a state to logits (B, V) for the next symbol and the state after this one."""

    @abc.abstractmethod
    def select(self, state: State, keep: Tensor) -> State:
        """The state of the chosen members of a batch: indices `keep` (K,)."""

    @abc.abstractmethod
    def prepare(self, ids: Ids, ages: Ids) -> Prepared:
        """What `packed` needs of a row of whole items (data/packing.py). Touches no weight: it can be made ahead."""

    @abc.abstractmethod
    def packed(self, prepared: Prepared) -> Tensor:
        """Every output of a packed row of N symbols: logits (N, V)."""


AnyModel = SequenceModel[Any, Any]
"""A model whose state and preparation are its own business."""


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
