"""`wavetree doctor`: what keeps a network from learning, and what to change."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from wavetree.cli.output import content, content_json, number, say, show, table, working
from wavetree.cli.wording import has_settings, refuse_misfits
from wavetree.errors import SettingError

if TYPE_CHECKING:
    from wavetree.experiments.doctor import Examination, Fault
    from wavetree.experiments.doctor.trained import Trained


def doctor(
    *files: Annotated[
        Path, Parameter(help="A run folder; or what is to be learnt, as for `wavetree train`. Without it, names.")
    ],
    preset: Annotated[str | None, Parameter(help="Where the settings start, as for `wavetree train`.")] = None,
    settings: Annotated[
        tuple[str, ...], Parameter(name="--set", metavar="SETTING=VALUE", help="Change a setting; may be repeated.")
    ] = (),
    seconds: Annotated[float, Parameter(help="About how long it may take.", show_default=True)] = 20,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Examines a network from its beginning, and, of a trained run, what it came to; 1 if anything is wrong."""
    if not 0 < seconds < 1e6:
        raise SettingError(f"--seconds cannot be {seconds:g}: give about how long the examination may take.")
    from wavetree.api import begin
    from wavetree.config import configure
    from wavetree.experiments.doctor import Run, examine, faults, trained_faults
    from wavetree.experiments.doctor.examine import steps_within
    from wavetree.experiments.doctor.trained import look_at_trained
    from wavetree.runs import RunFolder

    with ExitStack() as left, working("reading") as tell:
        if len(files) == 1 and has_settings(files[0]):
            if preset or settings:
                raise SettingError("a run has its own settings: leave --preset and --set out.")
            folder = RunFolder.open(files[0])
        else:
            config = configure(preset or "names", settings)
            refuse_misfits(files, config.data.kind)
            beside = Path(left.enter_context(TemporaryDirectory()))
            folder = begin(files or None, beside / "run", config)
        patient = Run(folder)
        seen = examine(patient, steps_within(patient, seconds), tell)
        found = faults(seen)
        trained = look_at_trained(patient) if folder.has_checkpoint() else None
        if trained:
            found += [f for f in trained_faults(trained, seen.baselines) if f.name not in {one.name for one in found}]
    if as_json:
        told = [asdict(fault) | {"says": fault.says} for fault in found]
        content_json({"name": "doctor", "faults": told, "seen": seen.to_json(), "trained": trained and asdict(trained)})
    else:
        _show(seen, trained, found)
    return 1 if found else 0


def _show(seen: Examination, trained: Trained | None, found: Sequence[Fault]) -> None:
    beside = seen.baselines
    rows = [
        ("a guess among all symbols", number(beside.alike, 3)),
        ("by the frequencies of symbols, held out", number(beside.unigram, 3)),
        (f"a {beside.order}-gram, held out", number(beside.ngram, 3)),
        ("the network, before the first step", number(seen.first, 3)),
        *(
            (f"after {seen.steps} steps at a rate of {seen.rate * f:.3g}{', which is set' if f == 1 else ''}", _loss(x))
            for f, x in seen.learnt.items()
        ),
        (f"after {seen.steps} at {seen.rate:.3g}, held out", number(seen.held_out, 3)),
        (f"{2 * seen.steps} steps on a few examples alone", f"{_loss(seen.by_heart)} (the least: {seen.least:.3f})"),
        ("a batch in training mode, in evaluation", f"{seen.in_training:.3f}, {seen.in_evaluation:.3f}"),
    ]
    if trained:
        rows.append(("trained: on what was learnt, held out", f"{trained.train:.3f}, {trained.validation:.3f}"))
    show(table(["<", "<nats a symbol"], rows))
    content("")
    levels = [(name, f"{seen.gradients[name]:.2g}", f"{seen.updates[name]:.2g}") for name in seen.updates]
    show(table(["<", ">gradient", ">update / weights"], levels))
    units = trained.units if trained else seen.units
    if units:
        content("")
        shares = [(name, f"{one.saturated:.0%}", f"{one.dead:.0%}") for name, one in units.items()]
        show(table(["<", ">saturated", ">dead"], shares))
    content("")
    for fault in found:
        content(f"{fault.name}: {fault.says}")
    if not found:
        content("nothing is wrong, as far as this sees.")
        say("what the settings could still gain, `wavetree sweep` finds")


def _loss(loss: float) -> str:
    return number(loss, 3) if loss < 1e3 else "no number any more"
