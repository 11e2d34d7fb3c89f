"""`wavetree complete`: the likeliest items that begin with a prefix."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wavetree.cli.output import content, content_json, say, visible, working


def complete(
    run: Annotated[Path, Parameter(help="The run folder that `wavetree train` made.")],
    prefix: Annotated[str, Parameter(help="What the items begin with.", allow_leading_hyphen=True)] = "",
    /,
    *,
    count: Annotated[int, Parameter(name=["--count", "-n"], help="How many.")] = 10,
    max_length: Annotated[int, Parameter(help="Only items of up to so many symbols.")] = 200,
    condition: Annotated[str, Parameter(help="What is told besides, such as sex=F,decade=1920.")] = "",
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Prints items with their probabilities, the likeliest first; there is no likelier one that is left out."""
    from wavetree.api import given_by
    from wavetree.errors import RunError
    from wavetree.runs import load
    from wavetree.score.completing import completions

    trained = load(run)
    if not trained.of_items:
        raise RunError(
            f"{run} has learnt a stream, which has no items: `wavetree sample --prompt` goes on from a text."
        )
    codec = trained.alphabet
    ids = codec.encode(prefix).tolist()
    with working("searching"):
        found = completions(trained.model, ids, count, given_by(trained, condition), max_length)
    items = [(codec.decode(one.ids), one.probability) for one in found]
    if as_json:
        about = {"run": str(run), "prefix": prefix, **({"condition": condition} if condition else {})}
        content_json({**about, "items": [{"item": item, "probability": share} for item, share in items]})
    else:
        for item, share in items:
            content(f"{visible(item)}\t{share:.6f}")
    say(f"together {sum(share for _, share in items):.2%} of all items that begin so")
