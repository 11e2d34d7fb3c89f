"""Where the right answers come from: the product is run, and watched from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor

from wavetree.config import TreeConfig
from wavetree.layers import Fuse
from wavetree.layers.scratch import BatchNorm1d, Embedding, FlattenConsecutive, Layer, Linear, Sequential, Tanh
from wavetree.models import Tree, evaluating

VOCAB = 27
"""The symbols of the lecture's list: 26 letters and the mark that ends a name."""


def tree(
    levels: int,
    embedding: int = 4,
    hidden: int = 6,
    vocab_size: int = VOCAB,
    norm: Literal["batch", "layer"] = "batch",
) -> Tree:
    """A new tree in double precision and evaluation mode."""
    config = TreeConfig(levels=levels, embedding=embedding, hidden=hidden, norm=norm)
    return Tree(config, vocab_size).double().eval()


def flat(context: int, embedding: int, hidden: int, vocab_size: int = VOCAB) -> Sequential:
    """The flat network of `context` symbols."""
    return Sequential(
        [
            Embedding(vocab_size, embedding),
            FlattenConsecutive(context),
            Linear(context * embedding, hidden),
            Tanh(),
            Linear(hidden, vocab_size),
        ]
    )


def hierarchy(levels: int, embedding: int, hidden: int) -> Sequential:
    """The tree of `levels` levels as the lecture snaps it together, without the output layer."""
    layers: list[Layer] = [Embedding(VOCAB, embedding)]
    for level in range(levels):
        channels = hidden if level else embedding
        fuse = Linear(2 * channels, hidden, bias=False)
        layers += [FlattenConsecutive(2), fuse, BatchNorm1d(hidden), Tanh()]
    return Sequential(layers)


def size(network: Sequential) -> int:
    """How many numbers training sets."""
    return sum(parameter.numel() for parameter in network.parameters())


def fused_shapes(levels: int, batch: int, embedding: int, hidden: int) -> list[tuple[int, ...]]:
    """The shape after every fusion (the Tanh that ends it) of a batch of windows."""
    network = hierarchy(levels, embedding, hidden)
    network(torch.zeros(batch, 1 << levels, dtype=torch.int64))
    return [tuple(layer.out.shape) for layer in network.layers if isinstance(layer, Tanh)]


@contextmanager
def _outputs(fusions: Sequence[Fuse]) -> Iterator[list[Tensor]]:
    """Collects what the fusions hand on in here."""
    seen: list[Tensor] = []
    hooks = [fuse.register_forward_hook(lambda _, __, out: seen.append(out)) for fuse in fusions]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def count_fusions(model: Tree, run: Callable[[], object]) -> int:
    """How many pairs the model fuses while `run` runs."""
    with evaluating(model), _outputs(model.fusions) as seen:
        run()
    return sum(out.shape[:-1].numel() for out in seen)


def text_ids(time: int, vocab_size: int = VOCAB) -> Tensor:
    """Ids (1, T) of some text."""
    return torch.randint(1, vocab_size, (1, time))


def flipped(ids: Tensor, place: int) -> Tensor:
    """The same ids (1, T) with another symbol at `place`."""
    changed = ids.clone()
    changed[0, place] = changed[0, place] % (VOCAB - 1) + 1
    return changed


def moved_outputs(model: Tree, time: int, place: int) -> list[int]:
    """The positions whose prediction changes when the symbol at `place` of T symbols does."""
    ids = text_ids(time)
    with evaluating(model):
        before, after = model.dense(ids)[0], model.dense(flipped(ids, place))[0]  # (T, V)
    return torch.nonzero((before != after).any(dim=1)).flatten().tolist()


def seen_by(model: Tree, level: int, time: int, place: int) -> list[int]:
    """The positions of the symbols that move the vector of `level` (from 0) at `place` of T symbols."""

    def node(ids: Tensor) -> Tensor:
        with _outputs([model.fusions[level]]) as seen:
            model.stream(ids, state)
        return seen[0][0, place]  # (H,)

    ids = text_ids(time)
    with evaluating(model):
        state = model.start()
        still = node(ids)
        return [other for other in range(time) if bool((node(flipped(ids, other)) != still).any())]


def stacked_field(dilations: Sequence[int]) -> int:
    """How many symbols the last output of a stack with these dilations sees: where its gradient is not zero."""
    fusions = [Fuse(2, 2, "batch").double().eval() for _ in dilations]
    time = 2 + sum(dilations)  # one more than can be seen, so that a wrong count would show
    x = torch.randn(time, 2, dtype=torch.float64).requires_grad_()
    row = x  # (T, C)
    for fuse, dilation in zip(fusions, dilations, strict=True):
        row = fuse(row[:-dilation], row[dilation:])  # (T - dilation, C)
    (gradient,) = torch.autograd.grad(row[-1].sum(), x)  # (T, C)
    return int(gradient.ne(0).any(dim=1).sum())
