"""What `wavetree score` and `rank` print about the items of a list."""

from __future__ import annotations

import heapq
import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeVar

import torch

from wavetree.api import given_by
from wavetree.cli.output import NO_VALUE, content_json, number, say, show_columns, visible, working
from wavetree.cli.score import WORKERS, Faults, opened, put
from wavetree.cli.wording import plural, shown
from wavetree.errors import InputError
from wavetree.score import Calibration, Difference, DriftMeter, ItemScore, Scored, Threshold, calibration_of, scores
from wavetree.score.jsonlines import json_lines
from wavetree.score.lines import Batch, batches
from wavetree.score.pump import pumped
from wavetree.score.surprisal import NATS_A_BIT

if TYPE_CHECKING:
    from wavetree.runs import Trained

Made = TypeVar("Made")

MOST_RANKED = 5_000_000
COLOURS = ((10.0, "1;37;41"), (7.0, "1;31"), (5.0, "33"), (3.0, ""), (0.0, "2"))
"""From how many bits on a symbol has which look on a terminal: white on red, red, yellow, plain, faint."""
END = "end"
HEAD = f"{'percentile':>10}  {'nats':>7}  {'bits':>5}  verdict  item, and the symbols to blame"
"""Over the lines on a terminal."""


@dataclass(frozen=True)
class Scoring:
    """A model, and what its scores mean."""

    trained: Trained
    given: torch.Tensor | None
    calibration: Calibration
    threshold: Threshold

    @classmethod
    def of(cls, trained: Trained, fpr: float, condition: str) -> Scoring:
        """Says what there is to say about the calibration. Raises SettingError and RunError."""
        given = given_by(trained, condition)
        calibration, note = calibration_of(trained, told=bool(condition))
        if note:
            say(note)
        return cls(trained, given, calibration, calibration.threshold(fpr))

    def scored(self, items: list[str]) -> Scored:
        """The items of a batch."""
        return scores(self.trained.model, self.trained.alphabet, items, self.given)

    def worked(self, file: str, work: Callable[[Batch, Scored], Made], faults: Faults) -> Iterator[Made]:
        """`work` of every batch of a file, in order, a few batches at a time."""

        def both(batch: Batch) -> tuple[Batch, Made]:
            return batch, work(batch, self.scored(batch.items))

        torch.set_num_threads(1)  # the workers are side by side
        with opened(file) as source:
            for batch, made in pumped(batches(source), both, WORKERS):
                faults.tell(batch.faults)
                yield made


def in_order(scoring: Scoring, file: str, as_json: bool) -> int:
    """A line for each item, as they come."""
    items = flagged = 0
    faults = Faults()
    terminal = sys.stdout is not None and sys.stdout.isatty()

    def work(batch: Batch, scored: Scored) -> tuple[str, int, int]:
        if as_json:
            return (*json_lines(scored, batch, scoring.calibration, scoring.threshold), len(scored))
        text, flags = _lines(scoring, scored, terminal)
        return text, flags, len(scored)

    if terminal and not as_json:
        put(HEAD)
    for text, flags, count in scoring.worked(file, work, faults):
        put(text)
        items, flagged = items + count, flagged + flags
    return _end(items, flagged, scoring.threshold, faults)


def most_surprising(scoring: Scoring, file: str, count: int, as_json: bool) -> int:
    """The `count` items of the highest scores."""
    best: list[tuple[float, int, ItemScore]] = []
    faults = Faults()
    items = flagged = 0
    for scored in scoring.worked(file, lambda _batch, scored: scored, faults):
        standard = scoring.calibration.expected.score(scored.nats, scored.symbols)
        flagged += int((standard > scoring.threshold.score).sum())
        order = (-standard).argsort(kind="stable")[:count].tolist()
        new = [(-float(standard[i]), items + i, scored[i]) for i in order]
        best = heapq.nsmallest(count, best + new, key=lambda entry: entry[:2])
        items += len(scored)
    chosen = [item for _, _, item in best]
    made = scoring.scored([item.item for item in chosen])
    if as_json:
        batch = Batch([item.item for item in chosen], [])
        put(json_lines(made, batch, scoring.calibration, scoring.threshold)[0])
    else:
        terminal = sys.stdout is not None and sys.stdout.isatty()
        lines = _lines(scoring, made, terminal)[0]
        put(f"{HEAD}\n{lines}" if terminal and lines else lines)
    return _end(items, flagged, scoring.threshold, faults)


def ranked(scoring: Scoring, file: str, reverse: bool, as_json: bool) -> int:
    """All items, sorted: score, bits a symbol, item."""
    found: list[tuple[float, float, str]] = []
    faults = Faults()
    with working("scoring"):
        for scored in scoring.worked(file, lambda _batch, scored: scored, faults):
            standard = scoring.calibration.expected.score(scored.nats, scored.symbols)
            bits = scored.nats / NATS_A_BIT / scored.symbols
            found += zip(standard.tolist(), bits.tolist(), scored.items, strict=True)
            if len(found) > MOST_RANKED:
                raise InputError(
                    f"{file} has more than {number(MOST_RANKED)} items, which would have to be in memory at once: "
                    "`wavetree score --top N` takes files of any size."
                )
    found.sort(key=lambda entry: entry[0], reverse=reverse)
    if as_json:
        rows = [{"item": item, "score": standard, "bits_per_symbol": bits} for standard, bits, item in found]
        content_json({"run": str(scoring.trained.folder.path), "file": file, "items": rows, "faults": faults.count})
        return faults.code()
    put("".join(f"{standard:.3f}\t{bits:.3f}\t{visible(item)}\n" for standard, bits, item in found))
    say(f"{plural(len(found), 'item')}: score, bits a symbol, item")
    return faults.code()


def summarise(scoring: Scoring, file: str, as_json: bool) -> int:
    """The drift report."""
    meter, faults = DriftMeter(scoring.calibration, scoring.threshold), Faults()
    with working("scoring"):
        for scored in scoring.worked(file, lambda _batch, scored: scored, faults):
            meter.add(scored)
    found = meter.report()
    if as_json:
        about = {"run": str(scoring.trained.folder.path), "file": file, "verdict": found.verdict}
        content_json({**about, "fpr": scoring.threshold.asked, **asdict(found), "faults": faults.count})
        return faults.code()
    if found.items:
        low, high = found.expected_flags
        rows = [
            ("items", number(found.items), f"{number(found.held_out)} held out"),
            ("flagged", number(found.flagged), f"a good batch: {number(low)} to {number(high)}"),
            ("distance of scores", number(found.distance, 4), f"chance {found.chance:.2g}"),
            ("mean score, more by", *_more(found.score)),
            ("symbols, more by", *_more(found.symbols)),
            ("with unknown ones", number(found.unknown_items), plural(found.unknown_symbols, "symbol")),
        ]
        names, figures, notes = zip(*rows, strict=True)
        show_columns(("<", names), [(">", figures)], [("<", notes)])
    put(found.verdict)
    say(scoring.threshold.sentence)
    return faults.code()


def _more(off: Difference) -> tuple[str, str]:
    """A difference and its interval, where there is anything to take a mean of: a score may be infinite."""
    if not math.isfinite(off.high - off.low):
        return NO_VALUE, "too few without unknown symbols"
    return number(off.mean, 3), f"{off.low:+.3f} to {off.high:+.3f}"


def _end(items: int, flagged: int, threshold: Threshold, faults: Faults) -> int:
    if not items and not faults.count:
        say("no items: the input is empty, or holds only blank lines.")
        return 0
    share = f" ({flagged / items:.2%})" if items else ""
    code = faults.code()
    say(f"{plural(items, 'item')}, {number(flagged)} flagged{share}")
    say(threshold.sentence)
    return code


def _lines(scoring: Scoring, scored: Scored, terminal: bool) -> tuple[str, int]:
    """A line for each item, and how many are flagged: columns on a terminal, else between tabs."""
    standard = scoring.calibration.expected.score(scored.nats, scored.symbols)
    flags = (standard > scoring.threshold.score).tolist()
    ranks = scoring.calibration.ranks(standard).tolist()
    percent = scoring.calibration.percent
    lines = []
    for place, (flag, rank) in enumerate(zip(flags, ranks, strict=True)):
        one = scored[place]
        verdict = "flagged" if flag else "ok"
        blame = ", ".join(
            f"{shown(visible(symbol)) if symbol else END} {nats / NATS_A_BIT:.1f}" for _, symbol, nats in one.blame()
        )
        figures = f"{one.nats:.2f}", f"{one.bits_per_symbol:.2f}"
        if terminal:
            lines.append(
                f"{percent[rank]:>10}  {figures[0]:>7}  {figures[1]:>5}  {verdict:7}  {_coloured(one)}  {blame}\n"
            )
        else:
            lines.append("\t".join((visible(one.item), *figures, percent[rank], verdict, blame)) + "\n")
    return "".join(lines), sum(flags)


def _coloured(item: ItemScore) -> str:
    """The item with each symbol in the look of its surprisal."""
    if os.environ.get("NO_COLOR"):
        return visible(item.item)
    made = []
    for symbol, nats in zip(item.item, item.surprisal.tolist(), strict=False):
        look = next(look for least, look in COLOURS if max(nats, 0.0) / NATS_A_BIT >= least)
        made.append(f"\x1b[{look}m{visible(symbol)}\x1b[0m" if look else visible(symbol))
    return "".join(made)
