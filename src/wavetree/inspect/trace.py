"""One fusion, opened: what goes in, what each weight makes of it, and what comes out."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from wavetree.codecs import AlphabetCodec
from wavetree.errors import SettingError
from wavetree.inspect.nodes import check_position, exact_tree, shown, text_ids
from wavetree.layers import BatchNorm
from wavetree.models import Tree, evaluating

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Child:
    """One of the two vectors that are fused. It lies at `position`, and has seen the symbols from `first` up to there.

    `sees` are these symbols, `·` for what lies before the text.
    """

    position: int
    first: int
    sees: str
    vector: Numbers


@dataclass(frozen=True)
class Norm:
    """(x - mean) / sqrt(variance + eps) * scale + shift, for each of H outputs, one number of each.

    `kind` batch: mean and variance are running statistics, the same for every node of the level. `kind` layer: they
    are those of this node's own sums, and all H are equal.
    """

    kind: Literal["batch", "layer"]
    mean: Numbers
    variance: Numbers
    eps: float
    scale: Numbers
    shift: Numbers


@dataclass(frozen=True)
class Term:
    """One product of a sum: number `index` of the `side` child, and its weight."""

    side: Literal["left", "right"]
    index: int
    weight: float
    value: float

    @property
    def product(self) -> float:
        """What it adds."""
        return self.weight * self.value


@dataclass(frozen=True)
class Fusion:
    """The node of `level` at `position` of `text`: after = tanh(norm(weight [left ; right])).

    `weight` has a row for each of H outputs, over the 2C numbers of `pair`, which is left, then right. `before` (H,)
    are the sums, `normed` what the norm makes of them, `after` the vector of the node. Double precision throughout.
    """

    text: str
    level: int
    position: int
    left: Child
    right: Child
    weight: tuple[Numbers, ...]
    norm: Norm
    before: Numbers
    normed: Numbers
    after: Numbers

    @property
    def pair(self) -> Numbers:
        """The concatenation, what the weights are applied to."""
        return self.left.vector + self.right.vector

    def largest(self, count: int) -> list[int]:
        """The outputs with the largest sums before the norm, whatever their sign, the largest first."""
        return sorted(range(len(self.before)), key=lambda output: -abs(self.before[output]))[:count]

    def terms(self, output: int, count: int) -> list[Term]:
        """The largest products of the sum of this output, whatever their sign, the largest first."""
        channels = len(self.left.vector)
        terms = [
            Term("left" if i < channels else "right", i % channels, weight, value)
            for i, (weight, value) in enumerate(zip(self.weight[output], self.pair, strict=True))
        ]
        return sorted(terms, key=lambda term: -abs(term.product))[:count]


def open_fusion(model: Tree, codec: AlphabetCodec, text: str, level: int, position: int) -> Fusion:
    """The fusion of this level (0 fuses symbols) whose last symbol is at `position` of the text.

    Everything is what the model's own dense run had there. Raises SymbolError, or SettingError if there is none.
    """
    levels = len(model.fusions)
    if not 0 <= level < levels:
        has = "only level 0" if levels == 1 else f"levels 0 to {levels - 1}"
        raise SettingError(f"there is no level {level}: this tree has {has}.")
    check_position(text, position, first=0)
    ids = text_ids(codec, text)  # (1, 1 + T)
    exact = exact_tree(model)
    fuse = exact.fusions[level]
    seen: dict[str, Tensor] = {}

    def children(_: nn.Module, pair: tuple[Tensor, Tensor]) -> None:
        seen["left"], seen["right"] = (x[0, position] for x in pair)  # (C,) each

    def sums(_: nn.Module, given: tuple[Tensor], out: Tensor) -> None:
        seen["before"], seen["normed"] = given[0][0, position], out[0, position]  # (H,) each

    def node(_: nn.Module, __: object, out: Tensor) -> None:
        seen["after"] = out[0, position]  # (H,)

    with evaluating(exact):
        state = exact.start()
        with ExitStack() as hooks:
            hooks.callback(fuse.register_forward_pre_hook(children).remove)
            hooks.callback(fuse.norm.register_forward_hook(sums).remove)
            hooks.callback(fuse.register_forward_hook(node).remove)
            exact.stream(ids, state)

    def child(side: str, at: int) -> Child:
        first = at - (1 << level) + 1
        return Child(at, first, shown(text, range(first, at + 1)), _numbers(seen[side]))

    return Fusion(
        text=text,
        level=level,
        position=position,
        left=child("left", position - (1 << level)),
        right=child("right", position),
        weight=tuple(map(_numbers, fuse.weight)),
        norm=_norm(fuse.norm, seen["before"]),
        before=_numbers(seen["before"]),
        normed=_numbers(seen["normed"]),
        after=_numbers(seen["after"]),
    )


def _norm(norm: nn.Module, before: Tensor) -> Norm:
    """What the norm of a fusion does to the sums (H,) of one node."""
    if isinstance(norm, BatchNorm):
        kind: Literal["batch", "layer"] = "batch"
        mean, variance, scale, shift = norm.running_mean, norm.running_var, norm.weight, norm.bias
    else:
        assert isinstance(norm, nn.LayerNorm)
        kind, scale, shift = "layer", norm.weight, norm.bias
        mean, variance = before.mean().expand_as(before), before.var(correction=0).expand_as(before)
    return Norm(kind, _numbers(mean), _numbers(variance), norm.eps, _numbers(scale), _numbers(shift))


def _numbers(x: Tensor) -> Numbers:
    return tuple(x.tolist())
