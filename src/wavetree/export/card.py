"""The model card of a published run: what it is, what it was measured to do, and what it should not be used for."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice

from wavetree.codecs import MuLawCodec
from wavetree.data.embedded import embedded_names, embedded_names_by_decade
from wavetree.data.split import SIDES
from wavetree.evaluate import exact_loss
from wavetree.generate import Choice, Known, continuation, draw, texts
from wavetree.inspect import layer_table
from wavetree.models import parameter_count
from wavetree.runs import Trained, sides_of

SEED = 1
DRAWN = 1000
"""Samples whose marks are counted."""
SHOWN = 8
PASSAGE = 200
"""Symbols of the passage that the card of a text shows."""


def model_card(trained: Trained, name: str) -> str:
    """Markdown with the head that hubs read. It draws samples and measures the exact losses of what was held out."""
    parts = [_head(trained, name), _about(trained, name), _measured(trained), _samples(trained), _limits(trained)]
    return "\n\n".join([*parts, _use(trained, name)]) + "\n"


def _head(trained: Trained, name: str) -> str:
    task = "text-to-audio" if isinstance(trained.codec, MuLawCodec) else "text-generation"
    model = trained.folder.config().model.kind
    lines = ["library_name: wavetree", f"pipeline_tag: {task}", "tags:", "- wavetree", f"- {model}"]
    return "\n".join(["---", *lines, f"model_name: {json.dumps(name)}", "---"])


def _about(trained: Trained, name: str) -> str:
    model, config, codec = trained.model, trained.folder.config(), trained.codec
    what = "a list, one item a line" if trained.of_items else "sound" if config.data.kind == "audio" else "running text"
    fields = ", ".join(f"{field} ({len(classes):,} classes)" for field, classes in trained.fields.tables)
    lines = [
        f"# {name}",
        "",
        f"A sequence model ({config.model.kind}, {parameter_count(model):,} parameters), trained with wavetree on "
        f"{what}. It predicts the next {codec.unit} from the {model.receptive_field:,} before it.",
        "",
        "| layer | shape | sees | parameters |",
        "|---|---|---|---|",
        *(f"| {row.name} | `{row.shape}` | {row.sees:,} | {row.parameters:,} |" for row in layer_table(model)),
        "",
        f"Symbols: {codec.describe()}." + (f" It can be told: {fields}." if fields else ""),
    ]
    return "\n".join(lines)


def _measured(trained: Trained) -> str:
    folder, sides = trained.folder, sides_of(trained.folder)
    losses = {s: exact_loss(trained.model, side) for s, side in vars(sides).items() if s != "train" and side.symbols}
    rows = [f"| {s} | {loss.mean:.4f} | {loss.symbols:,} |" for s, loss in losses.items()]
    split, unit = folder.config().data.split, trained.codec.unit
    lines = ["## What was measured", "", _learnt_from(trained), ""]
    lines += [f"| held out (split `{split}`) | loss, nats a {unit} | {unit}s |", "|---|---|---|"]
    lines += [*rows, ""]
    lines.append("Every symbol counts once" + (", and so does the end of an item." if trained.of_items else "."))
    if "validation" in losses:
        lines.append("The checkpoint was chosen by the validation loss, so that one flatters it a little.")
    if trained.of_items:
        known = set(folder.items("train"))
        leaked = {s: sum(item in known for item in folder.items(s)) for s in losses}
        told = ", ".join(f"{count:,} of {len(folder.items(s)):,} {s} items" for s, count in leaked.items())
        also = "which flatters those losses too" if any(leaked.values()) else "so the losses measure no memory"
        lines.append(f"Learnt as well as held out: {told}, {also}.")
    return "\n".join(lines)


def _learnt_from(trained: Trained) -> str:
    folder = trained.folder
    checks = [line for line in folder.metrics() if "val_nll" in line]
    spent = f" It was trained for {checks[-1]['step']:,} steps." if checks else ""
    if not trained.of_items:
        return f"It was trained on {folder.config().data.kind} that is not part of this folder.{spent}"
    names = embedded_names_by_decade() if trained.fields else embedded_names()
    source = (
        "the names that come with wavetree, public-domain figures of the US Social Security Administration"
        if folder.origin()["sha256"] == names.digest
        else "a list that is not part of this folder"
    )
    return f"It learnt {len(folder.items('train')):,} items of {source}.{spent}"


def _samples(trained: Trained) -> str:
    if isinstance(trained.codec, MuLawCodec):
        return "## Samples\n\nThe use below makes some."
    if not trained.of_items:
        codec = trained.codec
        made = continuation(trained.model, codec, codec.encode(""), PASSAGE, SEED, Choice())
        passage = "".join(texts(codec, made))
        indented = "\n".join(f"    {line}" for line in passage.splitlines())
        return f"## Samples\n\nThe first {PASSAGE} symbols with seed {SEED}:\n\n{indented}"
    train, *held_out = (trained.folder.items(side) for side in SIDES)
    known = Known(train, [item for side in held_out for item in side])
    drawn = list(islice(draw(trained.model, trained.alphabet, known, SEED, Choice()), DRAWN))
    marks = Counter(str(one.mark) for one in drawn)
    told = ", ".join(f"{marks[mark] / DRAWN:.1%} {mark}" for mark in ("new", "held out", "train"))
    first = ", ".join(json.dumps(one.item, ensure_ascii=False) for one in drawn[:SHOWN])
    return (
        f"## Samples\n\nThe first {SHOWN} with seed {SEED}: {first}.\n\nOf {DRAWN:,} samples: {told}. `held out` "
        "are items of the list that the model never saw; `train` are copies."
    )


def _limits(trained: Trained) -> str:
    of = "items" if trained.of_items else "passages"
    return (
        "## What it is not for\n\n"
        f"It knows nothing but the statistics of its training {of}, with whatever is one-sided in them, and sees no "
        f"further than {trained.model.receptive_field:,} {trained.codec.unit}s. It may repeat training {of} word for "
        "word: do not publish a model of what must stay private. The figures above are of held-out data like the "
        "training data, and say nothing about other data."
    )


def _use(trained: Trained, name: str) -> str:
    out = f" --seconds 5 --out {name}.wav" if isinstance(trained.codec, MuLawCodec) else ""
    lines = [f"wavetree sample {name}{out}", f"wavetree inspect {name}", f"wavetree verify {name}"]
    lines += [f"wavetree score {name} lines.txt"] if trained.of_items else []
    return "## Use\n\nWith this folder beside you and wavetree installed:\n\n```sh\n" + "\n".join(lines) + "\n```"
