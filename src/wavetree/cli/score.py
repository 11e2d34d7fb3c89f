"""`wavetree score` and `wavetree rank`: how surprising each line is, or each block of a text or a sound."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from wavetree.cli.output import content, flush, say, visible
from wavetree.cli.wording import plural
from wavetree.errors import InputError, SettingError

if TYPE_CHECKING:
    from wavetree.score.lines import Fault, Source

STDIN = "-"
FPR = 0.01
FAULTS_TOLD = 20
"""So many lines that are no items are told one by one, the others are counted."""
WORKERS = 2


def score(
    run: Annotated[Path, Parameter(help="The run folder that `wavetree train` made.")],
    file: Annotated[
        str, Parameter(help="One item a line, a text or a sound file; - is standard input.", allow_leading_hyphen=True)
    ] = STDIN,
    /,
    *,
    fpr: Annotated[
        float | None, Parameter(help="Lists: flag what would be rarer than this share of good items (0.01).")
    ] = None,
    json_lines: Annotated[bool, Parameter(help="One JSON object a line on stdout, as they come.")] = False,
    summary: Annotated[bool, Parameter(help="Does the whole differ from what was learnt? Instead of lines.")] = False,
    top: Annotated[int | None, Parameter(help="Only this many, the most surprising first.")] = None,
    block: Annotated[int | None, Parameter(help="Text (1,000), sound (a second): symbols to a block.")] = None,
    condition: Annotated[str, Parameter(help="What holds for all, such as sex=F,decade=1920.")] = "",
    as_json: Annotated[bool, Parameter(name="--json", help="With --summary: one JSON object.")] = False,
) -> int:
    """Scores lines as they come, or blocks of a text or a sound; exit code 2 if a line was no item."""
    from wavetree.runs import load

    trained = load(run)
    if not trained.of_items:
        from wavetree.cli.scoring_streams import score_stream

        asked = {"--summary": summary, "--top": top is not None, "--fpr": fpr is not None, "--json": as_json}
        for option, given in asked.items():
            if given:
                raise SettingError(f"{run} has learnt a stream, and {option} is for lists: leave it out.")
        return score_stream(trained, file, block, condition, json_lines)
    from wavetree.cli import scoring_lists

    if block is not None:
        raise SettingError(f"{run} has learnt a list, and --block is for text and sound: leave it out.")
    for option, given in (("--top", top is not None), ("--json-lines", json_lines)):
        if summary and given:
            raise SettingError(f"--summary is about all lines together, and {option} about each: leave one out.")
    if as_json and not summary:
        raise SettingError("--json goes with --summary; a line of JSON for each item is --json-lines.")
    if top is not None and top < 1:
        raise SettingError(f"top cannot be {top}: give a whole number from 1.")
    scoring = scoring_lists.Scoring.of(trained, FPR if fpr is None else fpr, condition)
    if summary:
        return scoring_lists.summarise(scoring, file, as_json)
    if top is not None:
        return scoring_lists.most_surprising(scoring, file, top, json_lines)
    return scoring_lists.in_order(scoring, file, json_lines)


def rank(
    run: Annotated[Path, Parameter(help="The run folder that `wavetree train` made.")],
    file: Annotated[str, Parameter(help="One item a line; - is standard input.", allow_leading_hyphen=True)] = STDIN,
    /,
    *,
    reverse: Annotated[bool, Parameter(help="The most surprising first.")] = False,
    condition: Annotated[str, Parameter(help="What holds for all, such as sex=F,decade=1920.")] = "",
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Sorts lines: the likeliest for their length first."""
    from wavetree.cli import scoring_lists
    from wavetree.runs import load

    return scoring_lists.ranked(scoring_lists.Scoring.of(load(run), FPR, condition), file, reverse, as_json)


@contextmanager
def opened(file: str) -> Iterator[Source]:
    """What bytes are read from. Raises InputError where there is nothing to read."""
    if file == STDIN:
        if sys.stdin is None:
            raise InputError("there is no standard input: name a file.")
        if sys.stdin.isatty():
            say("reading lines from the terminal; Ctrl-D ends")
        buffer = sys.stdin.buffer
        yield getattr(buffer, "raw", buffer)  # unbuffered: a read takes what there is
        return
    try:
        source = Path(file).open("rb", buffering=0)  # noqa: SIM115 - closed below
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise InputError(
            f"{str(file)!r} cannot be read: {reason}. Check the path; a string goes in by a pipe, with - for FILE."
        ) from None
    with source:
        yield source


class Faults:
    """The lines that were no items: told as they come, and counted."""

    def __init__(self) -> None:
        self.count = 0

    def tell(self, faults: list[tuple[int, Fault]]) -> None:
        """The next ones."""
        for _, fault in faults:
            self.count += 1
            if self.count <= FAULTS_TOLD:
                say(visible(fault.sentence))

    def code(self) -> int:
        """The exit code at the end, with a last word on those that were not told."""
        if self.count > FAULTS_TOLD:
            say(f"and {plural(self.count - FAULTS_TOLD, 'line')} more that could not be read.")
        return InputError.exit_code if self.count else 0


def put(text: str) -> None:
    """Lines of content, written out at once: whoever reads them may be waiting."""
    if text:
        content(text.removesuffix("\n"))
        flush()
