"""`wavetree compare`: models beside each other, each trained here and now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from wavetree.cli.output import NO_VALUE, content, content_json, margin, number, say, show, table
from wavetree.errors import SaveError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wavetree.experiments.compare import Comparison, ContextRow, Row


def compare(
    file: Annotated[
        Path | None, Parameter(help="A UTF-8 text file with one item a line. Without it, the names that come along.")
    ] = None,
    /,
    *,
    preset: Annotated[
        Literal["ladder", "controls", "context"],
        Parameter(help="The lecture's ladder, the tree beside its controls, or what context costs.", show_default=True),
    ] = "ladder",
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
    """Trains model after model, shows a line for each that is done, and one table at the end."""
    from wavetree.data import embedded_names, read_list

    items = read_list(file) if file else embedded_names()
    from wavetree.experiments.compare import compare as run
    from wavetree.experiments.compare import plan

    chosen = plan(preset, split, recipe, seeds, steps, seconds, contexts)
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
        _write(out / "report.html", done)


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
    models = [[row for row in done.rows if row.name == name] for name in dict.fromkeys(row.name for row in done.rows)]
    names = [("<", [rows[0].name for rows in models])]
    costs = [
        (">params", [number(rows[0].params) for rows in models]),
        (">sees", [number(rows[0].context) for rows in models]),
        (">seconds", [number(rows[0].seconds, 1) for rows in models]),
        (">symbols/s", [number(rows[0].symbols_per_second) for rows in models]),
    ]
    losses = [
        column
        for place, split in enumerate(splits)
        for column in _losses([rows[place] for rows in models], f"{split} " if len(splits) > 1 else "")
    ]
    if len(splits) == 1 and len(losses) < 4:
        _show_columns([*names, *costs[:2], *losses[:2], *costs[2:], *losses[2:]])
    else:  # too much for one line
        _show_columns([*names, *losses])
        content("")
        _show_columns([*names, *costs])


Column = tuple[str, Sequence[str]]


def _losses(rows: Sequence[Row], split: str) -> list[Column]:
    """Train, validation, how far the seeds spread if there are several, and what the lecture published."""
    columns: list[Column] = [
        (f">{split}train", [number(row.train_nll, 4) for row in rows]),
        (">val", [number(row.val_nll, 4) for row in rows]),
    ]
    if any(len(row.trials) > 1 for row in rows):
        columns.append((">sd", [number(row.deviation, 4) if len(row.trials) > 1 else NO_VALUE for row in rows]))
    if any(row.published for row in rows):
        theirs = [row.published for row in rows]
        columns.append((">published", [f"{p.train:.3f} {p.validation:.3f}" if p else NO_VALUE for p in theirs]))
    return columns


def _show_columns(columns: Sequence[Column]) -> None:
    show(table([head for head, _ in columns], zip(*(cells for _, cells in columns), strict=True)))


def _make(folder: Path) -> None:
    """The folder, before anything is trained for it. Raises SettingError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SettingError(f"could not make the folder {folder}: {reason}. Choose another --out.") from error


def _write(path: Path, done: Comparison) -> None:
    from wavetree.experiments.compare import comparison_page

    try:
        path.write_text(comparison_page(done), "utf-8")
    except OSError as error:
        raise SaveError(f"could not write {path}: {(error.strerror or str(error)).lower()}.") from error
    say(f"report: {path}")
