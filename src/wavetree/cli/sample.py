"""`wavetree sample`: new items with their marks, a text that goes on, or sound."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from wavetree.cli.output import content, content_json, passage, say, show, table, visible, working
from wavetree.cli.wording import plural
from wavetree.errors import SettingError

if TYPE_CHECKING:
    from wavetree.generate import Choice, Drawn
    from wavetree.generate.limits import Limits
    from wavetree.runs import Trained

STYLES = {"new": "green", "held out": "yellow", "train": "dim", "unmarked": ""}
MARKS = ("new", "held out", "train")
"""Of which a tally names each; `unmarked` only where there are any."""
ITEMS, LENGTH, SECONDS = 20, 500, 5.0
"""How much is made where nothing is said."""
MAX_LENGTH = 200

OF_ITEMS = {"--prefix", "--min-length", "--max-length", "--pattern", "--novel", "-n"}
OF_TEXT = {"--prompt", "--length", "-n"}
OF_SOUND = {"--prompt", "--seconds", "--out", "--play"}
BELONGS = {"--prefix": "lists", "--max-length": "lists", "--novel": "lists", "--length": "running text"}
BELONGS |= {"--min-length": "lists", "--pattern": "lists"}
BELONGS |= {"--prompt": "text and sound", "--seconds": "sound", "--out": "sound", "--play": "sound"}
INSTEAD = {
    ("--prefix", "text"): "--prompt",
    ("--prefix", "audio"): "--prompt start.wav",
    ("--prompt", "items"): "--prefix",
    ("--length", "items"): "--max-length",
    ("--max-length", "text"): "--length",
    ("--length", "audio"): "--seconds",
    ("--max-length", "audio"): "--seconds",
    ("--seconds", "text"): "--length",
    ("-n", "audio"): "--seed, once for each",
}


def sample(
    run: Annotated[Path, Parameter(help="The run folder that `wavetree train` made.")],
    /,
    *,
    count: Annotated[
        int | None, Parameter(name=["--count", "-n"], help="How many items (20, if not said), or texts (1).")
    ] = None,
    prefix: Annotated[str | None, Parameter(help="Lists: what every item begins with.")] = None,
    prompt: Annotated[
        str | None, Parameter(help="Text: what it goes on from. Sound: a WAV file to go on from.")
    ] = None,
    length: Annotated[int | None, Parameter(help="Text: how many symbols (500, if not said).")] = None,
    seconds: Annotated[float | None, Parameter(help="Sound: how long (5, if not said).")] = None,
    out: Annotated[
        str | None, Parameter(allow_leading_hyphen=True, help="Sound: the WAV file to write, or - for stdout.")
    ] = None,
    play: Annotated[bool, Parameter(help="Sound: play it, where there is a player.")] = False,
    condition: Annotated[str, Parameter(help="What is told besides, such as sex=F,decade=1920.")] = "",
    seed: Annotated[int, Parameter(help="Same seed, same samples.")] = 1,
    temperature: Annotated[float, Parameter(help="Below 1 safer, above 1 wilder; 0 takes the likeliest.")] = 1.0,
    top_k: Annotated[int | None, Parameter(help="Choose among this many likeliest symbols.")] = None,
    top_p: Annotated[float | None, Parameter(help="Choose among the fewest symbols that reach this share.")] = None,
    max_length: Annotated[int | None, Parameter(help="Lists: cut an item that has not ended by then (200).")] = None,
    min_length: Annotated[int | None, Parameter(help="Lists: only whole items of so many symbols or more.")] = None,
    pattern: Annotated[str | None, Parameter(help="Lists: only items that are as this regular expression.")] = None,
    novel: Annotated[bool, Parameter(help="Lists: only items that are not in the list, each once.")] = False,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Draws from a run of any kind and prints, or writes, what comes."""
    from wavetree.generate import Choice
    from wavetree.runs import load

    choice = Choice(temperature, top_k, top_p, MAX_LENGTH if max_length is None else max_length)
    trained = load(run)
    kind = trained.folder.config().data.kind
    asked: dict[str, object] = {
        "--prefix": prefix,
        "--max-length": max_length,
        "--novel": novel or None,
        "--prompt": prompt,
    }
    asked |= {"--min-length": min_length, "--pattern": pattern}
    asked |= {"--length": length, "--seconds": seconds, "--out": out, "--play": play or None, "-n": count}
    _refuse_others({option for option, value in asked.items() if value is not None}, kind, run)
    if kind == "items":
        from wavetree.generate.limits import Limits

        limits, count = Limits(min_length or 0, pattern or ""), ITEMS if count is None else count
        _items(trained, count, prefix or "", choice, novel, condition, limits, seed, as_json)
    elif kind == "audio":
        from wavetree.cli.sounding import make_sound

        make_sound(
            trained, SECONDS if seconds is None else seconds, prompt, out, play, choice, condition, seed, as_json
        )
    else:
        count, length = 1 if count is None else count, LENGTH if length is None else length
        _texts(trained, count, length, prompt or "", choice, condition, seed, as_json)


def _refuse_others(asked: set[str], kind: str, run: Path) -> None:
    """Raises SettingError for an option that is about runs of another kind."""
    of = "text" if kind == "bytes" else kind
    fitting = {"items": OF_ITEMS, "text": OF_TEXT, "audio": OF_SOUND}[of]
    for option in sorted(asked - fitting):
        what = {"items": "a list", "text": "running text", "audio": "sound"}[of]
        instead = INSTEAD.get((option, of))
        belongs = f"is for {BELONGS[option]}" if option in BELONGS else "is for lists and text"
        raise SettingError(
            f"{run} has learnt {what}, and {option} {belongs}: {f'say {instead}' if instead else 'leave it out'}."
        )


def _items(
    trained: Trained,
    count: int,
    prefix: str,
    choice: Choice,
    novel: bool,
    condition: str,
    limits: Limits,
    seed: int,
    as_json: bool,
) -> None:
    from wavetree.api import draws

    drawn = draws(trained, count, seed, prefix, choice, novel, condition, limits)
    if as_json:
        with working("sampling"):
            found = list(drawn)
        told = {"condition": condition} if condition else {}
        about = {"run": str(trained.folder.path), "seed": seed, **told}
        content_json({**about, "items": [*map(asdict, found)], "marks": _marks(found)})
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
    named = () if found and found[0].mark == "unmarked" else MARKS
    return dict.fromkeys(named, 0) | Counter(str(item.mark) for item in found)


def _lines(drawn: Iterator[Drawn]) -> Iterator[Drawn]:
    for item in drawn:
        content(f"{visible(item.item)}\t{item.mark}")
        yield item


BLOCK = 32
"""Symbols of a text that are shown together: a reader sees it grow."""


def _texts(
    trained: Trained, count: int, length: int, prompt: str, choice: Choice, condition: str, seed: int, as_json: bool
) -> None:
    """Texts, each after its prompt, as they are made; an empty line lies between two."""
    from wavetree.api import stream
    from wavetree.cli.sounding import engine

    if count < 1:
        raise SettingError(f"{count} cannot be sampled: ask for 1 or more.")
    made = [
        stream(
            trained, length, prompt=prompt, seed=seed, choice=choice, condition=condition, number=number, block=BLOCK
        )
        for number in range(count)
    ]
    if as_json:
        with working("sampling"):
            texts = ["".join(map(str, blocks)) for blocks in made]
        told = {"condition": condition} if condition else {}
        about = {"run": str(trained.folder.path), "seed": seed, "prompt": prompt, **told}
        content_json({**about, "length": length, "texts": texts})
        return
    for number, blocks in enumerate(made):
        if number:
            content("")
        passage(prompt)
        for block in blocks:
            passage(str(block))
        content("")
    unit = trained.codec.unit
    say(f"{plural(count, 'text')} of {plural(length, unit)}, by {engine(trained)}")
