"""Scores as lines of JSON, quickly: what `json` would take most of the time for is a table of numbers written out.

    {"item": "anna", "nats": 6.2411, "bits_per_symbol": 1.8008, "percentile": 3.25, "flagged": false,
     "surprisal": [2.331, 1.9, 0.815, ...]}          in bits, one for each symbol and one for the end

Where a symbol is unknown, its surprisal is infinite, for which JSON has no word: there, and in the sums, stands null,
and "unknown" names the symbols. A line that is no item has an item of null and an "error".
"""

from __future__ import annotations

import json
from functools import cache

import numpy as np

from wavetree.score.calibration import Calibration, Threshold
from wavetree.score.lines import Batch
from wavetree.score.surprisal import NATS_A_BIT, Scored

STEPS = 1000
"""Parts of a bit that a surprisal is rounded to."""
_WRITTEN_BITS = 64
"""Up to here surprisals are in the table."""


def json_lines(scored: Scored, batch: Batch, calibration: Calibration, threshold: Threshold) -> tuple[str, int]:
    """A line for each item and each fault of a batch, in order, and how many items are flagged."""
    nats, symbols = scored.nats, scored.symbols
    with np.errstate(invalid="ignore"):
        standard = calibration.expected.score(nats, symbols)
    flagged = standard > threshold.score
    ranks = calibration.ranks(standard)
    numbers = _written(scored)
    ends, percent = scored.ends.tolist(), calibration.percent
    bits = (nats / (NATS_A_BIT * symbols)).tolist()
    lines, begin = [], 0
    for item, end, total, mean, rank, flag in zip(
        _quoted(batch.items), ends, nats.tolist(), bits, ranks.tolist(), flagged.tolist(), strict=True
    ):
        lines.append(
            f'{{"item": {item}, "nats": {total:.4f}, "bits_per_symbol": {mean:.4f}, "percentile": {percent[rank]}, '
            f'"flagged": {"true" if flag else "false"}, "surprisal": [{", ".join(numbers[begin:end])}]}}\n'
        )
        begin = end
    for place in np.flatnonzero(np.isinf(nats)).tolist():
        lines[place] = _with_unknown(scored, place, percent[-1], numbers)
    for place, fault in reversed(batch.faults):
        lines.insert(place, json.dumps({"item": None, "line": fault.line, "error": fault.sentence}) + "\n")
    return "".join(lines), int(flagged.sum())


def _with_unknown(scored: Scored, place: int, percentile: str, numbers: list[str]) -> str:
    item = scored[place]
    begin, end = int(scored.starts[place]), int(scored.ends[place])
    return (
        f'{{"item": {json.dumps(item.item)}, "nats": null, "bits_per_symbol": null, "percentile": {percentile}, '
        f'"flagged": true, "surprisal": [{", ".join(numbers[begin:end])}], "unknown": {json.dumps(item.unknown)}}}\n'
    )


def _quoted(items: list[str]) -> list[str]:
    """Each item as a string of JSON, in ASCII."""
    text = "".join(items)
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return [f'"{item}"' for item in items]
    return list(map(json.dumps, items))


def _written(scored: Scored) -> list[str]:
    """Every surprisal in bits, as JSON."""
    steps = scored.surprisal * (STEPS / NATS_A_BIT)
    top = _WRITTEN_BITS * STEPS
    table = _table()
    near = np.rint(np.minimum(steps, top)).astype(np.int64)
    numbers = list(map(table.__getitem__, near.tolist()))
    for place in np.flatnonzero(steps >= top).tolist():
        value = steps[place]
        numbers[place] = "null" if np.isinf(value) else repr(round(float(value)) / STEPS)
    return numbers


@cache
def _table() -> list[str]:
    return [repr(step / STEPS) for step in range(_WRITTEN_BITS * STEPS + 1)]
