"""Who is examined: a network that can begin anew, learn at any rate, and be looked into.

N predictions   V vocabulary   C channels
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from wavetree.config import NgramConfig
from wavetree.data.packing import PackedRow
from wavetree.models import Ngram
from wavetree.train.diagnostics import Units

Ids = npt.NDArray[np.int64]
MEASURED = 1 << 14
"""Symbols of validation that are measured."""
COUNTED = 1 << 18
"""Symbols of train that the n-gram counts."""
NGRAM_BYTES = 1 << 30
"""What its probabilities may take, 16 bytes each: else its order is lower than 5."""


@dataclass(frozen=True)
class Reading:
    """Some positions (N,): the symbol read last, the one to be predicted, and the one that is read next."""

    read: Ids
    predicted: Ids
    follows: Ids

    @property
    def followed(self) -> float:
        """The share of targets that are what is read next: 1, or they do not belong to what is read."""
        return float((self.predicted == self.follows).mean())

    @property
    def shown(self) -> float:
        """The share of targets that are what is just being read."""
        return float((self.predicted == self.read).mean())


@dataclass(frozen=True)
class Baselines:
    """Nats a symbol on validation without a network: all symbols alike, by frequency, by an n-gram of `order`."""

    alike: float
    unigram: float
    ngram: float
    order: int


class Trainee(abc.ABC):
    """A network that learns."""

    @property
    @abc.abstractmethod
    def levels(self) -> Mapping[str, Sequence[Tensor]]:
        """Its parameters, from the symbols up."""

    @abc.abstractmethod
    def step(self, number: int, rate: float) -> float:
        """Learns from batch `number` at a learning rate. The loss before it."""

    @abc.abstractmethod
    def losses(self, number: int) -> tuple[float, float]:
        """The loss on batch `number` as in training, and as in evaluation. Nothing is learnt from it."""

    @abc.abstractmethod
    def gradients(self, number: int) -> dict[str, float]:
        """The norm of the gradient of each level, of the loss on batch `number`. Nothing is learnt from it."""

    @abc.abstractmethod
    def validation(self) -> float:
        """Nats a symbol on some of what is held out."""

    @abc.abstractmethod
    def units(self, number: int) -> dict[str, Units]:
        """What the hidden units answer to some of batch `number`."""

    @property
    @abc.abstractmethod
    def statistics(self) -> Mapping[str, tuple[int, tuple[int, ...]]]:
        """Of each batch norm its channels, and the shape of the statistics that it keeps."""

    def sees_ahead(self) -> bool:
        """Whether what is predicted changes with what is read later; for a network of windows it cannot."""
        return False


class Patient(abc.ABC):
    """What `examine` needs: the network, what it learns from, and at which rate."""

    rate: float
    vocab_size: int

    @abc.abstractmethod
    def begin(self) -> Trainee:
        """The network as it is before the first step."""

    @abc.abstractmethod
    def begin_with_few(self) -> tuple[Trainee, float]:
        """The same, with the same few examples in every batch; and the least loss that there can be on them."""

    @abc.abstractmethod
    def reading(self) -> Reading:
        """Some of what is learnt from, in order."""

    @abc.abstractmethod
    def in_order(self) -> tuple[PackedRow, PackedRow]:
        """Some of train and of validation, as it lies there."""


def baselines(patient: Patient) -> Baselines:
    """What asks for no network. The n-gram is of order 5 (Kneser and Ney 1995), lower for a very large alphabet."""
    train, validation = patient.in_order()
    size = patient.vocab_size
    fits = [o for o in (5, 4, 3, 2) if 16 * size * min(size ** (o - 1), len(train.ids)) <= NGRAM_BYTES]
    order = fits[0] if fits else 1
    return Baselines(
        float(np.log(size)), _counted(train, validation, size, 1), _counted(train, validation, size, order), order
    )


def _counted(train: PackedRow, validation: PackedRow, vocab_size: int, order: int) -> float:
    model = Ngram(NgramConfig(order=order), vocab_size)
    model.count(train.ids, train.targets, train.ages)
    logits = model.packed(model.prepare(validation.ids, validation.ages))  # (N, V)
    return F.cross_entropy(logits, torch.from_numpy(validation.targets)).item()


def norms_by_level(levels: Mapping[str, Sequence[Tensor]], tensors: Sequence[Tensor]) -> dict[str, float]:
    """The norm of each level's part of some tensors, one for each parameter in the order of the levels."""
    rest = iter(tensors)
    return {name: float(torch.stack([next(rest).norm() for _ in level]).norm()) for name, level in levels.items()}


def least_loss(contexts: Ids, targets: Ids) -> float:
    """What is left of the loss when all is known by heart: equal contexts (N, R) may go on differently (N,)."""
    _, which = np.unique(contexts, axis=0, return_inverse=True)
    which = which.reshape(-1)
    _, pairs, counts = np.unique(np.stack([which, targets]), axis=1, return_index=True, return_counts=True)
    of_context = np.bincount(which)[which[pairs]]
    return float(-(counts * np.log(counts / of_context)).sum() / len(targets))
