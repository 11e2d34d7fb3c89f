"""`wavetree inspect` and `wavetree verify`: what is inside a model, and whether it keeps its laws."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from wavetree.cli.nodes import SHOWN, show_flip, show_fusion, show_receptive
from wavetree.cli.output import content, content_json, number, say, show, show_columns, table, working
from wavetree.cli.wording import BITS, plural, shown
from wavetree.errors import SettingError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from wavetree.inspect import Finding, LayerRow, NextRow
    from wavetree.models import Tree
    from wavetree.runs import Trained

CONTEXT_SHOWN = 12
"""Symbols. A longer context is cut on the left, where it was seen longest ago."""


def inspect(
    run: Annotated[Path, Parameter(help="The run folder that `wavetree train` made.")],
    text: Annotated[str | None, Parameter(help="A text to predict, symbol by symbol.")] = None,
    /,
    *,
    top: Annotated[
        int | None,
        Parameter(help="How many symbols (of a prediction) or outputs (of a fusion) to show: 5, if not said."),
    ] = None,
    trace: Annotated[
        str | None,
        Parameter(name="--trace", help="LEVEL,POSITION: open one fusion. Positions count the TEXT's symbols from 1."),
    ] = None,
    as_form: Annotated[
        Literal["python"] | None,
        Parameter(
            name="--as",
            help="With --trace: a program that computes the node again, with every number in it: some MB for a node of "
            "224 outputs. --top 3 keeps it to 3 of them.",
        ),
    ] = None,
    receptive: Annotated[
        bool, Parameter(help="Which symbols each node sees: measured by changing them, beside the formula.")
    ] = False,
    flip: Annotated[
        str | None, Parameter(help="POSITION or POSITION=SYMBOL: change that symbol, and see which nodes move.")
    ] = None,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """The layers of a model; with a text its predictions, or its nodes."""
    from wavetree.runs import load

    if top is not None and top < 1:
        raise SettingError(f"top cannot be {top}: give a whole number from 1.")
    views = {"--trace LEVEL,POSITION": trace is not None, "--receptive": receptive, "--flip POSITION": flip is not None}
    wished = [view for view, given in views.items() if given]
    if len(wished) > 1:
        raise SettingError(
            f"{' and '.join(view.split()[0] for view in wished)} are different views: ask for one at a time."
        )
    if as_form is not None and (trace is None or as_json):
        raise SettingError(
            "--as python writes down the fusion that --trace LEVEL,POSITION opens, and goes without --json."
        )
    if wished and text is None:
        raise SettingError(f"{wished[0].split()[0]} needs a text to look at: wavetree inspect {run} TEXT {wished[0]}.")
    trained = load(run)
    if text is None or not wished:
        _layers_or_predictions(run, trained, text, top or SHOWN, as_json)
        return
    model = _tree(trained, wished[0].split()[0])
    if trace is not None:
        show_fusion(run, model, trained.alphabet, text, trace, top, as_form, as_json)
    elif flip is not None:
        show_flip(run, model, trained.alphabet, text, flip, as_json)
    else:
        show_receptive(run, model, trained.alphabet, text, as_json)


def _tree(trained: Trained, wished: str) -> Tree:
    from wavetree.models import Tree

    if isinstance(trained.model, Tree):
        return trained.model
    raise SettingError(
        f"{wished} looks at the nodes of a tree, and {trained.folder.path} is a {trained.folder.config().model.kind} "
        "model: it has none. Without it, `wavetree inspect` shows layers and predictions of any model."
    )


def _layers_or_predictions(run: Path, trained: Trained, text: str | None, top: int, as_json: bool) -> None:
    from wavetree.inspect import layer_table, next_symbols

    rows = [] if text is None else next_symbols(trained.model, trained.alphabet, text, top)
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
    facts = ("<shape", [row.shape for row in layers]), (">sees", [number(row.sees) for row in layers])
    figures = {
        ">parameters": [row.parameters for row in layers],
        ">mult-adds": [row.multiply_adds for row in layers],
        ">in a window": [row.window_multiply_adds for row in layers],
    }
    costs = [(head, [*map(number, column), number(sum(column))]) for head, column in figures.items()]
    show_columns(
        ("<layer", [*(row.name for row in layers), "total"]), [(head, [*cells, ""]) for head, cells in facts], costs
    )


def _show_predictions(rows: list[NextRow]) -> None:
    cells = [
        (
            row.context[-CONTEXT_SHOWN:],
            shown(row.symbol),
            f"{row.probability:.4f}",
            f"{row.nats:.2f}",
            "  ".join(f"{shown(symbol)} {probability:.2f}" for symbol, probability in row.likeliest),
        )
        for row in rows
    ]
    show(table([">context", "<next", ">chance", ">nats", "<likeliest"], cells, fold=True))
    nats = sum(row.nats for row in rows)
    mean = nats / len(rows)
    content("")
    if len(rows) == 1:  # an empty text: its end alone is predicted
        content(f"{nats:.3f} nats ({nats * BITS:.3f} bits), for the end alone")
    else:
        content(f"{nats:.2f} nats in all, {mean:.3f} nats ({mean * BITS:.3f} bits) a symbol")


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
