"""The lecture's own way, as the slow and obvious reference: windows, one by one, and plain SGD.

Every symbol to predict becomes a window of the 8 symbols before it. A step takes 32 of them at random, halves them
three times, and moves every parameter against its gradient. 200,000 steps: rate 0.1, and 0.01 for the last quarter.
Nothing is shared, prepared or fused. It is written for reading, and for being timed beside the product's own training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from wavetree.codecs import PAD, AlphabetCodec

CONTEXT, EMBEDDING, HIDDEN = 8, 24, 128
BATCH, STEPS = 32, 200_000
RATE, LATE_RATE, LATE_FROM = 0.1, 0.01, 150_000
MOMENTUM, EPSILON = 0.1, 1e-5


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


@dataclass
class Level:
    """A linear layer, batch norm over all leading dimensions, tanh; written out."""

    weight: Tensor
    gain: Tensor
    shift: Tensor
    mean: Tensor
    variance: Tensor

    @classmethod
    def of(cls, channels: int) -> Level:
        """A new level from `channels` to HIDDEN numbers."""
        weight = torch.randn(channels, HIDDEN) / channels**0.5
        return cls(weight, torch.ones(HIDDEN), torch.zeros(HIDDEN), torch.zeros(HIDDEN), torch.ones(HIDDEN))

    def __call__(self, x: Tensor, training: bool) -> Tensor:
        x = x @ self.weight
        if training:
            dims = tuple(range(x.ndim - 1))
            mean, variance = x.mean(dims, keepdim=True), x.var(dims, keepdim=True)
            with torch.no_grad():
                self.mean = (1 - MOMENTUM) * self.mean + MOMENTUM * mean
                self.variance = (1 - MOMENTUM) * self.variance + MOMENTUM * variance
        else:
            mean, variance = self.mean, self.variance
        return torch.tanh(self.gain * (x - mean) / torch.sqrt(variance + EPSILON) + self.shift)


class LectureNetwork:
    """The scaled-up network of the lecture: embeddings of 24, three levels of 128."""

    def __init__(self, vocab_size: int, seed: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = torch.randn(vocab_size, EMBEDDING)
            self.levels = [Level.of(2 * EMBEDDING), Level.of(2 * HIDDEN), Level.of(2 * HIDDEN)]
            self.output = torch.randn(HIDDEN, vocab_size) * 0.1 / HIDDEN**0.5
        self.bias = torch.zeros(vocab_size)
        of_levels = [tensor for level in self.levels for tensor in (level.weight, level.gain, level.shift)]
        self.parameters = [self.embedding, *of_levels, self.output, self.bias]
        for parameter in self.parameters:
            parameter.requires_grad_()
        self.draws = torch.Generator().manual_seed(seed)

    def logits(self, contexts: Tensor, training: bool) -> Tensor:
        """Windows (B, 8) to logits (B, V)."""
        x = self.embedding[contexts]  # (B, 8, 24)
        for level in self.levels:
            batch, time, channels = x.shape
            x = x.view(batch, time // 2, 2 * channels)  # (B, T / 2, 2C)
            if x.shape[1] == 1:
                x = x.squeeze(1)  # (B, 2C)
            x = level(x, training)  # (B, T / 2, H), at last (B, H)
        logits: Tensor = x @ self.output + self.bias
        return logits

    def step(self, number: int, contexts: Tensor, targets: Tensor) -> float:
        """Training step `number`, from 0, on windows (N, 8) and targets (N,). Its loss."""
        chosen = torch.randint(0, len(contexts), (BATCH,), generator=self.draws)
        loss = F.cross_entropy(self.logits(contexts[chosen], training=True), targets[chosen])
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
        return F.cross_entropy(self.logits(contexts, training=False), targets).item()
