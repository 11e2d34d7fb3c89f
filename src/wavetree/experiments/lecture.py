"""The lecture's own way, as the slow and obvious reference: windows, one by one, and plain SGD.

Every symbol to predict becomes a window of the 8 symbols before it. A step takes 32 of them at random, halves them
three times, and moves every parameter against its gradient. 200,000 steps: rate 0.1, and 0.01 for the last quarter.
Nothing is shared, prepared or fused. It is written for reading, and for being timed beside the product's own training.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.layers.scratch import BatchNorm1d, Embedding, FlattenConsecutive, Layer, Linear, Sequential, Tanh

CONTEXT, EMBEDDING, HIDDEN = 8, 24, 128
BATCH, STEPS = 32, 200_000
RATE, LATE_RATE, LATE_FROM = 0.1, 0.01, 150_000
LAST_SCALE = 0.1
"""The output layer starts this much smaller, to be less confident."""


def windows(items: Sequence[str], codec: AlphabetCodec) -> tuple[Tensor, Tensor]:
    """Every window (N, 8) of the items, and the symbol (N,) after it."""
    contexts, targets = [], []
    for item in items:
        context = [PAD] * CONTEXT
        for symbol in [*codec.encode(item).tolist(), PAD]:
            contexts.append(context)
            targets.append(symbol)
            context = [*context[1:], symbol]
    return torch.tensor(contexts), torch.tensor(targets)


class LectureNetwork:
    """The scaled-up network of the lecture, snapped together: embeddings of 24, three levels of 128."""

    def __init__(self, vocab_size: int, seed: int) -> None:
        self.draws = torch.Generator().manual_seed(seed)
        layers: list[Layer] = [Embedding(vocab_size, EMBEDDING, self.draws)]
        for channels in (EMBEDDING, HIDDEN, HIDDEN):
            fuse = Linear(2 * channels, HIDDEN, bias=False, generator=self.draws)
            layers += [FlattenConsecutive(2), fuse, BatchNorm1d(HIDDEN), Tanh()]
        output = Linear(HIDDEN, vocab_size, generator=self.draws)
        with torch.no_grad():
            output.weight *= LAST_SCALE
        self.network = Sequential([*layers, output])
        self.parameters = self.network.parameters()

    def step(self, number: int, contexts: Tensor, targets: Tensor) -> float:
        """Training step `number`, from 0, on windows (N, 8) and targets (N,). Its loss."""
        chosen = torch.randint(0, len(contexts), (BATCH,), generator=self.draws)
        loss = F.cross_entropy(self.network(contexts[chosen]), targets[chosen])
        for parameter in self.parameters:
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        rate = RATE if number < LATE_FROM else LATE_RATE
        for parameter in self.parameters:
            assert parameter.grad is not None
            parameter.data += -rate * parameter.grad
        return loss.item()

    @torch.no_grad()
    def loss(self, contexts: Tensor, targets: Tensor) -> float:
        """Nats a symbol over all windows, in evaluation mode."""
        self.network.train(False)
        loss = F.cross_entropy(self.network(contexts), targets).item()
        self.network.train(True)
        return loss
