"""The product's own networks, examined as a run begins."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wavetree.codecs import PAD
from wavetree.config import Config
from wavetree.data.corpus import Stream
from wavetree.data.packing import PackedItems, PackedRow
from wavetree.data.rows import NO_TARGET
from wavetree.evaluate import Piece, exact_loss, predictions
from wavetree.experiments.doctor.patients import (
    COUNTED,
    MEASURED,
    Ids,
    Patient,
    Reading,
    Trainee,
    least_loss,
    norms_by_level,
)
from wavetree.models import AnyModel, build, evaluating
from wavetree.runs import RunFolder, Side, given_size, sides_of
from wavetree.train.batches import Batches, batches_of
from wavetree.train.diagnostics import Units, levels_of, look_at_units
from wavetree.train.optimisers import Optimiser
from wavetree.train.training import Training, use_threads

FOREVER = 10**9
"""Steps: so many that the rate is the same throughout."""
POSITIONS = 2048
"""About so many symbols of a stream make a step here, however many the run takes."""
FEW = 8
"""Items that are to be learnt by heart, or rows of `SHORT` symbols, half as many."""
SHORT = 64


class Run(Patient):
    """A run of the product, as it begins by its settings."""

    def __init__(self, folder: RunFolder) -> None:
        config = folder.config()
        self.folder, self.sides = folder, sides_of(folder)
        self.vocab_size = folder.codec().vocab_size
        self.given_size = given_size(folder)
        self.rate = config.train.learning_rate
        length = min(config.train.length, POSITIONS)
        changes = {"warmup": 0.0, "average": 0.0, "threads": 1, "length": length}
        changes["rows"] = min(config.train.rows, max(1, POSITIONS // length))
        self.config = _with(config, **changes)
        self.batches = batches_of(self.sides.train, self.config)

    def model(self) -> AnyModel:
        """A new model."""
        return build(self.config.model, self.vocab_size, self.config.train.seed, self.given_size)

    def begin(self) -> Trainee:
        return _RunTrainee(self, self.batches)

    def begin_with_few(self) -> tuple[Trainee, float]:
        few = _with(self.config, batch_items=FEW, rows=FEW // 2, length=min(SHORT, self.config.train.length))
        piece = batches_of(self.sides.train, few)[0]
        return _RunTrainee(self, _Same(piece)), least_loss(*_contexts(piece, self.model().receptive_field))

    def reading(self) -> Reading:
        return reading_of(self.batches[0])

    def in_order(self) -> tuple[PackedRow, PackedRow]:
        return _in_order(self.sides.train, COUNTED), _in_order(self.sides.validation, MEASURED)


@dataclass(frozen=True)
class _Same:
    """One batch, again and again."""

    piece: Piece
    epoch: float = 1.0

    def __getitem__(self, step: int) -> Piece:
        return self.piece


class _RunTrainee(Trainee):
    def __init__(self, run: Run, batches: Batches) -> None:
        self.run, self.batches = run, batches
        use_threads(1, run.config)
        model = run.model()
        optimiser = Optimiser(model.parameters(), model.matrices, run.config.train)
        self.training = Training(model, model, optimiser, FOREVER, 1)

    @property
    def model(self) -> AnyModel:
        return self.training.model

    @property
    def levels(self) -> Mapping[str, Sequence[Tensor]]:
        return levels_of(self.model)

    def step(self, number: int, rate: float) -> float:
        self.training.advance(self.batches[number], _with(self.run.config, learning_rate=rate))
        return self.training.block[-1]

    def losses(self, number: int) -> tuple[float, float]:
        piece = self.batches[number]
        found = []
        trial = copy.deepcopy(self.model)  # batch norm keeps what it sees in training
        with torch.no_grad():
            for mode in (trial.train, trial.eval):
                logits, targets = predictions(mode(), piece)
                found.append(F.cross_entropy(logits.float(), targets, ignore_index=NO_TARGET).item())
        return found[0], found[1]

    def gradients(self, number: int) -> dict[str, float]:
        trial = copy.deepcopy(self.model).train()
        logits, targets = predictions(trial, self.batches[number])
        loss = F.cross_entropy(logits.float(), targets, ignore_index=NO_TARGET)
        levels = levels_of(trial)
        found = torch.autograd.grad(loss, [p for level in levels.values() for p in level])
        return norms_by_level(levels, found)

    def validation(self) -> float:
        side = self.run.sides.validation
        if isinstance(side, PackedItems):
            chosen = next(side.chunks(MEASURED))
            with evaluating(self.model):
                logits, targets = predictions(self.model, side.row(chosen))
                return F.cross_entropy(logits, targets).item()
        return exact_loss(self.model, side, MEASURED).mean

    def units(self, number: int) -> dict[str, Units]:
        return look_at_units(self.model, self.batches[number])

    @property
    def statistics(self) -> Mapping[str, tuple[int, tuple[int, ...]]]:
        return {
            name: (module.weight.numel(), tuple(module.running_mean.shape))
            for name, module in self.model.named_modules()
            if isinstance(getattr(module, "running_mean", None), Tensor) and isinstance(module.weight, nn.Parameter)
        }

    def sees_ahead(self) -> bool:
        """Changes the last of some symbols, and compares what is predicted before it."""
        count = min(2 * self.model.receptive_field, 64)
        ids = np.random.default_rng(0).integers(1, self.run.vocab_size, (2, 1, count))
        ids[1, 0, :-1] = ids[0, 0, :-1]
        ids[1, 0, -1] = ids[0, 0, -1] % (self.run.vocab_size - 1) + 1
        with evaluating(self.model):
            one, other = (self.model.dense(torch.from_numpy(some))[:, :-1] for some in ids)
        return not torch.allclose(one, other, atol=1e-5)


def reading_of(piece: Piece) -> Reading:
    """What a batch reads and what it is to predict, where it goes on after that."""
    if isinstance(piece, PackedRow):
        inside = np.flatnonzero(piece.ages[1:] == piece.ages[:-1] + 1)
        return Reading(piece.ids[inside], piece.targets[inside], piece.ids[inside + 1])
    ids = piece.ids[:, piece.ids.shape[1] - piece.targets.shape[1] :]
    inside_rows = piece.targets[:, :-1] != NO_TARGET
    return Reading(ids[:, :-1][inside_rows], piece.targets[:, :-1][inside_rows], ids[:, 1:][inside_rows])


def _contexts(piece: Piece, field: int) -> tuple[Ids, Ids]:
    """The symbols (N, R) that each prediction of a batch sees, and what it is to predict (N,); pad before it all."""
    seen = min(field, SHORT)
    if isinstance(piece, PackedRow):
        position = np.arange(len(piece.ids))
        rows = [np.where(k <= piece.ages, piece.ids[np.maximum(position - k, 0)], PAD) for k in range(seen)]
        return np.stack(rows, axis=1), piece.targets
    padded = np.pad(piece.ids, ((0, 0), (seen - 1, 0)), constant_values=PAD)
    every = np.lib.stride_tricks.sliding_window_view(padded, seen, axis=1).reshape(-1, seen)
    targets = piece.targets.reshape(-1)
    return every[-len(targets) :][targets != NO_TARGET], targets[targets != NO_TARGET]


def _in_order(side: Side, most: int) -> PackedRow:
    """The first symbols of a side as one row."""
    if isinstance(side, PackedItems):
        return side.row(next(side.chunks(most)))
    assert isinstance(side, Stream)
    symbols = next(side.blocks(0, most))  # (N,)
    return PackedRow(np.concatenate([[PAD], symbols[:-1]]), symbols, np.arange(len(symbols)))


def _with(config: Config, **changes: object) -> Config:
    return config.model_copy(update={"train": config.train.model_copy(update=changes)})
