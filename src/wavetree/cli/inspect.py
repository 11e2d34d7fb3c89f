"""`wavetree inspect` and `wavetree verify`: what is inside a model, and whether it keeps its laws."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from wavetree.cli.output import content, content_json, number, say, show, table, working
from wavetree.cli.wording import BITS, plural
from wavetree.errors import SettingError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from wavetree.inspect import Finding, LayerRow, NextRow
    from wavetree.runs import Trained

CONTEXT_SHOWN = 12
"""Symbols. A longer context is cut on the left, where it was seen longest ago."""
SPACE_SHOWN = "␣"


def inspect(
    run: Annotated[Path, Parameter(help="The run folder that `wavetree train` made.")],
    text: Annotated[str | None, Parameter(help="A text to predict, symbol by symbol.")] = None,
    /,
    *,
    top: Annotated[int, Parameter(help="With a text: how many of the likeliest symbols to show.")] = 5,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """The layers of a model, or, with a text, its predictions."""
    from wavetree.inspect import layer_table, next_symbols
    from wavetree.runs import load

    if top < 1:
        raise SettingError(f"top cannot be {top}: give a whole number from 1.")
    trained = load(run)
    rows = [] if text is None else next_symbols(trained.model, trained.codec, text, top)
    layers = layer_table(trained.model)
    if as_json:
        document = {"run": str(run), "receptive_field": trained.model.receptive_field, "layers": [*map(asdict, layers)]}
        content_json(document if text is None else document | {"text": text, "next": [*map(asdict, rows)]})
    elif text is None:
        _show_layers(trained, layers)
    else:
        _show_predictions(rows)


def _show_layers(trained: Trained, layers: list[LayerRow]) -> None:
    parameters = sum(row.parameters for row in layers)
    content(
        f"{trained.folder.config().model.kind}, {number(parameters)} parameters; "
        f"a prediction sees {plural(trained.model.receptive_field, 'symbol')}"
    )
    content("")
    costs = [(row.parameters, row.multiply_adds, row.window_multiply_adds) for row in layers]
    rows = [
        (row.name, row.shape, number(row.sees), *map(number, cost)) for row, cost in zip(layers, costs, strict=True)
    ]
    total = ("total", "", "", *(number(sum(column)) for column in zip(*costs, strict=True)))
    heads = ["<layer", "<shape", ">sees", ">parameters", ">mult-adds", ">in a window"]
    show(table(heads, [*rows, total]))


def _show_predictions(rows: list[NextRow]) -> None:
    shown = [
        (
            row.context[-CONTEXT_SHOWN:],
            _shown(row.symbol),
            f"{row.probability:.4f}",
            f"{row.nats:.2f}",
            "  ".join(f"{_shown(symbol)} {probability:.2f}" for symbol, probability in row.likeliest),
        )
        for row in rows
    ]
    show(table([">context", "<next", ">chance", ">nats", "<likeliest"], shown, fold=True))
    nats = sum(row.nats for row in rows)
    mean = nats / len(rows)
    content("")
    content(f"{nats:.2f} nats in all, {mean:.3f} nats ({mean * BITS:.3f} bits) a symbol")


def _shown(symbol: str) -> str:
    return SPACE_SHOWN if symbol == " " else symbol


def verify(
    run: Annotated[Path, Parameter(help="The run folder that `wavetree train` made.")],
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Every law on this model; 1 if one does not hold."""
    from wavetree.inspect import verify as findings_of
    from wavetree.runs import load

    with working("comparing"):
        findings = findings_of(load(run).model)
    failed = [finding for finding in findings if not finding.passed]
    if as_json:
        laws = [asdict(finding) | {"passed": finding.passed} for finding in findings]
        content_json({"run": str(run), "passed": not failed, "findings": laws})
    else:
        _show_findings(findings)
    if failed:
        say(f"{len(failed)} of {len(findings)} findings fail: this model does not do what it should.")
    else:
        say(f"all {len(findings)} findings hold")
    return 1 if failed else 0


def _show_findings(findings: list[Finding]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    rows: list[tuple[RenderableType, ...]] = []
    for law, group in itertools.groupby(findings, key=lambda finding: finding.law):
        rows.append((Text(law, style="bold"), "", "", "", ""))
        for f in group:
            holds = Text("holds", style="green") if f.passed else Text("FAILS", style="bold red")
            rows.append(
                (Padding(f.compared, (0, 0, 0, 2)), number(f.cases), f"{f.difference:.1e}", f"{f.tolerance:.0e}", holds)
            )
    show(table(["<compared", ">cases", ">difference", ">at most", "<"], rows, fold=True))
