"""Broken on purpose: for each law, what breaks it in one place. The law must say so, and where."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from wavetree.config import TreeConfig
from wavetree.data.packing import PackedItems, PackedRow
from wavetree.evaluate import Loss, exact_loss
from wavetree.generate import Choice, Sampled, sample_block
from wavetree.inspect.laws import Model
from wavetree.layers import BatchNorm, Fuse
from wavetree.models import Tree
from wavetree.models.graph import FusionGraph
from wavetree.models.tree import TreeState

Ids = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# --- the runs (laws 1 and 9)


class ZeroPadding(Tree):
    """What lies before the beginning is zeros."""

    def start(self, given: Tensor | None = None) -> TreeState:
        return tuple(tuple(torch.zeros_like(x) for x in ring) for ring in super().start(given))


class FirstZero(Tree):
    """Only the vector that the very first prediction takes from the last level is zero."""

    def start(self, given: Tensor | None = None) -> TreeState:
        *below, (oldest, *others) = super().start(given)
        return (*below, (torch.zeros_like(oldest), *others))


class RingShort(Tree):
    """Rings of 2**l - 1 vectors, so that the left neighbour is one too near."""

    def start(self, given: Tensor | None = None) -> TreeState:
        return tuple(ring[1:] if len(ring) > 1 else ring for ring in super().start(given))


class NoEdges(Tree):
    """Items in a packed row see those before them."""

    def prepare(self, ids: Ids, ages: Ids, groups: Ids | None = None) -> FusionGraph:
        return super().prepare(ids, np.arange(len(ids)), groups)


class SwappedWindow(Tree):
    """Left and right, swapped in one run."""

    def window(self, ids: Tensor, given: Tensor | None = None) -> Tensor:
        return super().window(ids.flip(1), given)


class SwappedDense(Tree):
    """Left and right, swapped in one run."""

    def stream(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        with swapped(self):
            return super().stream(ids, state, given)


class SwappedPacked(Tree):
    """Left and right, swapped in one run."""

    def packed(self, graph: FusionGraph, given: Tensor | None = None) -> Tensor:
        return super().packed(replace(graph, children=tuple((right, left) for left, right in graph.children)), given)


class SwappedStep(Tree):
    """Left and right, swapped in one run."""

    def step(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        with swapped(self):
            return super().step(ids, state, given)


class swapped:
    """In here the halves of every weight matrix are exchanged."""

    def __init__(self, model: Tree) -> None:
        self.fusions: list[Fuse] = model.fusions

    def __enter__(self) -> None:
        with torch.no_grad():
            for fuse in self.fusions:
                fuse.weight.copy_(fuse.weight.roll(fuse.weight.shape[1] // 2, dims=1))

    def __exit__(self, *_: object) -> None:
        self.__enter__()


class Peeking(Tree):
    """A stream that gives, within a chunk, the prediction of one symbol later."""

    def stream(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        logits, after = super().stream(ids, state, given)
        return torch.cat([logits[:, 1:], logits[:, -1:]], dim=1), after


class Forgetful(Tree):
    """Every chunk of a stream starts from nothing."""

    def stream(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        return super().stream(ids, self.start(), given)


class HiddenState(Tree):
    """The state is a field of the model, and the one that is passed is for show."""

    def start(self, given: Tensor | None = None) -> TreeState:
        self.hidden = super().start(given)
        return self.hidden

    def step(self, ids: Tensor, state: TreeState, given: Tensor | None = None) -> tuple[Tensor, TreeState]:
        logits, self.hidden = super().step(ids, self.hidden, given)
        return logits, state


class SelectsNothing(Tree):
    """A selection that forgets to select."""

    def select(self, state: TreeState, keep: Tensor) -> TreeState:
        return state


class HalfPrecision(Tree):
    """One run rounds its logits to eight bits."""

    def packed(self, graph: FusionGraph, given: Tensor | None = None) -> Tensor:
        logits = super().packed(graph, given)
        return logits.bfloat16().to(logits.dtype)


# --- what a prediction sees (laws 2 and 3)


class FutureNorm(Tree):
    """A batch norm that looks at the batch even in evaluation."""

    def train(self, mode: bool = True) -> FutureNorm:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, BatchNorm):
                module.training = True
        return self


class FieldTooLong(Tree):
    """A formula that is one off."""

    @property
    def receptive_field(self) -> int:
        return (1 << len(self.fusions)) + 1


class FieldTooShort(Tree):
    """A formula that is one off."""

    @property
    def receptive_field(self) -> int:
        return (1 << len(self.fusions)) - 1


class DeafTop(Tree):
    """Sees half of what it says: the last level does not listen to the left."""

    def __init__(self, config: TreeConfig, vocab_size: int, given_size: int = 0) -> None:
        super().__init__(config, vocab_size, given_size)
        with torch.no_grad():
            self.fusions[-1].weight.chunk(2, dim=1)[0].zero_()


class TargetsAsInputs(PackedItems):
    """The target is in the input."""

    def row(self, chosen: Ids, untold: Flags | None = None) -> PackedRow:
        row = super().row(chosen, untold)
        return PackedRow(row.targets, row.targets, row.ages)


class InputsAsTargets(PackedItems):
    """The target is in the input, the other way: neither is shifted."""

    def row(self, chosen: Ids, untold: Flags | None = None) -> PackedRow:
        row = super().row(chosen, untold)
        return PackedRow(row.ids, row.ids, row.ages)


class OneRow(PackedItems):
    """The ages count on from one item to the next, but for the first symbol of each."""

    def row(self, chosen: Ids, untold: Flags | None = None) -> PackedRow:
        row = super().row(chosen, untold)
        return PackedRow(row.ids, row.targets, np.where(row.ages == 0, 0, np.arange(len(row.ages))))


# --- probabilities (law 5)


def no_end(model: Model, items: PackedItems) -> Loss:
    """Forgets that ending is a symbol too."""
    row = items.row(np.arange(len(items)))
    logits = model.packed(model.prepare(row.ids, row.ages))
    nats = F.cross_entropy(logits, torch.from_numpy(row.targets), reduction="none")[row.targets != 0]
    return Loss(nats.sum().item(), items.symbols)


def softmax_twice(model: Model, items: PackedItems) -> Loss:
    """Softmax before a loss that applies it again."""
    row = items.row(np.arange(len(items)))
    probabilities = model.packed(model.prepare(row.ids, row.ages)).softmax(dim=1)
    return Loss(F.cross_entropy(probabilities, torch.from_numpy(row.targets), reduction="sum").item(), items.symbols)


def averaged(model: Model, items: PackedItems) -> Loss:
    """A mean where the sum belongs."""
    return Loss(exact_loss(model, items).mean, items.symbols)


def generous(model: Model, items: PackedItems) -> Loss:
    """Probabilities that sum to more than one."""
    return Loss(exact_loss(model, items).nats * 0.9, items.symbols)


def not_a_number(model: Model, items: PackedItems) -> Loss:
    """No number at all."""
    return Loss(float("nan"), items.symbols)


# --- use (laws 6 and 10)

Block = Callable[[Model, int, Choice, Sequence[int], int, int], list[Sampled]]


def seeded_by_size(model: Model, seed: int, choice: Choice, prefix: Sequence[int], first: int, n: int) -> list[Sampled]:
    """The random numbers depend on the size of the batch."""
    return sample_block(model, seed + n, choice, prefix, first, n)


def always_from_zero(
    model: Model, seed: int, choice: Choice, prefix: Sequence[int], first: int, n: int
) -> list[Sampled]:
    """The random numbers depend on the place in the batch."""
    return sample_block(model, seed, choice, prefix, 0, n)


def one_stream() -> Block:
    """The random numbers come from one stream, so that they depend on what was drawn before."""
    calls = itertools.count()

    def block(model: Model, seed: int, choice: Choice, prefix: Sequence[int], first: int, n: int) -> list[Sampled]:
        return sample_block(model, seed + next(calls), choice, prefix, first, n)

    return block


def in_training_mode(model: Model, items: PackedItems) -> Loss:
    """A validation batch passes through training mode."""
    row = items.row(np.arange(len(items)))
    with torch.no_grad():
        logits = model.train().packed(model.prepare(row.ids, row.ages))
    return Loss(F.cross_entropy(logits, torch.from_numpy(row.targets), reduction="sum").item(), items.symbols)


def in_training_mode_restored(model: Model, items: PackedItems) -> Loss:
    """The same, but the statistics are put back and the mode too: only a look at the run itself sees it."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [(module, module.training) for module in model.modules()]
    loss = in_training_mode(model, items)
    model.load_state_dict(before)
    for module, training in modes:
        module.training = training
    return loss


def left_in_evaluation(model: Model, items: PackedItems) -> Loss:
    """Does not go back to the mode that it found."""
    loss = exact_loss(model, items)
    model.eval()
    return loss


def with_gradients(model: Model, items: PackedItems) -> Loss:
    """Leaves gradients behind."""
    row = items.row(np.arange(len(items)))
    logits = model.packed(model.prepare(row.ids, row.ages))
    torch.autograd.backward(F.cross_entropy(logits, torch.from_numpy(row.targets)))
    return exact_loss(model, items)


def nudging(model: Model, items: PackedItems) -> Loss:
    """Moves one weight by the smallest amount there is."""
    loss = exact_loss(model, items)
    with torch.no_grad():
        weight = next(model.parameters()).view(-1)
        weight[0] = torch.nextafter(weight[0], weight[0] + 1)
    return loss
