"""What `wavetree inspect` shows of the nodes of a tree: one fusion, what each node sees, which nodes a flip moves."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from wavetree.cli.output import GAP, content, content_json, number, say, show, table, visible, working
from wavetree.cli.wording import plural, shown
from wavetree.errors import SettingError

if TYPE_CHECKING:
    from wavetree.codecs import AlphabetCodec
    from wavetree.inspect import Flip, Fusion, Span
    from wavetree.models import Tree

SHOWN = 5
"""Outputs of a fusion, symbols of a prediction."""
TERMS = 3
"""Products shown of a sum."""
FIRST, LAST = 8, 16
"""Positions of a long text whose nodes are measured and shown, at its beginning and at its end."""
DEEP = 64
"""Beyond this receptive field a measurement takes long, and fewer positions are shown: one, and three."""
MANY, BESIDE = 40, 3
"""Positions of a flip that are shown: so many at most, and of a longer text so many that lie beside those that move."""
WRITTEN_OUT = 8
"""Up to so many symbols are shown as they are, more as the range of their positions."""


def show_fusion(
    run: Path,
    model: Tree,
    codec: AlphabetCodec,
    text: str,
    where: str,
    top: int | None,
    form: str | None,
    as_json: bool,
) -> None:
    """--trace."""
    from wavetree.inspect import as_python, open_fusion

    matched = re.fullmatch(r"\s*([0-9]{1,9})\s*,\s*([0-9]{1,9})\s*", where)
    if not matched:
        example = f"--trace {len(model.fusions) - 1},{len(text)}"
        raise SettingError(
            f"--trace {where!r} is not LEVEL,POSITION: levels go from 0 to {len(model.fusions) - 1}, positions from 0 "
            f"(the pad before the text) to {len(text)} (its last symbol), as in {example}."
        )
    fusion = open_fusion(model, codec, text, int(matched[1]), int(matched[2]))
    outputs = fusion.largest(top or SHOWN)
    if form is not None:
        program = as_python(fusion, outputs if top else None)
        if not top:
            size = len(program) / 1000
            say(f"all of the node, {number(size)} kB; --top 3 writes the 3 outputs with the largest sums, to paste")
        content(program)
    elif as_json:
        content_json({"run": str(run), "fusion": _fusion_document(fusion, outputs)})
    else:
        _show_fusion(fusion, outputs)


def _fusion_document(fusion: Fusion, outputs: Sequence[int]) -> dict[str, object]:
    document = asdict(fusion)
    del document["weight"]
    rows = [
        {
            "output": output,
            "weights": fusion.weight[output],
            "largest": [asdict(term) | {"product": term.product} for term in fusion.terms(output, TERMS)],
        }
        for output in outputs
    ]
    return document | {"pair": fusion.pair, "outputs": rows}


def _show_fusion(fusion: Fusion, outputs: Sequence[int]) -> None:
    channels, hidden = len(fusion.left.vector), len(fusion.after)
    content(
        f"level {fusion.level}, position {fusion.position}: {channels} + {plural(channels, 'number')} in, {hidden} out"
    )
    content("")
    _show_sight(fusion)
    content("")
    vectors = {
        "left": fusion.left.vector,
        "right": fusion.right.vector,
        "pair": fusion.pair,
        "before norm": fusion.before,
        "after norm": fusion.normed,
        "after tanh": fusion.after,
    }
    _show_vectors(vectors)
    content("")
    content(f"The pair, left's {plural(channels, 'number')} and then right's, is what the weights multiply.")
    content(f"Each output begins as a sum of {number(2 * channels)} products. The largest sums, taken apart:")
    content("")
    rows: list[tuple[str, ...]] = []
    for output in outputs:
        terms = fusion.terms(output, TERMS)
        for place, term in enumerate(terms):
            figures = map(_figure, (term.weight, term.value, term.product))
            rows.append(("" if place else str(output), f"{term.side} {term.index}", *figures, "", "", ""))
        more = 2 * channels - len(terms)
        rest = _figure(fusion.before[output] - sum(term.product for term in terms)) if more else ""
        results = (_figure(x[output]) for x in (fusion.before, fusion.normed, fusion.after))
        rows.append(("", f"{more} more" if more else "", "", "", rest, *results))
    show(table([">output", "<from", ">weight", ">number", ">product", ">sum", ">after norm", ">after tanh"], rows))


def _show_sight(fusion: Fusion) -> None:
    """The text above what the left child has seen of it, and the right one."""
    text, left, right = fusion.text, fusion.left, fusion.right
    cell = GAP + max(len(str(left.first)), len(str(len(text))), *(_cells(symbol) for symbol in text), 1)
    fit = (_width() - len("right sees")) // cell
    positions = range(min(left.first, 0), len(text) + 1)
    if len(positions) > fit:
        end = min(len(text), right.position + 1)
        positions = range(max(positions[0], end - fit + 1), end + 1)
    rows = [
        ("symbol", *(_symbol(text, at) for at in positions)),
        *(
            (f"{side} sees", *(_symbol(text, at) if child.first <= at <= child.position else "" for at in positions))
            for side, child in (("left", left), ("right", right))
        ),
    ]
    show(table(["<position", *(f">{at}" for at in positions)], rows))
    if left.first < positions[0]:
        content(f"(left sees positions {left.first} to {left.position}, right {right.first} to {right.position})")


def _show_vectors(vectors: Mapping[str, Sequence[float]]) -> None:
    """A line for each, with as many of its numbers as fit. The pair, which repeats others, is shown whole or not."""
    figures = {name: [*map(_figure, vector)] for name, vector in vectors.items()}
    wide = max(len(figure) for row in figures.values() for figure in row)
    more = max(len(f"{len(vector) - 1} more") for vector in vectors.values())
    fit = (_width() - max(map(len, vectors)) - GAP - more) // (wide + GAP)
    if max(map(len, vectors.values())) <= fit:
        more = 0
    columns = min(fit, max(map(len, vectors.values())))
    rows = []
    for name, row in figures.items():
        if name == "pair" and len(row) > columns:
            continue
        left_out = f"{len(row) - columns} more" if len(row) > columns else ""
        rows.append((name, *row[:columns], *[""] * (columns - len(row)), left_out))
    show(table(["<", *[">"] * columns, "<"], rows))


def show_receptive(run: Path, model: Tree, codec: AlphabetCodec, text: str, as_json: bool) -> None:
    """--receptive."""
    from wavetree.inspect import receptive_spans

    first, last = (FIRST, LAST) if model.receptive_field <= DEEP else (1, 3)
    positions = [*range(len(text) + 1)]
    if len(positions) > first + last:
        positions = [*positions[:first], *positions[-last:]]
    with working("changing symbols"):
        spans = receptive_spans(model, codec, text, positions)
    if as_json:
        documents = [asdict(span) | {"measured": span.measured} for span in spans]
        content_json(
            {"run": str(run), "text": text, "as_formula": all(s.as_formula for s in spans), "nodes": documents}
        )
    else:
        _show_receptive(text, positions, spans)


def _show_receptive(text: str, positions: Sequence[int], spans: Sequence[Span]) -> None:
    labels = []
    for before, position in zip([-1, *positions], positions, strict=False):
        labels += ["...", str(position)] if position > before + 1 else [str(position)]
    columns = []
    for layer, group in groupby(spans, key=lambda span: span.layer):
        of_layer = {str(span.position): span for span in group}
        (formula,) = {span.formula for span in of_layer.values()}
        found = sorted({span.measured for span in of_layer.values()})
        cells = [_seen(of_layer[label]) if label in of_layer else "" for label in labels]
        measured = str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"
        columns.append([_short(layer), *cells, "", str(formula), measured])
    names = ["position", *labels, "", "by formula", "measured"]
    content("What each node has seen, found by changing the symbols one at a time.")
    for block in _blocks(columns, len("by formula")):
        content("")
        heads = [f">{column[0]}" for column in (names, *block)]
        show(table(heads, zip(*(column[1:] for column in (names, *block)), strict=True)))
    content("")
    wrong = sum(not span.as_formula for span in spans)
    if wrong:
        content(f"{wrong} of {plural(len(spans), 'node')} have not seen what the formula says: they are marked !")
    else:
        content(f"{plural(len(spans), 'node')}, and each has seen what the formula says: 2^(level + 1) symbols,")
        content("the last of them its own. Position 0 and all before it is pad, shown as \u00b7.")


def _seen(span: Span) -> str:
    """A cell: the symbols that a node has seen, or from where to where they go if they are many."""
    if not span.moved_by:
        return "nothing !"
    text = shown(span.sees) if span.formula <= WRITTEN_OUT else f"{span.moved_by[0]} to {span.moved_by[-1]}"
    return text if span.as_formula else f"{text} !"


def show_flip(run: Path, model: Tree, codec: AlphabetCodec, text: str, wish: str, as_json: bool) -> None:
    """--flip."""
    from wavetree.inspect import flip

    place, equals, becomes = wish.partition("=")
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*", place):
        raise SettingError(
            f"--flip {wish!r} is neither POSITION nor POSITION=SYMBOL: positions count the symbols of the text from 1, "
            "as in --flip 2 or --flip 2=a."
        )
    found = flip(model, codec, text, int(place), becomes if equals else None)
    if as_json:
        content_json({"run": str(run), "flip": asdict(found) | {"as_formula": found.as_formula}})
    else:
        _show_flip(found, model.receptive_field)


def _show_flip(found: Flip, field: int) -> None:
    text, at = found.text, found.position
    positions = range(len(text) + 1)
    if len(positions) > MANY:
        begin = max(0, at - BESIDE)
        positions = range(begin, min(len(text), at + field - 1 + BESIDE, begin + MANY - 1) + 1)
    arrow = f"{shown(found.symbol)}\u2192{shown(found.becomes)}"
    columns = [
        [
            str(position),
            arrow if position == at else _symbol(text, position),
            *(_change(row.moved[position]) for row in found.rows),
        ]
        for position in positions
    ]
    names = ["position", "symbol", *(_short(row.layer) for row in found.rows)]
    content("The largest change of any number of a node; - where nothing changed at all.")
    for block in _blocks(columns, max(map(len, names))):
        content("")
        heads = [f"<{names[0]}", *(f">{column[0]}" for column in block)]
        show(table(heads, zip(names[1:], *(column[1:] for column in block), strict=True)))
    content("")
    hidden = [*range(positions[0]), *range(positions[-1] + 1, len(text) + 1)]
    if hidden:
        moved = sum(row.moved[position] != 0 for row in found.rows for position in hidden)
        nodes = plural(len(hidden) * len(found.rows), "node")
        content(f"Not shown: {plural(len(hidden), 'position')}; of their {nodes} {moved} moved.")
    content(f"Before position {at}: {found.earlier} of {plural(at * len(found.rows), 'node')} moved.")
    if found.as_formula:
        content(f"From {at} on: just those that see it, by the formula of 2^(level + 1) symbols.")
    else:
        content("These are not the nodes that see it by the formula: `wavetree verify` says which law fails.")


def _change(change: float) -> str:
    return "-" if change == 0 else f"{change:.2f}" if change >= 0.01 else "<.01"


def _short(layer: str) -> str:
    return layer.removesuffix(" fuse")


def _figure(x: float) -> str:
    return f"{x:.3f}" if abs(x) < 1000 else f"{x:.2e}"


def _symbol(text: str, position: int) -> str:
    from wavetree.inspect import PAD_SHOWN

    return shown(text[position - 1]) if position > 0 else PAD_SHOWN


def _blocks(columns: Iterable[list[str]], label: int) -> Iterator[list[list[str]]]:
    """The columns in as many tables as the terminal's width asks for, each with a first column of `label` cells."""
    block: list[list[str]] = []
    used = label
    for column in columns:
        wide = GAP + max(map(_cells, column))
        if block and used + wide + GAP > _width():
            yield block
            block, used = [], label
        block.append(column)
        used += wide
    yield block


def _cells(text: str) -> int:
    """How wide a text is on a terminal."""
    from rich.cells import cell_len

    return cell_len(visible(text))


def _width() -> int:
    return shutil.get_terminal_size().columns
