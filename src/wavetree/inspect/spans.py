"""Which symbols each node of a tree sees: measured by changing them one by one, beside the formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from wavetree.codecs import PAD, AlphabetCodec
from wavetree.inspect.nodes import check_position, exact_tree, node_values, shown, text_ids
from wavetree.models import Tree

MARGIN = 3
"""How far beyond what a node may see symbols are changed, on either side."""
EVERYWHERE = 64
"""Of a layer that sees no more than this every symbol is changed, of one that sees more those at the ends of what a
node may see, and one in the middle: there a mistake of one shows."""


@dataclass(frozen=True)
class Span:
    """What the node of `layer` at `position` sees. By the formula: `formula` symbols, up to the one at `position`.

    Measured: of `changed` symbols, one at a time, those at `moved_by` changed the node's vector; the first and the last
    of these are the ends of the span. `sees`: the symbols between them, `·` for what lies before the text.
    `as_formula`: whether each of these symbols is one that the formula has, and each other is not.
    """

    layer: str
    position: int
    formula: int
    changed: int
    moved_by: tuple[int, ...]
    sees: str
    as_formula: bool

    @property
    def measured(self) -> int:
        """How many symbols the span has, from the first that moves the node to the last."""
        return self.moved_by[-1] - self.moved_by[0] + 1 if self.moved_by else 0


def receptive_spans(model: Tree, codec: AlphabetCodec, text: str, positions: Sequence[int]) -> list[Span]:
    """A span for every layer but the output, and each of these positions of the text, in this order.

    Raises SymbolError, or SettingError for a position that the text has not.
    """
    for position in positions:
        check_position(text, position, first=0)
    ids = text_ids(codec, text)[0]  # (1 + T,)
    exact = exact_tree(model)
    layers = model.stages[:-1]
    near = [number for number, layer in enumerate(layers) if layer.sees <= EVERYWHERE]
    groups = [near, *([number] for number in range(len(near), len(layers)))]
    spans = []
    for _, together in groupby(enumerate(sorted(set(positions))), key=lambda pair: pair[1] - pair[0]):
        neighbours = [position for _, position in together]
        for numbers in groups:
            spans += _measured(exact, ids, text, neighbours, numbers)
    order = {layer.name: number for number, layer in enumerate(layers)}
    return sorted(spans, key=lambda span: (order[span.layer], span.position))


def _measured(model: Tree, ids: Tensor, text: str, positions: list[int], numbers: list[int]) -> list[Span]:
    """The spans of neighbouring positions for these layers, in a row that reaches a little beyond what they may see."""
    layers = [model.stages[number] for number in numbers]
    field = layers[-1].sees
    begin, end = positions[0] - field + 1 - MARGIN, positions[-1] + MARGIN
    at = torch.arange(begin, end + 1)  # (T,)
    inside = (at >= 0) & (at < len(ids))
    row = torch.where(inside, ids[at.clamp(0, len(ids) - 1)], PAD)[None]  # (1, T)

    def nodes(row: Tensor) -> list[Tensor]:
        values = node_values(model, row)
        return [values[number][positions[0] - begin : positions[-1] - begin + 1] for number in numbers]

    still = nodes(row)
    moved_by: dict[tuple[str, int], list[int]] = {(layer.name, at): [] for layer in layers for at in positions}
    places = range(begin, end + 1) if field <= EVERYWHERE else sorted(_ends(positions, field))
    for place in places:
        other = row.clone()
        other[0, place - begin] = (other[0, place - begin] + 1) % model.vocab_size
        for layer, before, after in zip(layers, still, nodes(other), strict=True):
            for position, moves in zip(positions, (after != before).any(dim=1).tolist(), strict=True):
                if moves:
                    moved_by[layer.name, position].append(place)
    spans = []
    for layer in layers:
        for position in positions:
            by = moved_by[layer.name, position]
            wanted = [place for place in places if position - layer.sees < place <= position]
            sees = shown(text, range(by[0], min(by[-1], len(text)) + 1)) if by else ""
            spans.append(Span(layer.name, position, layer.sees, len(places), tuple(by), sees, by == wanted))
    return spans


def _ends(positions: Iterable[int], field: int) -> set[int]:
    """Where nodes at these positions, which see so many symbols, begin and end to see; and one between for each."""
    steps = (-field, -field + 1, -field // 2, 0, 1)
    return {position + step for position in positions for step in steps}
