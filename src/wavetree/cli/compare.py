"""`wavetree compare`: models beside each other, each trained here and now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from wavetree.cli.output import (
    NO_VALUE,
    Column,
    content,
    content_json,
    margin,
    number,
    say,
    show,
    show_columns,
    table,
    working,
)
from wavetree.cli.wording import has_settings
from wavetree.errors import InputError, SaveError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wavetree.experiments.compare import Comparison, ContextRow, Row


def compare(
    *files: Annotated[
        Path,
        Parameter(
            help="Two runs or more, which are put side by side. Or a list, one item a line, on which the models of "
            "--preset are trained; without it, the names that come along."
        ),
    ],
    preset: Annotated[
        Literal["ladder", "controls", "context"] | None,
        Parameter(help="ladder (the default), controls or context: what is trained on a list, or timed."),
    ] = None,
    split: Annotated[
        Literal["hash", "lecture", "both"] | None,
        Parameter(help="Without it: the lecture's for the ladder, both for the controls."),
    ] = None,
    recipe: Annotated[
        Literal["ours", "lecture"] | None,
        Parameter(help="How the ladder is trained: by the product (the default), or as the lecture did: minutes."),
    ] = None,
    seeds: Annotated[int | None, Parameter(help="Trainings of each model: 3 for the controls, else 1.")] = None,
    steps: Annotated[int | None, Parameter(help="Steps of the lecture's recipe: 200,000.")] = None,
    seconds: Annotated[
        float | None, Parameter(help="How long each network of the controls trains, on one core: 10.")
    ] = None,
    contexts: Annotated[
        tuple[int, ...], Parameter(name="--context", help="One context to time, of 2, 4 ... 1,024; may be repeated.")
    ] = (),
    out: Annotated[Path | None, Parameter(help="A folder for report.html, with pictures.")] = None,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Runs side by side; or models that are trained one after the other, a line for each, and one table at the end."""
    if any(has_settings(file) for file in files):
        options: dict[str, object] = {
            "--preset": preset,
            "--split": split,
            "--recipe": recipe,
            "--seeds": seeds,
            "--steps": steps,
        }
        options |= {"--seconds": seconds, "--context": contexts or None}
        for name, value in options.items():
            if value is not None:
                raise SettingError(
                    f"{name} is for models that are trained on a list, and these are runs: leave it out."
                )
        _compare_runs(files, out, as_json)
        return
    if len(files) > 1:
        if missing := next((file for file in files if not file.exists()), None):
            raise InputError(f"{missing} does not exist: give runs, which `wavetree train` makes, or one list.")
        raise InputError(f"{files[1]} is no run, and models are trained on one list: give runs alone, or one list.")
    file = files[0] if files else None
    from wavetree.data import embedded_names, read_list

    items = read_list(file) if file else embedded_names()
    from wavetree.experiments.compare import compare as run
    from wavetree.experiments.compare import plan

    chosen = plan(preset or "ladder", split, recipe, seeds, steps, seconds, contexts)
    if out:
        _make(out)
    with _telling() as tell:
        done = run(items, chosen, tell, _say_row)
    if as_json:
        content_json(done.to_json())
    else:
        _show(done)
    for note in done.notes:
        say(note)
    if out:
        from wavetree.experiments.compare import comparison_page

        _write(out / "report.html", comparison_page(done))


def _compare_runs(files: Sequence[Path], out: Path | None, as_json: bool) -> None:
    from wavetree.experiments.compare.runs import cells, compare_runs, runs_page

    if out:
        _make(out)
    with working("judging the runs"):
        done = compare_runs(files)
    if as_json:
        content_json(done.to_json())
    else:
        rows = list(zip(*(cells(row) for row in done.rows), strict=True))
        heads = ["<", "<model", ">parameters", ">sees", ">steps", ">seconds", ">validation", f">{done.gaps[0].side}"]
        columns = list(zip(heads, rows, strict=True))
        show_columns(columns[0], columns[1:6], columns[6:])
        if done.differ:
            content("")
            names = [row.name for row in done.rows]
            show_columns(
                ("<", list(done.differ)),
                [(f"<{name}", [values[place] for values in done.differ.values()]) for place, name in enumerate(names)],
            )
    for sentence in done.verdicts:
        say(sentence)
    if out:
        _write(out / "report.html", runs_page(done))


@contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    """On a terminal, what is being done stands at the bottom while it is."""
    console = margin()
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("", refresh_per_second=2) as status:  # rarely, since what runs below it is timed
        yield status.update


def _say_row(row: Row | ContextRow) -> None:
    from wavetree.experiments.compare import ContextRow

    if isinstance(row, ContextRow):
        say(f"{row.name:17} {number(row.context):>5} symbols   {number(row.microseconds, 2):>10} us a symbol")
        return
    published = f"  published {row.published.validation:.3f}" if row.published else ""
    pace = f"{number(row.seconds, 1):>6} s {number(row.symbols_per_second):>10}/s"
    say(f"{row.name:16} {row.split:7} validation {row.val_nll:.4f} {pace}{published}")


def _show(done: Comparison) -> None:
    if done.contexts:
        heads = ["<", ">context", ">levels", ">parameters", ">multiply-adds", ">us a symbol"]
        figures = [(r.context, r.levels, r.params, r.multiply_adds) for r in done.contexts]
        cells = [[number(figure) for figure in row] for row in figures]
        show(table(heads, [[r.name, *c, number(r.microseconds, 2)] for r, c in zip(done.contexts, cells, strict=True)]))
        return
    splits = list(dict.fromkeys(row.split for row in done.rows))
    for place, split in enumerate(splits):
        rows = [row for row in done.rows if row.split == split]
        if len(splits) > 1:
            content(f"{chr(10) if place else ''}On the {split} split")
        show_columns(("<", [row.name for row in rows]), _costs(rows), _losses(rows))


def _costs(rows: Sequence[Row]) -> list[Column]:
    return [
        (">params", [number(row.params) for row in rows]),
        (">sees", [number(row.context) for row in rows]),
        (">steps", [number(row.steps) if row.steps else NO_VALUE for row in rows]),
        (">seconds", [number(row.seconds, 1) for row in rows]),
        (">symbols/s", [number(row.symbols_per_second) for row in rows]),
    ]


def _losses(rows: Sequence[Row]) -> list[Column]:
    """Train and validation, each beside what the lecture published; or how far the seeds spread, and the test loss."""
    train = (">train", [number(row.train_nll, 4) for row in rows])
    validation = (">val", [number(row.val_nll, 4) for row in rows])
    columns: list[Column] = [train, validation]
    if any(row.published for row in rows):
        theirs = [row.published for row in rows]
        published = [
            (">published train", [number(p.train, 3) if p else NO_VALUE for p in theirs]),
            (">published val", [number(p.validation, 3) if p else NO_VALUE for p in theirs]),
        ]
        columns = [train, published[0], validation, published[1]]
    if any(len(row.trials) > 1 for row in rows):
        columns.append((">sd", [number(row.deviation, 4) if len(row.trials) > 1 else NO_VALUE for row in rows]))
    if not any(row.published for row in rows):
        columns.append((">test", [number(row.test_nll, 4) for row in rows]))
    return columns


def _make(folder: Path) -> None:
    """The folder, before anything is trained for it. Raises SettingError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SettingError(f"could not make the folder {folder}: {reason}. Choose another --out.") from error


def _write(path: Path, document: str) -> None:
    try:
        path.write_text(document, "utf-8")
    except OSError as error:
        raise SaveError(f"could not write {path}: {(error.strerror or str(error)).lower()}.") from error
    say(f"report: {path}")
