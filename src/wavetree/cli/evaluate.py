"""`wavetree evaluate`: the exact losses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from wavetree.cli.output import content_json, number, say, show, table, working
from wavetree.cli.wording import BITS, leak_warning

if TYPE_CHECKING:
    from wavetree.evaluate import Loss
    from wavetree.runs import Trained


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
    sizes = _sizes(trained, found)
    if as_json:
        figures = {
            side: {"nats_per_symbol": loss.mean, "bits_per_symbol": loss.mean * BITS, "symbols": loss.symbols}
            for side, loss in found.items()
        }
        content_json({"run": str(run), **{side: figures[side] | sizes[side] for side in found}})
    else:
        rows = [
            (
                side,
                number(loss.mean, 4),
                number(loss.mean * BITS, 4),
                number(loss.symbols),
                *(number(size, 0 if isinstance(size, int) else 1) for size in sizes[side].values()),
            )
            for side, loss in found.items()
        ]
        unit = trained.codec.unit
        sized = [f">{name}" for name in next(iter(sizes.values()))]
        show(table(["<side", f">nats a {unit}", f">bits a {unit}", f">{unit}s", *sized], rows))
    if trained.of_items:
        warning = leak_warning(trained.folder.items("train"), trained.folder.items("validation"))
        if warning:
            say(warning)


def _sizes(trained: Trained, found: dict[str, Loss]) -> dict[str, dict[str, int | float]]:
    """How large each side is, beside its symbols: in items, or in seconds, or in nothing else."""
    from wavetree.codecs import MuLawCodec

    if trained.of_items:
        return {side: {"items": len(trained.folder.items(side))} for side in found}
    if isinstance(trained.codec, MuLawCodec):
        return {side: {"seconds": loss.symbols / trained.codec.rate} for side, loss in found.items()}
    return {side: {} for side in found}
