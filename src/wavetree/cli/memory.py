"""`wavetree memory`: how much of what a run makes up is a copy, or nearly one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wavetree.cli.output import content, content_json, number, say, show, show_columns, table, visible, working

FARTHEST = 4
"""Distances from here on are counted together."""
PAIRS = 5
SYMBOLS = 400
"""Longer items would take minutes to compare."""


def memory(
    run: Annotated[Path, Parameter(help="The run folder that `wavetree train` made.")],
    /,
    *,
    count: Annotated[int, Parameter(name=["--count", "-n"], help="How many items to draw.")] = 1000,
    seed: Annotated[int, Parameter(help="Same seed, same samples.")] = 1,
    temperature: Annotated[float, Parameter(help="Below 1 safer, above 1 wilder.")] = 1.0,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Draws items and finds the nearest training item of each, and the same of held-out items, to compare with."""
    from wavetree.api import draws
    from wavetree.errors import RunError
    from wavetree.generate import Choice
    from wavetree.generate.memory import Memory, Nearest
    from wavetree.runs import load

    trained = load(run)
    if not trained.of_items:
        raise RunError(f"{run} has learnt a stream, which has no items: `wavetree memory` is for lists.")
    choice = Choice(temperature, max_length=SYMBOLS)
    with working("drawing"):
        drawn = [one.item for one in draws(trained, count, seed, "", choice, novel=False)]
        learnt = [item for item in trained.folder.items("train") if len(item) <= SYMBOLS]
        held = trained.folder.items("validation") + trained.folder.items("test")
        held = held[:: max(1, len(held) // count)]  # all along a list that may be sorted
    if not learnt:
        raise RunError(f"{run} has learnt no item of up to {SYMBOLS} symbols: there is nothing to compare with.")
    with working("comparing"):
        nearest = Nearest(learnt)
        made = Memory.of(drawn, nearest)
        real = Memory.of([item for item in held if len(item) <= SYMBOLS], nearest)
    if as_json:
        sides = {
            name: {
                "items": side.items,
                "copies": side.copies,
                "distances": {str(distance): many for distance, many in side.distances.items()},
                "mean_distance_of_others": side.mean_of_others,
            }
            for name, side in (("drawn", made), ("held_out", real))
        }
        pairs = [{"item": item, "nearest": near, "distance": distance} for item, near, distance in made.pairs[:PAIRS]]
        content_json({"run": str(run), "seed": seed, **sides, "pairs": pairs})
        return
    rows: list[tuple[str, str, str]] = []
    for distance in range(FARTHEST + 1):
        name = "copies" if not distance else f"{distance} away" if distance < FARTHEST else f"{distance} or more away"
        rows.append((name, _share(made, distance), _share(real, distance)))
    others = [number(side.mean_of_others, 2) if side.items > side.copies else "-" for side in (made, real)]
    rows.append(("mean of the others", others[0], others[1]))
    names, drawn_shares, held_shares = zip(*rows, strict=True)
    show_columns(("<nearest", names), [(">drawn", drawn_shares), (">held out", held_shares)])
    if made.pairs:
        content("")
        show(table(["<", "<", "<"], [(visible(i), "is near", visible(near)) for i, near, _ in made.pairs[:PAIRS]]))
    say(
        f"{made.copies / made.items:.1%} of {number(made.items)} drawn items are copies; if the others were nearer "
        "than held-out items are, the model would be repeating its list."
    )


def _share(side: object, distance: int) -> str:
    from wavetree.generate.memory import Memory

    assert isinstance(side, Memory)
    many = sum(n for d, n in side.distances.items() if d == distance or (distance == FARTHEST and d > distance))
    return f"{many / side.items:.1%}" if side.items else "-"
