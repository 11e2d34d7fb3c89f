"""Networks of scratch layers, trained window by window as the lecture does it, examined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Ordered
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wavetree.codecs import PAD
from wavetree.data.packing import PackedRow
from wavetree.experiments.doctor.patients import (
    COUNTED,
    MEASURED,
    Patient,
    Reading,
    Trainee,
    least_loss,
    norms_by_level,
)
from wavetree.experiments.lecture import WindowTraining
from wavetree.layers.scratch import BatchNorm1d, Sequential
from wavetree.train.diagnostics import Answers, Units, units_of

FEW = 32
"""Windows that are to be learnt by heart."""
SOME = 256
"""Windows of a look."""


class Windows(Patient):
    """A network of scratch layers that is trained window by window, as the lecture does it."""

    def __init__(
        self,
        make: Callable[[Callable[[], float]], WindowTraining],
        train: tuple[Tensor, Tensor],
        validation: tuple[Tensor, Tensor],
        vocab_size: int,
        rate: float,
    ) -> None:
        """`make(rate)` gives a training that begins; in every step it asks `rate` for the learning rate.

        `train` and `validation`: windows (N, R) and the symbol (N,) after each, in order.
        """
        self.make, self.train, self.held_out = make, train, validation
        self.vocab_size, self.rate = vocab_size, rate

    def begin(self) -> Trainee:
        return _WindowTrainee(self, self.train)

    def begin_with_few(self) -> tuple[Trainee, float]:
        few = (self.train[0][:FEW], self.train[1][:FEW])
        return _WindowTrainee(self, few), least_loss(few[0].numpy(), few[1].numpy())

    def reading(self) -> Reading:
        row = _in_order(self.train, MEASURED)
        inside = row.ages[1:] > 0  # where the next window goes on with the same item
        return Reading(row.ids[:-1][inside], row.targets[:-1][inside], row.ids[1:][inside])

    def in_order(self) -> tuple[PackedRow, PackedRow]:
        return _in_order(self.train, COUNTED), _in_order(self.held_out, MEASURED)


class _WindowTrainee(Trainee):
    def __init__(self, patient: Windows, examples: tuple[Tensor, Tensor]) -> None:
        self.patient, self.examples, self.rate = patient, examples, patient.rate
        self.training = patient.make(lambda: self.rate)

    @property
    def levels(self) -> Mapping[str, Ordered[Tensor]]:
        found: dict[str, Ordered[Tensor]] = {}
        for number, layer in enumerate(self.training.network.layers):
            if parameters := list(layer.parameters()):
                found[f"{number} {type(layer).__name__}"] = parameters
        return found

    def step(self, number: int, rate: float) -> float:
        self.rate = rate
        return self.training.step(number, *self.examples)

    def losses(self, number: int) -> tuple[float, float]:
        contexts, targets = (tensor[:SOME] for tensor in self.examples)
        with torch.no_grad(), _left_alone(self.training.network) as network:
            in_training = F.cross_entropy(network(contexts), targets).item()
        return in_training, self.training.loss(contexts, targets)

    def gradients(self, number: int) -> dict[str, float]:
        contexts, targets = (tensor[:SOME] for tensor in self.examples)
        with _left_alone(self.training.network) as network:
            loss = F.cross_entropy(network(contexts), targets)
        found = torch.autograd.grad(loss, [p for level in self.levels.values() for p in level])
        return norms_by_level(self.levels, found)

    def validation(self) -> float:
        return self.training.loss(*(tensor[:MEASURED] for tensor in self.patient.held_out))

    def units(self, number: int) -> dict[str, Units]:
        with torch.no_grad(), _left_alone(self.training.network) as network, Answers() as answers:
            network(self.examples[0][:SOME])
        return units_of(dict(answers.by_name()))

    @property
    def statistics(self) -> Mapping[str, tuple[int, tuple[int, ...]]]:
        return {
            f"{number} BatchNorm1d": (len(layer.gamma), tuple(layer.running_mean.shape))
            for number, layer in enumerate(self.training.network.layers)
            if isinstance(layer, BatchNorm1d)
        }


@contextmanager
def _left_alone(network: Sequential) -> Iterator[Sequential]:
    """In here the network runs as in training; after it, its batch norms know what they knew before."""
    norms = [layer for layer in network.layers if isinstance(layer, BatchNorm1d)]
    kept = [(norm.running_mean, norm.running_var) for norm in norms]
    try:
        yield network
    finally:
        for norm, (mean, var) in zip(norms, kept, strict=True):
            norm.running_mean, norm.running_var = mean, var


def _in_order(windows: tuple[Tensor, Tensor], most: int) -> PackedRow:
    """The last symbol that each window shows, and the one after it."""
    contexts, targets = (tensor[:most].numpy() for tensor in windows)
    ids = contexts[:, -1]
    place = np.arange(len(ids))
    begins = np.maximum.accumulate(np.where(ids == PAD, place, 0))
    return PackedRow(ids, targets, place - begins)
