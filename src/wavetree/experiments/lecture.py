"""The lecture's own way, as the slow and obvious reference: windows, one by one, and plain SGD.

Every symbol to predict becomes a window of the symbols before it. A step takes 32 of them at random and moves every
parameter against its gradient. 200,000 steps: rate 0.1, and 0.01 for the last quarter. Nothing is shared, prepared or
fused. It is written for reading, and for being timed beside the product's own training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.layers.scratch import BatchNorm1d, Embedding, FlattenConsecutive, Layer, Linear, Sequential, Tanh

CONTEXT = 8
BATCH, STEPS = 32, 200_000
RATE, LATE_RATE, LATE_FROM = 0.1, 0.01, 0.75
LIST_DIGEST = "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d"
"""Of the lecture's list of names, on which all its losses were measured."""
LAST_SCALE = 0.1
"""The output layer starts this much smaller, to be less confident."""
JUDGED_AT_ONCE = 10_000
"""Windows in one piece when a loss is measured: bounds the memory, and changes no figure beyond rounding."""


def windows(items: Sequence[str], codec: AlphabetCodec, context: int = CONTEXT) -> tuple[Tensor, Tensor]:
    """Every window (N, R) of `context` symbols of the items, and the symbol (N,) after it."""
    contexts, targets = [], []
    for item in items:
        window = [PAD] * context
        for symbol in [*codec.encode(item).tolist(), PAD]:
            contexts.append(window)
            targets.append(symbol)
            window = [*window[1:], symbol]
    return torch.tensor(contexts), torch.tensor(targets)


def flat_network(vocab_size: int, draws: torch.Generator, context: int, embedding: int, hidden: int) -> Sequential:
    """All symbols of the context side by side, one wide layer."""
    widen = Linear(context * embedding, hidden, bias=False, generator=draws)
    layers: list[Layer] = [Embedding(vocab_size, embedding, draws), FlattenConsecutive(context)]
    return Sequential([*layers, widen, BatchNorm1d(hidden), Tanh(), _unsure(hidden, vocab_size, draws)])


def tree_network(
    vocab_size: int, draws: torch.Generator, embedding: int, hidden: int, norm_dims: tuple[int, ...] | None = None
) -> Sequential:
    """Three levels of pairwise fusions. `norm_dims` (0,) is the famous mistake in batch norm."""
    layers: list[Layer] = [Embedding(vocab_size, embedding, draws)]
    for channels, width in pairwise([embedding, hidden, hidden, hidden]):
        fuse = Linear(2 * channels, width, bias=False, generator=draws)
        layers += [FlattenConsecutive(2), fuse, BatchNorm1d(width, dims=norm_dims), Tanh()]
    return Sequential([*layers, _unsure(hidden, vocab_size, draws)])


def _unsure(hidden: int, vocab_size: int, draws: torch.Generator) -> Linear:
    output = Linear(hidden, vocab_size, generator=draws)
    with torch.no_grad():
        output.weight *= LAST_SCALE
    return output


Descent = Callable[[Tensor, int], None]
"""descend(loss, number): changes the parameters for the better, in step `number`, counted from 0."""


def plain_descent(parameters: Sequence[Tensor], steps: int = STEPS) -> Descent:
    """Every parameter against its gradient; a tenth of the rate for the last quarter of `steps`."""

    def descend(loss: Tensor, number: int) -> None:
        for parameter in parameters:
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        rate = RATE if number < LATE_FROM * steps else LATE_RATE
        for parameter in parameters:
            assert parameter.grad is not None
            parameter.data += -rate * parameter.grad

    return descend


@dataclass
class WindowTraining:
    """A network of scratch layers that is trained window by window: `batch` of them, drawn at random, in a step."""

    network: Sequential
    draws: torch.Generator
    descend: Descent
    batch: int = BATCH

    def step(self, number: int, contexts: Tensor, targets: Tensor) -> float:
        """Training step `number`, from 0, on windows (N, R) and targets (N,). Its loss."""
        chosen = torch.randint(0, len(contexts), (self.batch,), generator=self.draws)
        loss = F.cross_entropy(self.network(contexts[chosen]), targets[chosen])
        self.descend(loss, number)
        return loss.item()

    def loss(self, contexts: Tensor, targets: Tensor) -> float:
        """Nats a symbol over all windows, in evaluation mode."""
        return self.losses(contexts, targets).sum(dtype=torch.float64).item() / len(targets)

    @torch.no_grad()
    def losses(self, contexts: Tensor, targets: Tensor) -> Tensor:
        """The nats of each window, (N,), in evaluation mode."""
        self.network.train(False)
        pieces = zip(torch.split(contexts, JUDGED_AT_ONCE), torch.split(targets, JUDGED_AT_ONCE), strict=True)
        found = [F.cross_entropy(self.network(some), after, reduction="none") for some, after in pieces]
        self.network.train(True)
        return torch.cat(found)


def scaled_up(vocab_size: int, seed: int) -> WindowTraining:
    """The lecture's last network, 76,579 parameters over 27 symbols, and how the lecture trains it."""
    draws = torch.Generator().manual_seed(seed)
    network = tree_network(vocab_size, draws, embedding=24, hidden=128)
    return WindowTraining(network, draws, plain_descent(network.parameters()))
