"""`wavetree bench`: measured on this machine, beside a named reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from wavetree.cli.output import NO_VALUE, content, content_json, number, say, show, table


def bench_train(
    *,
    data: Annotated[Path | None, Parameter(help="The list. Without it, the names that come along.")] = None,
    full: Annotated[bool, Parameter(help="Run all 200,000 steps of the reference: minutes.")] = False,
    seed: Annotated[int, Parameter(help="The seed of the first round.")] = 1,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Time training beside the lecture's own loop, to the same validation loss."""
    from wavetree.data import embedded_names, read_list

    items = read_list(data) if data else embedded_names()
    from wavetree.experiments import bench_train as measure

    _report(measure(items, full, seed, say), as_json)


def bench_sample(
    *,
    run: Annotated[
        Path | None, Parameter(help="A run folder. Without it, the lecture's network is trained first.")
    ] = None,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Time sampling, and a step against the number of levels."""
    from wavetree.experiments import bench_sample as measure

    _report(measure(run, say), as_json)


def bench_generate(
    *, as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False
) -> None:
    """Time making sound, sample by sample, on one core: compiled, by torch, and with every window anew."""
    from wavetree.experiments import bench_generate as measure

    _report(measure(say).document(), as_json)


def bench_text(
    *,
    data: Annotated[Path, Parameter(help="A text file.")],
    seconds: Annotated[float, Parameter(help="How long it is learnt.")] = 150,
    preset: Annotated[
        str | None, Parameter(help="Without it text-small, text or text-large: what this machine has time for.")
    ] = None,
    seed: Annotated[int, Parameter(help="The seed of the run.")] = 1,
    settings: Annotated[
        tuple[str, ...], Parameter(name="--set", metavar="SETTING=VALUE", help="Change a setting; may be repeated.")
    ] = (),
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Learn the first 90% of a text for a given time, and judge by the whole rest."""
    from wavetree.experiments import bench_text as measure

    _report(measure(data, seconds, preset, seed, say, settings), as_json)


def bench_speech(
    folder: Annotated[Path, Parameter(help="A folder with a folder of clips for each voice.")],
    *,
    seconds: Annotated[float, Parameter(help="How long it is learnt.")] = 600,
    out: Annotated[Path, Parameter(help="Where the run, what it makes and the pictures go.")] = Path("runs/speech"),
    seed: Annotated[int, Parameter(help="The seed of the run and of what it makes.")] = 1,
    settings: Annotated[
        tuple[str, ...], Parameter(name="--set", metavar="SETTING=VALUE", help="Change a setting; may be repeated.")
    ] = (),
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Learn voices for a given time, judge by clips held out, and make each voice speak."""
    from wavetree.experiments import bench_speech as measure

    _report(measure(folder, seconds, seed, say, out, settings), as_json)


def bench_serve(
    *,
    run: Annotated[
        Path | None, Parameter(help="A run folder. Without it, the lecture's network is trained first.")
    ] = None,
    seconds: Annotated[float, Parameter(help="How long 200 clients ask; fewer ask for half as long, or less.")] = 60,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Load a server of its own by 1, 50 and 200 clients, batched and one request at a time."""
    from wavetree.experiments import bench_serve as measure

    _report(measure(run, seconds, say), as_json)


def bench_dense(
    *,
    data: Annotated[
        Path | None, Parameter(help="A text file or a list, as the preset has it. Without it, the embedded names.")
    ] = None,
    preset: Annotated[str | None, Parameter(help="Without it text-large, or lecture where there is no data.")] = None,
    settings: Annotated[
        tuple[str, ...], Parameter(name="--set", metavar="SETTING=VALUE", help="Change a setting; may be repeated.")
    ] = (),
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Measure the products of matrices that a step of training does against a large one, by turns."""
    from wavetree.config import configure
    from wavetree.data import embedded_names, read_list
    from wavetree.errors import InputError
    from wavetree.experiments import bench_dense as measure

    name = preset or ("text-large" if data else "lecture")
    if configure(name, settings).data.kind == "items":
        _report(measure(read_list(data) if data else embedded_names(), name, say, settings), as_json)
    elif data:
        _report(measure(data, name, say, settings), as_json)
    else:
        raise InputError(f"preset {name!r} learns from a stream: give its file with --data.")


def bench_score(
    *,
    seeds: Annotated[int, Parameter(help="Trainings of each network.")] = 3,
    seconds: Annotated[float, Parameter(help="Processor time that each network trains, on one core.")] = 60,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Tell items that do not belong from those that do, beside other models, on lists that are made."""
    from wavetree.experiments import bench_score as measure

    figures = measure(seeds, seconds, say)
    if as_json:
        content_json(figures)
        return
    models = list(dict.fromkeys(row["model"] for row in figures["rows"]))
    for key, title in (("auroc", "AUROC"), ("tpr", "true positives at 1% false positives")):
        content(title)
        show(table(["<", "<", *(f">{model}" for model in models)], _by_family(figures["rows"], key)))
        content("")
    heads = ["<", "<", ">params", ">seconds", ">bytes", ">strings/s", ">validation", "<scored"]
    show(table(heads, ([_figure(row[name]) for name in SCORE_COLUMNS] for row in figures["models"])))
    content("")
    for note in figures["notes"]:
        content(note)


def bench_record(
    *records: Annotated[str, Parameter(name="record", help="Which; none lists them.")],
    every: Annotated[bool, Parameter(name="--all", help="All of them: more than an hour.")] = False,
    names: Annotated[Path | None, Parameter(help="The lecture's list of names.")] = None,
    text: Annotated[Path | None, Parameter(help="tiny-shakespeare.")] = None,
    seeds: Annotated[int, Parameter(help="Trainings, where a loss is measured.")] = 3,
    keep: Annotated[
        Path | None, Parameter(help="A file of rows: those in it are not measured again, new ones are added.")
    ] = None,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Measure the figures that wavetree claims, each beside its floor and its goal."""
    from wavetree.experiments import RECORDS, Material
    from wavetree.experiments import bench_record as measure

    if not records and not every:
        listed = [(name, record.says, f"{record.floor:,g}", f"{record.goal:,g}") for name, record in RECORDS.items()]
        show(table(["<", "<", ">floor", ">goal"], listed))
        return
    figures = measure(records, Material(names, text, seeds, say), keep)
    if as_json:
        content_json(figures)
        return
    rows = [
        (row["name"], row["says"], _figure(row["value"]), f"{row['floor']:,g}", f"{row['goal']:,g}", _verdict(row))
        for row in figures["rows"]
    ]
    show(table(["<", "<", ">value", ">floor", ">goal", "<reached"], rows))


def _verdict(row: Mapping[str, Any]) -> str:
    return "goal" if row["goal_met"] else "floor" if row["floor_met"] else "neither"


SCORE_COLUMNS = ("list", "model", "params", "seconds", "bytes", "strings_per_second", "val_nll", "scored")


def _by_family(rows: Iterable[Mapping[str, Any]], key: str) -> list[list[str]]:
    """A line for each family, a cell for each model."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        found.setdefault((row["list"], row["family"]), []).append(number(row[key], 4))
    return [[*family, *cells] for family, cells in found.items()]


def _report(figures: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        content_json(figures)
        return
    alone = {name: value for name, value in figures.items() if not _is_table(value)}
    show(table(["<", ">"], [(_label(name), _figure(value)) for name, value in alone.items()]))
    for name, value in figures.items():
        if _is_table(value):
            content("")
            content(_label(name))
            _show_table(value)


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _show_table(value: dict[str, Any] | list[dict[str, Any]]) -> None:
    if isinstance(value, dict):
        show(table(["<", "<"], [(f"  {_label(name)}", _figure(item)) for name, item in value.items()], fold=True))
    else:
        heads = [f">{_label(name)}" for name in value[0]]
        show(table(heads, [[_figure(item) for item in row.values()] for row in value]))


def _label(name: str) -> str:
    return name.replace("_", " ")


def _figure(value: object) -> str:
    if value is None:
        return NO_VALUE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_figure, value))
    if isinstance(value, float):
        return number(value) if abs(value) >= 1000 else f"{value:.4g}"
    return number(value) if isinstance(value, int) else str(value)
