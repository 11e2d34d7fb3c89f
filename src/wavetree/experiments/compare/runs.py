"""Runs that are there, side by side: which settings differ, how they learnt, which is better on what all hold out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from wavetree.errors import InputError
from wavetree.experiments.compare.paired import Gap, judged
from wavetree.experiments.compare.rows import Curve
from wavetree.models import parameter_count
from wavetree.report import machine_stamp
from wavetree.report.blocks import block_average, block_steps
from wavetree.report.charts import SERIES, Look, Series, line_chart
from wavetree.report.page import charts, heading, page, paragraph, table
from wavetree.runs import RunFolder, Trained, load

MOST = len(SERIES)
"""Runs: as many as there are colours to tell them apart by."""


@dataclass(frozen=True)
class RunRow:
    """A run. `validation` is that of its best check, `judged` the loss on what all runs hold out; nats a symbol."""

    name: str
    kind: str
    params: int
    sees: int
    steps: int
    seconds: float
    validation: float
    judged: float
    training: Curve
    checks: Curve


@dataclass(frozen=True)
class RunComparison:
    """What came out. `differ`: the settings that are not the same in all, a value for each run, in the order of `rows`.

    `gaps`: of each run against the first one in `rows`, which is the best by validation.
    """

    rows: tuple[RunRow, ...]
    differ: dict[str, tuple[str, ...]]
    gaps: tuple[Gap, ...]
    machine: dict[str, object] = field(default_factory=machine_stamp)

    @property
    def verdicts(self) -> list[str]:
        """The gaps in sentences."""
        best = self.rows[0].name
        return [
            f"{row.name} against {best}, the best by validation: {gap.says}."
            for row, gap in zip(self.rows[1:], self.gaps, strict=True)
        ]

    def to_json(self) -> dict[str, object]:
        """The object of `--json`."""
        gaps = [None, *({**asdict(gap), "verdict": gap.verdict, "says": gap.says} for gap in self.gaps)]
        rows = [asdict(row) | {"against_best": gap} for row, gap in zip(self.rows, gaps, strict=True)]
        return {
            "name": "compare",
            "runs": rows,
            "differ": self.differ,
            "says": self.verdicts,
            "machine": self.machine,
        }


def compare_runs(paths: Sequence[Path]) -> RunComparison:
    """Puts trained runs side by side, the best by validation first.

    Raises InputError for fewer than two, for more than there are colours, and where they hold out nothing in common.
    """
    if len({path.resolve() for path in paths}) < 2:
        raise InputError("one run alone cannot be compared: name two or more.")
    if len(paths) > MOST:
        raise InputError(f"{len(paths)} runs cannot be told apart in a picture: compare up to {MOST} at once.")
    runs = sorted((load(path) for path in dict.fromkeys(paths)), key=lambda run: _best(run.folder))
    found = judged(runs)
    names = _names([run.folder.path for run in runs])
    rows = [_row(run, name, scores.mean) for run, name, scores in zip(runs, names, found.scores, strict=True)]
    gaps = [found.gap(0, place) for place in range(1, len(runs))]
    return RunComparison(tuple(rows), _differ([run.folder for run in runs]), tuple(gaps))


def runs_page(done: RunComparison) -> str:
    """The whole document."""
    names = [row.name for row in done.rows]
    unit = done.gaps[0].unit
    parts = [paragraph(sentence) for sentence in done.verdicts]
    parts.append(
        paragraph(
            f"+- is one standard error over {unit}. Runs of the same settings with other seeds differ as well, which "
            "one run of each does not show."
        )
    )
    looks: tuple[tuple[str, Look, str], ...] = (
        ("training", "line", "Training loss in block averages."),
        ("checks", "marked", "Validation along the way."),
    )
    curves = [
        (
            line_chart(
                [Series(row.name, *_split(getattr(row, what)), look) for row in done.rows], "step", "nats a symbol"
            ),
            words,
        )
        for what, look, words in looks
    ]
    parts += [heading("Curves"), charts(curves), heading("Runs")]
    heads = ["", "model", ">parameters", ">sees", ">steps", ">seconds", ">validation", f">{done.gaps[0].side}"]
    parts.append(table(heads, [cells(row) for row in done.rows]))
    parts += [heading("Settings that differ")]
    rows = [[setting, *values] for setting, values in done.differ.items()]
    parts.append(table(["", *names], rows) if rows else paragraph("None."))
    machine = done.machine
    stamp = f"{machine['processor']}, {machine['cores']} cores, torch {machine['torch']}, {machine['date']}."
    return page(f"wavetree compare: {', '.join(names)}", [*parts, heading("Measured on"), paragraph(stamp)])


def cells(row: RunRow) -> list[str]:
    """A run as a row of a table."""
    return [
        row.name,
        row.kind,
        f"{row.params:,}",
        f"{row.sees:,}",
        f"{row.steps:,}",
        f"{row.seconds:,.1f}",
        f"{row.validation:.4f}",
        f"{row.judged:.4f}",
    ]


def _row(run: Trained, name: str, loss: float) -> RunRow:
    lines = run.folder.metrics()
    training = [(float(line["step"]), float(line["loss"])) for line in lines if "loss" in line]
    checks = [(float(line["step"]), float(line["val_nll"])) for line in lines if "val_nll" in line]
    return RunRow(
        name=name,
        kind=run.folder.config().model.kind,
        params=parameter_count(run.model),
        sees=run.model.receptive_field,
        steps=int(checks[-1][0]),
        seconds=float(lines[-1].get("seconds", lines[-2].get("seconds", 0.0))),
        validation=_best(run.folder),
        judged=loss,
        training=tuple(block_average(training, block_steps(int(training[-1][0])))) if training else (),
        checks=tuple(checks),
    )


def _best(folder: RunFolder) -> float:
    """The lowest validation loss of a run. Raises InputError where its log has none."""
    losses = [float(line["val_nll"]) for line in folder.metrics() if "val_nll" in line]
    if not losses:
        raise InputError(f"{folder.path} has no check in its metrics.jsonl: there is nothing to compare it by.")
    return min(losses)


def _differ(folders: Sequence[RunFolder]) -> dict[str, tuple[str, ...]]:
    settings = []
    for folder in folders:
        sections = folder.config().model_dump()
        flat = {f"{section}.{name}": value for section, names in sections.items() for name, value in names.items()}
        settings.append(flat | {"learnt from": folder.origin().get("sha256", "")[:12]})
    names = dict.fromkeys(name for each in settings for name in each)
    found = {name: tuple(str(each.get(name, "-")) for each in settings) for name in names}
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def _names(paths: Sequence[Path]) -> list[str]:
    """The last part of each path; the whole of it where that is not enough."""
    last = [path.resolve().name for path in paths]
    return last if len(set(last)) == len(last) else [str(path) for path in paths]


def _split(points: Curve) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
