"""`wavetree sample`: new items, each with its mark."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from wavetree.cli.output import content, content_json, say, show, table, visible, working
from wavetree.cli.wording import plural

if TYPE_CHECKING:
    from wavetree.generate import Drawn

STYLES = {"new": "green", "held out": "yellow", "train": "dim"}


def sample(
    run: Annotated[Path, Parameter(help="The run folder that `wavetree train` made.")],
    /,
    *,
    count: Annotated[int, Parameter(name=["--count", "-n"], help="How many items.")] = 20,
    prefix: Annotated[str, Parameter(help="What every item begins with.")] = "",
    seed: Annotated[int, Parameter(help="Same seed, same items.")] = 1,
    temperature: Annotated[float, Parameter(help="Below 1 safer, above 1 wilder; 0 takes the likeliest.")] = 1.0,
    top_k: Annotated[int | None, Parameter(help="Choose among this many likeliest symbols.")] = None,
    top_p: Annotated[float | None, Parameter(help="Choose among the fewest symbols that reach this share.")] = None,
    max_length: Annotated[int, Parameter(help="Cut an item that has not ended by then.")] = 200,
    novel: Annotated[bool, Parameter(help="Only items that are not in the list, each once.")] = False,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Draws items and prints them with their marks."""
    from wavetree.api import draws
    from wavetree.generate import Choice
    from wavetree.runs import load

    choice = Choice(temperature, top_k, top_p, max_length)
    drawn = draws(load(run), count, seed, prefix, choice, novel)
    if as_json:
        with working("sampling"):
            found = list(drawn)
        content_json({"run": str(run), "seed": seed, "items": [*map(asdict, found)], "marks": _marks(found)})
    elif sys.stdout is not None and sys.stdout.isatty():
        found = _show(drawn)
    else:
        found = list(_lines(drawn))
    tally = ", ".join(f"{count:,} {mark}" for mark, count in _marks(found).items())
    say(f"{plural(len(found), 'item')}: {tally}")


def _show(drawn: Iterator[Drawn]) -> list[Drawn]:
    from rich.text import Text

    with working("sampling"):
        found = list(drawn)
    rows = [
        (Text(visible(item.item) + ("" if item.ended else " ...")), Text(item.mark, style=STYLES[item.mark]))
        for item in found
    ]
    show(table(["<", "<"], rows, fold=True))
    return found


def _marks(found: list[Drawn]) -> dict[str, int]:
    """How many items have each mark."""
    return dict.fromkeys(STYLES, 0) | Counter(str(item.mark) for item in found)


def _lines(drawn: Iterator[Drawn]) -> Iterator[Drawn]:
    for item in drawn:
        content(f"{visible(item.item)}\t{item.mark}")
        yield item
