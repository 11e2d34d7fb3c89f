"""A sweep at work: claim a trial, train it as any other run, tell how it went, until all are done."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from wavetree.config import Config
from wavetree.errors import DamagedError, InputError, SettingError, WavetreeError
from wavetree.experiments.compare.paired import Gap, paired
from wavetree.experiments.sweep.space import Value
from wavetree.experiments.sweep.study import Claim, SweepFolder, Tried
from wavetree.report import machine_stamp, report_run
from wavetree.runs import RunFolder, load
from wavetree.train import Check, Progress, Watch, train

if TYPE_CHECKING:
    from optuna.trial import TrialState

Begin = Callable[[Path, Config], RunFolder]
"""begin(path, config): a run folder that is ready to train on what the sweep is about."""
WAIT = 0.2
"""Seconds from one look at what the other processes do to the next."""
FAILURES = 10
"""Trials that may fail beyond those that succeed before the sweep gives up."""


@dataclass(frozen=True)
class Told:
    """Who looks on: told how far a trial is, when one is done, and asked whether to stop."""

    progress: Callable[[int, Progress], None]
    done: Callable[[Tried], None]
    stop: Callable[[], bool]


@dataclass(frozen=True)
class Swept:
    """What came out. `gap`: by how much the best beats the first trial on test items; None where it is that one."""

    path: str
    wanted: int
    trials: tuple[Tried, ...]
    importance: dict[str, float]
    gap: Gap | None
    says: str
    machine: dict[str, object] = field(default_factory=machine_stamp)

    @property
    def finished(self) -> tuple[Tried, ...]:
        """The trials that count, the best first."""
        found = [trial for trial in self.trials if trial.state in ("complete", "pruned")]
        return tuple(sorted(found, key=lambda t: (t.state == "pruned", t.loss if t.loss is not None else 1e9)))

    @property
    def best(self) -> Tried | None:
        """The complete trial with the lowest validation loss."""
        return next((trial for trial in self.finished if trial.state == "complete"), None)

    @property
    def duplicates(self) -> int:
        """How many finished trials have the values of another one: none, or something is wrong."""
        return len(self.finished) - len({tuple(sorted(trial.values.items(), key=str)) for trial in self.finished})

    def to_json(self) -> dict[str, object]:
        """The object of `--json`."""
        best, first = self.best, next((trial for trial in self.trials if trial.number == 0), None)
        return {
            "name": "sweep",
            "path": self.path,
            "wanted": self.wanted,
            "complete": sum(trial.state == "complete" for trial in self.trials),
            "pruned": sum(trial.state == "pruned" for trial in self.trials),
            "failed": sum(trial.state == "failed" for trial in self.trials),
            "duplicates": self.duplicates,
            "best": best and asdict(best),
            "started_from": first and asdict(first),
            "beats": best is not None and best.number != 0,
            "test_gap": self.gap and asdict(self.gap),
            "says": self.says,
            "importance": self.importance,
            "trials": [asdict(trial) for trial in self.trials],
            "machine": self.machine,
        }


def sweep(folder: SweepFolder, begin: Begin, wanted: int, told: Told) -> None:
    """Works until `wanted` trials are complete or pruned, by this process or by others; or until asked to stop.

    A trial that fails, such as by a loss that is no number, is replaced. Raises what the first trial raises, and what
    the last one did where too many fail.
    """
    while not told.stop():
        claim = folder.claim(wanted)
        if claim is None:
            if all(trial.state != "at work" for trial in folder.trials()):
                return
            time.sleep(WAIT)  # another process may still die, and leave its trial to this one
            continue
        with claim.lock:
            _work(folder, begin, claim, told)


def _work(folder: SweepFolder, begin: Begin, claim: Claim, told: Told) -> None:
    from optuna.trial import TrialState

    number = claim.trial.number
    try:
        loss, state = _trained(folder, begin, claim, told)
    except (SettingError, WavetreeError) as error:
        if isinstance(error, DamagedError) or (isinstance(error, InputError) and not isinstance(error, SettingError)):
            raise
        claim.trial.set_user_attr("why", str(error))
        folder.study.tell(number, state=TrialState.FAIL)
        trials = folder.trials()
        failed = sum(trial.state == "failed" for trial in trials)
        if number == 0 or failed > FAILURES + len(trials) - failed:
            raise
    else:
        if state is None:
            return  # asked to stop: its checkpoint is saved, and whoever goes on takes it up
        pruned = state == TrialState.PRUNED
        folder.study.tell(number, None if pruned else loss, state=state)
    told.done(next(trial for trial in folder.trials() if trial.number == number))


def _trained(folder: SweepFolder, begin: Begin, claim: Claim, told: Told) -> tuple[float, TrialState | None]:
    """The validation loss of a trial and the state that it ends in, None where it is to be gone on with."""
    from optuna.trial import TrialState

    number, path = claim.trial.number, folder.run(claim.trial.number)
    run = RunFolder.open(path) if path.exists() else begin(path, folder.plan.config(claim.values))
    _same_data(folder, run)
    reported = set(folder.study.get_trials(deepcopy=False)[number].intermediate_values)
    hopeless = False

    def check(seen: Check) -> None:
        nonlocal hopeless
        place = sum("val_nll" in line for line in run.metrics())
        if place not in reported:
            claim.trial.report(seen.val_nll, place)
        hopeless = place < run.config().train.checks and claim.trial.should_prune()

    def progress(seen: Progress) -> None:
        told.progress(number, seen)

    summary = train(run, Watch(progress, check, lambda: hopeless or told.stop()))
    if not summary.stopped:
        return summary.val_nll, TrialState.COMPLETE
    return summary.val_nll, TrialState.PRUNED if hopeless else None


def _same_data(folder: SweepFolder, run: RunFolder) -> None:
    """Raises InputError where what is learnt from is not what the sweep was begun with."""
    digest = run.origin()["sha256"]
    known = folder.study.user_attrs.get("data")
    if known is None:
        folder.study.set_user_attr("data", digest)
    elif known != digest:
        raise InputError(
            f"what is learnt from changed since {folder.path} was begun: its losses would not compare. Begin another "
            "sweep with another --out."
        )


def result(folder: SweepFolder, wanted: int) -> Swept:
    """What a sweep has found so far, in words too; the best trial's run gets its report.html."""
    trials = tuple(folder.trials())
    found = Swept(str(folder.path), wanted, trials, folder.importance(), None, "")
    best = found.best
    if best is None:
        return Swept(found.path, wanted, trials, {}, None, "no trial is complete yet.")
    run = RunFolder.open(folder.run(best.number))
    with folder.alone():  # others come to this point as well, and a run is worked on by one process
        if not (run.path / "report.html").exists():
            report_run(run, train(run))
    if best.number == 0:
        others = len(found.finished) - 1
        says = (
            f"none of the {others:,} others is better than what the sweep started from, trial 0: {best.loss:.4f}."
            if others
            else f"trial 0, what the sweep started from, is the only one so far: {best.loss:.4f}."
        )
        return Swept(found.path, wanted, trials, found.importance, None, says)
    first = next((trial for trial in trials if trial.number == 0 and trial.state == "complete"), None)
    if first is None or first.loss is None or best.loss is None:
        says = f"trial {best.number} is the best, and trial 0, what the sweep started from, is not complete."
        return Swept(found.path, wanted, trials, found.importance, None, says)
    gap = paired(load(folder.run(0)), load(folder.run(best.number)))
    says = (
        f"trial {best.number} beats what the sweep started from, trial 0, by {first.loss - best.loss:.4f} on "
        f"validation, {best.loss:.4f} beside {first.loss:.4f}. That flatters it, since it was chosen there: {gap.says}."
    )
    return Swept(found.path, wanted, trials, found.importance, gap, says)


def shown_values(values: Mapping[str, Value], names: Sequence[str]) -> list[str]:
    """The values of some settings in few symbols."""
    return [f"{value:.4g}" if isinstance(value := values.get(name), float) else str(value) for name in names]
