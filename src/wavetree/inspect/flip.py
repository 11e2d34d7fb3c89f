"""The flip test: one symbol is changed, and one looks which nodes move, and how far."""

from __future__ import annotations

from dataclasses import dataclass

from wavetree.codecs import AlphabetCodec
from wavetree.errors import SettingError
from wavetree.inspect.nodes import check_position, exact_tree, node_values, text_ids
from wavetree.models import Tree


@dataclass(frozen=True)
class FlipRow:
    """The nodes of a layer: the largest change of any number of theirs, by position, from 0 on; 0.0 means none.

    By the formula the nodes from the flipped position on move, `sees` of them, as far as the text has them.
    """

    layer: str
    sees: int
    moved: tuple[float, ...]


@dataclass(frozen=True)
class Flip:
    """What happens when the symbol at `position` of `text` becomes another: a row for every layer."""

    text: str
    position: int
    symbol: str
    becomes: str
    rows: tuple[FlipRow, ...]

    @property
    def earlier(self) -> int:
        """How many nodes before the position moved. Of a causal model: none."""
        return sum(change != 0 for row in self.rows for change in row.moved[: self.position])

    @property
    def as_formula(self) -> bool:
        """Whether just those nodes moved that see the position by the formula."""
        return all(
            (change != 0) == (self.position <= position < self.position + row.sees)
            for row in self.rows
            for position, change in enumerate(row.moved)
        )


def flip(model: Tree, codec: AlphabetCodec, text: str, position: int, becomes: str | None = None) -> Flip:
    """Changes the symbol at `position`, counted from 1, into `becomes`, or into the next one of the alphabet.

    Raises SymbolError; SettingError for a position that the text has not, or a change that is none.
    """
    ids = text_ids(codec, text)  # (1, 1 + T)
    check_position(text, position, first=1)
    symbol = text[position - 1]
    if becomes is None:
        becomes = codec.symbols[(codec.symbols.index(symbol) + 1) % len(codec.symbols)]
    if len(becomes) != 1:
        raise SettingError(f"a flip is to one symbol, and {becomes!r} has {len(becomes)}.")
    to = int(codec.encode(becomes)[0])
    if becomes == symbol:
        others = "name another one" if len(codec.symbols) > 1 else "the model knows no other symbol"
        raise SettingError(f"the symbol at position {position} is {symbol!r} already: {others}.")
    exact = exact_tree(model)
    flipped = ids.clone()
    flipped[0, position] = to
    pairs = zip(exact.stages, node_values(exact, ids), node_values(exact, flipped), strict=True)
    rows = [
        FlipRow(stage.name, stage.sees, tuple((after - before).abs().amax(dim=1).tolist()))
        for stage, before, after in pairs
    ]
    return Flip(text, position, symbol, becomes, tuple(rows))
