"""What went on inside a run, level by level: the looks that training took every `train.diagnose_every` steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wavetree.report.charts import SERIES, Look, Series, line_chart

SHARE = (-0.02, 1.02)
"""The range of an axis of shares, with room for a line at its end."""


def inside_charts(looks: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Charts with their words, of the lines of metrics.jsonl that hold diagnostics; of many levels only some."""
    steps = [float(line["step"]) for line in looks]
    found = [line["diagnostics"] for line in looks]
    marks: Look = "marked" if len(steps) < 30 else "line"

    def curves(what: str) -> list[Series]:
        return [
            Series(name, steps, [look[what].get(name, float("nan")) for look in found], marks)
            for name in _some([*found[0][what]])
        ]

    figures = [
        (
            line_chart(curves("gradients"), "step", "norm", log="y"),
            "The norm of the gradient of each level. Levels that are far below the others learn little.",
        ),
        (
            line_chart(curves("updates"), "step", "share of the weights", log="y"),
            "How far a step moves the weights of each level, as a share of their norm.",
        ),
    ]
    units = found[0]["units"]
    if any(name.startswith("tanh") for name in units):
        series = [
            Series(name, steps, [look["units"][name]["saturated"] for look in found], marks)
            for name in _some([name for name in units if name.startswith("tanh")])
        ]
        figures.append(
            (
                line_chart(series, "step", "share of the answers", y_range=SHARE),
                "The share of tanh answers beyond 0.97, where next to no gradient passes, from the lowest level up.",
            )
        )
    return figures


def _some(names: Sequence[str]) -> list[str]:
    """As many as there are colours."""
    count = min(len(names), len(SERIES))
    return [names[round(place * (len(names) - 1) / max(1, count - 1))] for place in range(count)]
