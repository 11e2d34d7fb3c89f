"""A sweep as a page with pictures: losses trial by trial, what mattered, every trial as a line across the settings."""

from __future__ import annotations

import math
from collections.abc import Sequence

from wavetree.experiments.sweep.space import Choices, Dimension, Range, Value
from wavetree.experiments.sweep.study import SweepFolder, Tried
from wavetree.experiments.sweep.work import Swept, shown_values
from wavetree.report.charts import GRID, INK, SERIES, SIZE, SOFT, Series, bar_chart, drawing, line_chart
from wavetree.report.page import charts, folded, heading, page, paragraph, table

Figure = tuple[str, str]
"""An SVG, and what it shows in words."""
BEST = 3
"""How many of the best trials have a colour of their own there."""


def sweep_page(folder: SweepFolder, found: Swept) -> str:
    """The whole document."""
    plan, machine = folder.plan, found.machine
    starts = f"preset {plan.preset}" + (f" with {', '.join(plan.changes)}" if plan.changes else "")
    about = (
        f"Started from {starts}; sampler {plan.sampler}, pruner {plan.pruner}, seed {plan.seed}. Each trial is judged "
        "by the best of its checks on validation items, and is a run folder like any other."
    )
    parts = [paragraph(about), paragraph(found.says[:1].upper() + found.says[1:])]
    pictures = [_course(found)] if found.finished else []
    if found.importance:
        pictures.append(_importance(found.importance))
    if found.best:
        pictures.append(_parallel(found, plan.space))
    parts += [heading("Pictures"), charts(pictures)] if pictures else []
    parts += [heading("Trials"), _table(folder, found, [dimension.name for dimension in plan.space])]
    space = table(["", ""], [(dimension.name, str(dimension)) for dimension in plan.space])
    stamp = f"{machine['processor']}, {machine['cores']} cores, torch {machine['torch']}, {machine['date']}."
    parts += [folded("Space", space), heading("Measured on"), paragraph(stamp)]
    return page(f"wavetree sweep: {folder.path.resolve().name}", parts)


def _course(found: Swept) -> Figure:
    done = sorted((t for t in found.finished if t.loss is not None), key=lambda t: t.number)
    complete = [t for t in done if t.state == "complete"]
    pruned = [t for t in done if t.state == "pruned"]
    best, so_far = math.inf, []
    for trial in complete:
        best = min(best, trial.loss or math.inf)
        so_far.append(best)
    series = [
        Series("a trial", [t.number for t in complete], [t.loss or 0.0 for t in complete], "points"),
        Series("the best so far", [t.number for t in complete], so_far),
        Series("stopped early", [t.number for t in pruned], [t.loss or 0.0 for t in pruned], "points"),
    ]
    words = "The validation loss of each trial. Number 0 is what the sweep started from."
    return line_chart(series, "trial", "nats a symbol"), words


def _importance(importance: dict[str, float]) -> Figure:
    names, values = list(importance), list(importance.values())
    svg = bar_chart(names, values, [(v, v) for v in values], [None] * len(names), "share of the differences")
    return svg, "How much of what differs between the losses each setting explains (PED-ANOVA, Watanabe et al. 2023)."


def _parallel(found: Swept, space: Sequence[Dimension]) -> Figure:
    """Every complete trial as a line over one upright axis for each setting, the loss last; the best in colour."""
    trials = [trial for trial in found.finished if trial.state == "complete"]
    losses = [trial.loss or 0.0 for trial in trials]
    low, high = min(losses), max(losses)
    places = list(range(len(space) + 1))
    with drawing(SIZE) as (figure, svg):
        axes = figure.add_subplot()
        for rank in range(len(trials) - 1, -1, -1):
            heights = [_height(d, trials[rank].values[d.name]) for d in space]
            heights.append((losses[rank] - low) / ((high - low) or 1.0))
            best = rank < BEST
            colour = SERIES[rank] if best else SOFT
            label = f"trial {trials[rank].number}: {losses[rank]:.4f}" if best else None
            axes.plot(
                places, heights, color=colour, linewidth=1.9 if best else 0.7, alpha=1 if best else 0.6, label=label
            )
        for place in places:
            axes.axvline(place, color=GRID, linewidth=1.0, zorder=0)
        for place, dimension in enumerate(space):
            for height, word in _ticks(dimension):
                axes.text(place + 0.02, height, word, color=INK, fontsize=7.5, va="center")
        for height, loss in ((0.0, low), (1.0, high)):
            axes.text(places[-1] + 0.02, height, f"{loss:.3f}", color=INK, fontsize=7.5, va="center")
        axes.set_xticks(places, [*(d.name.replace(".", ".\n") for d in space), "validation\nloss"])
        axes.set_yticks([])
        axes.set_ylim(-0.05, 1.05)
        axes.set_xlim(-0.05, places[-1] + 0.35)
        axes.spines["left"].set_visible(False)
        axes.grid(visible=False)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, frameon=False, borderaxespad=0.2)
    return (
        svg(),
        f"Each line is a complete trial, the {min(BEST, len(trials))} best in colour; lower on the right is better.",
    )


def _height(dimension: Dimension, value: Value) -> float:
    """Where a value lies on its axis, from 0 at the bottom to 1."""
    if isinstance(dimension, Choices):
        return dimension.values.index(value) / max(1, len(dimension.values) - 1)
    number = float(value) if value is not None else dimension.low
    scale = math.log if dimension.log else float
    return (scale(number) - scale(dimension.low)) / (scale(dimension.high) - scale(dimension.low))


def _ticks(dimension: Dimension) -> list[tuple[float, str]]:
    if isinstance(dimension, Choices):
        return [(_height(dimension, value), str(value)) for value in dimension.values]
    assert isinstance(dimension, Range)
    return [(0.0, f"{dimension.low:g}"), (1.0, f"{dimension.high:g}")]


def _table(folder: SweepFolder, found: Swept, names: Sequence[str]) -> str:
    heads = [">trial", "", ">validation", *(f">{name}" for name in names), "run"]
    others = [trial for trial in found.trials if trial not in found.finished]
    return table(heads, [_row(folder, trial, names) for trial in [*found.finished, *others]])


def _row(folder: SweepFolder, trial: Tried, names: Sequence[str]) -> list[str]:
    loss = f"{trial.loss:.4f}" if trial.loss is not None else "-"
    state = f"{trial.state}: {trial.why}" if trial.why else trial.state
    return [str(trial.number), state, loss, *shown_values(trial.values, names), str(folder.run(trial.number).name)]
