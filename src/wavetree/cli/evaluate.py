"""`wavetree evaluate`: the exact losses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wavetree.cli.output import content_json, number, say, show, table, working
from wavetree.cli.wording import BITS, leak_warning


def evaluate(
    run: Annotated[Path, Parameter(help="The run folder that `wavetree train` made.")],
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Measure the exact loss on every side of the split: each symbol counted once, the marks that end items too."""
    from wavetree.api import losses
    from wavetree.runs import load

    with working("measuring"):
        trained = load(run)
        found = losses(trained)
    sides = {side: trained.folder.items(side) for side in found}
    figures = {
        side: {
            "nats_per_symbol": loss.mean,
            "bits_per_symbol": loss.mean * BITS,
            "symbols": loss.symbols,
            "items": len(sides[side]),
        }
        for side, loss in found.items()
    }
    if as_json:
        content_json({"run": str(run), **figures})
    else:
        rows = [
            (
                side,
                number(f["nats_per_symbol"], 4),
                number(f["bits_per_symbol"], 4),
                number(f["symbols"]),
                number(f["items"]),
            )
            for side, f in figures.items()
        ]
        show(table(["<side", ">nats a symbol", ">bits a symbol", ">symbols", ">items"], rows))
    warning = leak_warning(sides["train"], sides["validation"])
    if warning:
        say(warning)
