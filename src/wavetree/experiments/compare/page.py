"""A comparison as a page with pictures."""

from __future__ import annotations

from collections.abc import Sequence

from wavetree.experiments.compare.comparison import Comparison
from wavetree.experiments.compare.context import WIDTH, ContextRow
from wavetree.experiments.compare.rows import Row
from wavetree.report.charts import Look, Series, bar_chart, line_chart
from wavetree.report.page import charts, heading, listed, page, paragraph, table

Figure = tuple[str, str]
"""An SVG, and what it shows in words."""
PUBLISHED = "The bar is our validation loss, the upright mark what the lecture reports."
BEGINS = "The axis does not begin at 0."
SPANS = "The thin line in a bar spans the seeds."
NONE = "-"
SKIPPED = 0.04
"""The share of a curve's beginning that is left out: there the loss falls from that of a guess."""


def comparison_page(done: Comparison) -> str:
    """The whole document."""
    chosen = done.plan
    about = {
        "ladder": "The lecture's ladder, by its own recipe, judged after the last step."
        if chosen.recipe == "lecture"
        else "The lecture's ladder, by our recipe, judged with the weights that were best on validation.",
        "controls": "The tree beside its controls: networks of about as many parameters, given "
        f"{chosen.seconds:g} s each on one core, and n-grams, which count: that takes no such time, and keeps a number "
        "for every symbol after every context that was met. Recipes were chosen on validation items, by which each "
        "network also keeps its best weights; the test items judge what was chosen, once.",
        "context": f"What context costs: vectors of {WIDTH} numbers, one core, processor time, nothing trained.",
    }[chosen.preset]
    machine = done.machine
    stamp = (
        f"{machine['processor']}, {machine['cores']} cores, torch {machine['torch']}, load {machine['load']}, "
        f"{machine['date']}. Everything here took {done.seconds:,.0f} s."
    )
    parts = [paragraph(f"{about} List: {done.source}.") if done.rows else paragraph(about)]
    parts += [paragraph(note) for note in done.notes] if done.rows else [listed(done.notes)]
    if done.contexts:
        parts += [heading("Pictures"), charts([cost_chart(done.contexts), depth_chart(done.contexts)])]
        parts += [heading("Table"), _context_table(done.contexts)]
    for split in dict.fromkeys(row.split for row in done.rows):
        rows = [row for row in done.rows if row.split == split]
        parts += [
            heading(f"On the {split} split"),
            charts([_bars(rows, done.lecture_list), *_curves(rows)]),
            _table(rows),
        ]
    return page(f"wavetree compare: {chosen.preset}", [*parts, heading("Measured on"), paragraph(stamp)])


def cost_chart(rows: Sequence[ContextRow]) -> Figure:
    """Time a symbol against context, both logarithmic."""
    series = [
        Series(name, [r.context for r in rows if r.name == name], [r.microseconds for r in rows if r.name == name])
        for name in dict.fromkeys(row.name for row in rows)
    ]
    words = "Time a symbol against the symbols seen, both axes logarithmic: a straight line is a power of the context."
    return line_chart(series, "context (symbols)", "microseconds a symbol", log="xy"), words


def depth_chart(rows: Sequence[ContextRow]) -> Figure:
    """What twice the context asks of each: a level, or twice the width."""
    flat = [row for row in rows if row.name == "flat"]
    tree = [row for row in rows if row.name == "tree, dense"]
    contexts = [row.context for row in flat]
    series = [
        Series("flat: inputs side by side (width)", contexts, [row.context * WIDTH for row in flat]),
        Series("tree: levels (depth)", contexts, [row.levels for row in tree]),
    ]
    words = "Depth against width: for twice the context the flat network is twice as wide, the tree one level deeper."
    return line_chart(series, "context (symbols)", "count", log="xy"), words


def _bars(rows: Sequence[Row], lecture_list: bool) -> Figure:
    """Validation losses; beside them the lecture's, where they are of the same list."""
    marks = [row.published.validation if row.published and lecture_list else None for row in rows]
    ranges = [(min(row.by_seed), max(row.by_seed)) for row in rows]
    names, losses = [row.name for row in rows], [row.val_nll for row in rows]
    svg = bar_chart(names, losses, ranges, marks, "validation, nats a symbol", "lecture")
    words = [PUBLISHED if any(marks) else "The bar is the mean validation loss.", BEGINS]
    if any(most > least for least, most in ranges):
        words.append(SPANS)
    return svg, " ".join(words)


def _curves(rows: Sequence[Row]) -> list[Figure]:
    """The first seed's training loss in blocks, and its validation along the way, against the share of the run."""
    figures = []
    looks: tuple[tuple[str, Look, str], ...] = (
        ("training", "line", "Training loss in block averages, over the course of each run (first seed)."),
        ("validation", "marked", "Validation along the way, each time that it was measured (first seed)."),
    )
    for what, look, words in looks:
        series = []
        for row in rows:
            curve = getattr(row.trials[0], what)
            kept = [(step / curve[-1][0], loss) for step, loss in curve if step / curve[-1][0] >= SKIPPED]
            series.append(Series(row.name, [x for x, _ in kept], [y for _, y in kept], look))  # each keeps its colour
        if any(one.x for one in series):
            figures.append((line_chart(series, "share of the run", "nats a symbol", x_range=(0, 1)), words))
    return figures


def _table(rows: Sequence[Row]) -> str:
    heads = ["", ">parameters", ">context", ">steps", ">seconds", ">symbols/s", ">train", ">validation"]
    several, published = any(len(row.trials) > 1 for row in rows), any(row.published for row in rows)
    heads += [">over the seeds"] if several else []
    heads += [">published train", ">published validation"] if published else [">test"]
    lines = []
    for row in rows:
        cells = [row.name, f"{row.params:,}", f"{row.context:,}", f"{row.steps:,}" if row.steps else NONE]
        cells += [f"{row.seconds:,.1f}", f"{row.symbols_per_second:,.0f}", f"{row.train_nll:.4f}", f"{row.val_nll:.4f}"]
        if several:
            cells.append(f"{min(row.by_seed):.4f} to {max(row.by_seed):.4f}" if len(row.trials) > 1 else NONE)
        if not published:
            cells.append(f"{row.test_nll:.4f}")
        else:
            cells += (
                [f"{row.published.train:.3f}", f"{row.published.validation:.3f}"] if row.published else [NONE, NONE]
            )
        lines.append(cells)
    return table(heads, lines)


def _context_table(rows: Sequence[ContextRow]) -> str:
    heads = ["", ">context", ">levels", ">parameters", ">multiply-adds a symbol", ">microseconds a symbol"]
    return table(
        heads,
        [
            [r.name, f"{r.context:,}", f"{r.levels}", f"{r.params:,}", f"{r.multiply_adds:,}", f"{r.microseconds:,.2f}"]
            for r in rows
        ],
    )
