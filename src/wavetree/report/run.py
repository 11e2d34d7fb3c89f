"""`report.html` of a run: what happened, to look at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from wavetree.codecs import Codec, MuLawCodec
from wavetree.data.corpus import Stream
from wavetree.report.blocks import block_average, block_steps
from wavetree.report.charts import Series, line_chart
from wavetree.report.inside import inside_charts
from wavetree.report.machine import machine_stamp
from wavetree.report.page import charts, folded, heading, page, paragraph, passage, table
from wavetree.report.sound import sound_figures
from wavetree.runs import RunFolder, Sides, load, sides_of
from wavetree.runs.checkpoint import write_file
from wavetree.train import Summary

NAME = "report.html"
BITS = 1 / math.log(2)
"""Bits in a nat."""
OUTLIERS = 0.005
"""The share of raw losses, at either end, that the picture may leave outside of its range."""
PASSAGES = "What the model made up after each check, from nothing and from the same random numbers each time."
SAMPLED = "A few items that the model made up after each check, from the same random numbers each time."

Line = Mapping[str, object]


def report_run(folder: RunFolder, summary: Summary) -> str:
    """Writes report.html into the folder of a run. What went wrong, as a sentence, or nothing.

    It is the last thing that happens to a run. Whatever fails here, the run is complete and good without it: so that
    is told, and never raised.
    """
    try:
        write_file(folder.path / NAME, run_page(folder, summary).encode())
    except Exception as error:  # noqa: BLE001
        reason = f"{type(error).__name__}: {error}".rstrip(".")
        return f"{folder.path / NAME} could not be written ({reason}). The run itself is good."
    return ""


def run_page(folder: RunFolder, summary: Summary) -> str:
    """The page: losses and their curves, samples over time, cost, settings."""
    lines = folder.metrics()
    blocks = [line for line in lines if "loss" in line]
    checks = [line for line in lines if "val_nll" in line]
    config, codec, sides = folder.config(), folder.codec(), sides_of(folder)
    state = "stopped after" if summary.stopped else "after"
    sees = f"{summary.receptive_field:,} {codec.unit}s"
    if isinstance(codec, MuLawCodec):
        sees += f", {1000 * summary.receptive_field / codec.rate:,.1f} ms,"
    about = f"A {config.model.kind} that sees {sees} {state} {summary.steps:,} steps."
    parts = [paragraph(about), _losses(folder, sides, summary)]
    if over := _measured(checks):
        parts.append(paragraph(over))
    if blocks:
        parts += [heading("Curves"), charts([_loss_chart(blocks, checks, codec.unit), _rate_chart(blocks)])]
    if looks := [line for line in lines if "diagnostics" in line]:
        parts += [heading("Inside"), charts(inside_charts(looks))]
    if isinstance(codec, MuLawCodec):
        assert isinstance(sides.validation, Stream)
        parts += [heading("What it sounds like"), sound_figures(load(folder.path), sides.validation)]
        parts += [heading("Validation over time"), _validation(checks)]
    elif config.data.kind == "items":
        parts += [heading("Samples over time"), paragraph(SAMPLED), _samples(checks)]
    else:
        parts += [heading("Samples over time"), paragraph(PASSAGES), *_passages(checks)]
    parts += [heading("What it cost"), _cost(sides, summary, codec)]
    settings = config.model_dump()
    rows = [
        (f"{section}.{name}", str(value))
        for section, values in settings.items()
        for name, value in values.items()
        if value is not None
    ]
    parts.append(folded("Settings", table(["", ""], rows)))
    return page(f"wavetree: {folder.path.resolve().name}", parts)


def _losses(folder: RunFolder, sides: Sides, summary: Summary) -> str:
    unit, of_items = folder.codec().unit, folder.config().data.kind == "items"
    rows = [
        (
            side,
            f"{nll:.4f}",
            f"{nll * BITS:.4f}",
            f"{len(folder.items(side)) if of_items else getattr(sides, side).symbols:,}",
        )
        for side, nll in (("train", summary.train_nll), ("validation", summary.val_nll))
        if nll is not None
    ]
    return table(["loss", f">nats a {unit}", f">bits a {unit}", ">items" if of_items else f">{unit}s"], rows)


def _measured(checks: Sequence[Line]) -> str:
    """Of how much the losses are, where that is not all."""
    last = checks[-1] if checks else {}
    measured, held_out = int(str(last.get("measured", 0))), int(str(last.get("held_out", 0)))
    if measured >= held_out:
        return ""
    return (
        f"Measured over a part that is spread evenly: validation over {measured:,} of {held_out:,} symbols. "
        "wavetree evaluate measures all of it."
    )


def _loss_chart(blocks: Sequence[Line], checks: Sequence[Line], unit: str) -> tuple[str, str]:
    raw, validation = _points(blocks, "loss"), _points(checks, "val_nll")
    steps = int(raw[-1][0])
    size = block_steps(steps)
    averaged = block_average(raw, size)
    every = max((int(b[0] - a[0]) for a, b in pairwise(raw)), default=1)
    series = [
        Series("training, raw", *_split(raw), look="faint"),
        Series(f"mean of {size:,} steps" if size > 1 else "each step", *_split(averaged)),
        Series("validation", *_split(validation), look="points"),
    ]
    if size == 1:
        del series[0]
    each = "each step" if every == 1 else f"up to {every:,} steps"
    words = (
        f"Training loss: raw ({each} a point) and averaged in blocks of {size:,} steps, since single batches are too "
        "noisy to read. Validation is measured on what is held out, in evaluation mode."
    )
    return line_chart(series, "step", f"nats a {unit}", y_range=_range(raw, averaged, validation)), words


def _rate_chart(blocks: Sequence[Line]) -> tuple[str, str]:
    series = [Series("learning rate", *_split(_points(blocks, "rate")))]
    return line_chart(series, "step", "learning rate"), "The learning rate of every step."


def _range(
    raw: Sequence[tuple[float, float]], averaged: Sequence[tuple[float, float]], checks: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """What of the loss axis is shown: all means and checks, and all but a few of the raw losses."""
    ordered = sorted(loss for _, loss in raw)
    outside = int(OUTLIERS * len(ordered))
    shown_losses = [*ordered[outside : len(ordered) - outside], *(loss for _, loss in [*averaged, *checks])]
    low, high = min(shown_losses), max(shown_losses)
    room = 0.04 * (high - low) or 0.1
    return low - room, high + room


def _samples(checks: Sequence[Line]) -> str:
    rows = []
    for line in checks:
        step, words = line["step"], line["samples"]
        assert isinstance(words, list)
        made = ", ".join(str(word) or "(empty)" for word in words)
        rows.append((f"{step:,}", f"{line['val_nll']:.4f}", made))
    return table([">step", ">validation", "samples"], rows)


def _passages(checks: Sequence[Line]) -> list[str]:
    parts = []
    for line in checks:
        words = line["samples"]
        assert isinstance(words, list)
        parts.append(paragraph(f"Step {line['step']:,}, validation {line['val_nll']:.4f}"))
        parts += [passage(str(word)) for word in words]
    return parts


def _validation(checks: Sequence[Line]) -> str:
    return table([">step", ">validation"], [(f"{line['step']:,}", f"{line['val_nll']:.4f}") for line in checks])


def _cost(sides: Sides, summary: Summary, codec: Codec) -> str:
    symbols = round(summary.symbols_per_second * summary.seconds)
    a_pass = sides.train.symbols
    unit, pace = codec.unit, f"{summary.symbols_per_second:,.0f}"
    if isinstance(codec, MuLawCodec):
        pace += f", {summary.symbols_per_second / codec.rate:,.1f} times as fast as it sounds"
    machine = machine_stamp()
    rows = [
        ("parameters", f"{summary.params:,}"),
        ("time", f"{summary.seconds:,.1f} s, the checks counted"),
        ("steps", f"{summary.steps:,}"),
        (f"{unit}s read", f"{symbols:,}: what is learnt from {symbols / a_pass:.1f} times"),
        (f"{unit}s a second", pace),
        ("machine", f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"),
        ("versions", f"torch {machine['torch']}, Python {machine['python']}"),
        ("day", f"{machine['date']}"),
    ]
    return table(["", ""], rows)


def _points(lines: Sequence[Line], key: str) -> list[tuple[float, float]]:
    return [(float(str(line["step"])), float(str(line[key]))) for line in lines]


def _split(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
