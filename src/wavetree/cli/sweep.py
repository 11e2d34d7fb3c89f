"""`wavetree sweep`: many trainings, each with other settings, and which of them is best."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from wavetree.cli.command import INTERRUPTED
from wavetree.cli.output import NO_VALUE, content_json, margin, number, say, show_columns
from wavetree.cli.stopping import asked_to_stop
from wavetree.cli.train import named_after
from wavetree.cli.wording import refuse_misfits
from wavetree.errors import InputError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wavetree.config import Config
    from wavetree.experiments.sweep import SweepFolder, Swept, Tried
    from wavetree.runs import RunFolder
    from wavetree.train import Progress


def sweep(
    *files: Annotated[
        Path, Parameter(help="What is learnt, as for `wavetree train`: a list, or for some presets text or sound.")
    ],
    space: Annotated[Path, Parameter(help="A TOML file: which settings are tried, within what limits.")],
    trials: Annotated[int, Parameter(help="So many trials are to be done in the end, by all who work at the sweep.")],
    seconds: Annotated[float | None, Parameter(help="Each trains about this long at the latest.")] = None,
    out: Annotated[Path | None, Parameter(help="The folder of the sweep; without it, sweeps/NAME-OF-THE-FILE.")] = None,
    preset: Annotated[
        str, Parameter(help="What the sweep starts from, which is its trial 0.", show_default=True)
    ] = "names",
    settings: Annotated[
        tuple[str, ...], Parameter(name="--set", metavar="SETTING=VALUE", help="Change a setting; may be repeated.")
    ] = (),
    sampler: Annotated[
        Literal["tpe", "random"], Parameter(help="How the next values are chosen.", show_default=True)
    ] = "tpe",
    pruner: Annotated[
        Literal["none", "median", "hyperband"],
        Parameter(help="By what a trial that lags behind is stopped early.", show_default=True),
    ] = "none",
    seed: Annotated[int, Parameter(help="Of the sampler; that of the trainings is train.seed.")] = 1,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Works at a sweep, begun here or elsewhere, until its trials are done; 130 if it was interrupted."""
    if trials < 1:
        raise SettingError(f"--trials cannot be {trials}: ask for 1 or more.")
    if find_spec("optuna") is None:
        raise InputError("a sweep needs Optuna, which is not installed: pip install 'wavetree[sweep]'.")
    from wavetree.config import configure
    from wavetree.experiments.sweep import Plan, SweepFolder, Told, read_space, result
    from wavetree.experiments.sweep import sweep as work

    changes = (*settings, *([f"train.seconds={seconds}"] if seconds is not None else []))
    config = configure(preset, changes)
    refuse_misfits(files, config.data.kind)
    sources = tuple(str(file.resolve()) for file in files)
    plan = Plan(preset, changes, read_space(space, preset, changes), sources, sampler, pruner, seed)
    folder = SweepFolder(out or Path("sweeps") / named_after(files, preset), plan)
    with asked_to_stop(say) as stop, _telling() as progress:
        work(folder, _beginning(files), trials, Told(progress, lambda tried: _say(tried, folder), stop))
        stopped = stop()
    found = result(folder, trials)
    _report(folder, found, as_json)
    if stopped:
        say("go on: the same command again, here or on any machine that shares the folder")
    return INTERRUPTED if stopped else 0


def _beginning(files: tuple[Path, ...]) -> Callable[[Path, Config], RunFolder]:
    from wavetree.api import begin

    return lambda path, config: begin(files or None, path, config)


@contextmanager
def _telling() -> Iterator[Callable[[int, Progress], None]]:
    """On a terminal, where the trial at work is stands at the bottom."""
    console = margin()
    if not console.is_terminal:
        yield lambda _, __: None
        return
    with console.status("", refresh_per_second=2) as status:
        yield lambda trial, seen: status.update(f"trial {trial}: step {seen.step:,} of {seen.steps:,}")


def _say(tried: Tried, folder: SweepFolder) -> None:
    from wavetree.experiments.sweep.work import shown_values

    loss = f"validation {number(tried.loss, 4)}" if tried.loss is not None else tried.why
    names = [dimension.name for dimension in folder.plan.space]
    values = " ".join(f"{n}={v}" for n, v in zip(names, shown_values(tried.values, names), strict=True))
    say(f"trial {tried.number:4}  {tried.state:8}  {loss}  {values}")


def _report(folder: SweepFolder, found: Swept, as_json: bool) -> None:
    from wavetree.experiments.sweep import sweep_page
    from wavetree.experiments.sweep.work import shown_values
    from wavetree.runs.checkpoint import write_file

    write_file(folder.path / "report.html", sweep_page(folder, found).encode())
    if as_json:
        content_json(found.to_json())
    else:
        names = [dimension.name for dimension in folder.plan.space]
        rows = [shown_values(trial.values, names) for trial in found.finished]
        losses = [NO_VALUE if trial.loss is None else number(trial.loss, 4) for trial in found.finished]
        show_columns(
            (">trial", [str(trial.number) for trial in found.finished]),
            [("", [trial.state for trial in found.finished]), (">validation", losses)],
            [(f">{name}", [row[place] for row in rows]) for place, name in enumerate(names)],
        )
    say(found.says)
    say(f"report: {folder.path / 'report.html'}")
    if found.best:
        say(f"next: wavetree sample {folder.run(found.best.number)}")
