"""The folder of a sweep: Optuna's journal, and a run folder for each trial.

    study.json         what the sweep starts from, its space, sampler and pruner
    journal.log        Optuna's own record of every trial, to which each process adds its lines
    trials/0007        an ordinary run folder
    locks/             a lock for each trial that is at work, held by its process for as long as that lives
    report.html

Whoever takes up a trial holds its lock, and the system lets go of it when a process dies, however it dies. So a trial
that is at work by the journal, and whose lock is free, was left behind, and is taken up again from its last checkpoint.
"""

from __future__ import annotations

import fcntl
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from wavetree.config import Config, configure
from wavetree.errors import DamagedError, RunError, SaveError, SettingError
from wavetree.experiments.sweep.space import Dimension, Value, starting_point, to_json, untried

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.pruners import BasePruner
    from optuna.trial import FrozenTrial

FORMAT = 1
STUDY = "wavetree"
"""The name of the one study in a journal."""
TRIES = 20
"""How often a sampler is asked for values that were not tried yet, in a space too large to list."""
PATIENCE = 5
"""Trials without a verdict on one another before the median of the others may stop one."""

Sampler = Literal["tpe", "random"]
Pruner = Literal["none", "median", "hyperband"]


@dataclass(frozen=True)
class Plan:
    """What a sweep starts from and how it looks for better: the same for all who work at it."""

    preset: str
    changes: tuple[str, ...]
    space: tuple[Dimension, ...]
    sources: tuple[str, ...] = ()
    sampler: Sampler = "tpe"
    pruner: Pruner = "none"
    seed: int = 1

    def config(self, values: dict[str, Value]) -> Config:
        """The settings of a trial. Raises SettingError for values that do not fit together."""
        return configure(self.preset, [*self.changes, *(f"{name}={value}" for name, value in values.items())])

    def to_json(self) -> dict[str, object]:
        """What `study.json` holds."""
        return {**asdict(self), "space": to_json(self.space), "format": FORMAT}


@dataclass(frozen=True)
class Tried:
    """A trial as the journal has it. `loss` is the best validation loss in nats a symbol, None while there is none."""

    number: int
    state: Literal["complete", "pruned", "failed", "at work"]
    values: dict[str, Value]
    loss: float | None
    why: str = ""


@dataclass(frozen=True)
class Claim:
    """A trial that this process works at, for as long as it holds `lock`. `begun`: it was taken up, not asked for."""

    trial: Trial
    values: dict[str, Value]
    lock: IO[bytes]
    begun: bool


class SweepFolder:
    """A sweep on disk. Every method may be called by many processes at once."""

    def __init__(self, path: Path, plan: Plan) -> None:
        """Makes the folder, or joins the sweep that is in it.

        Raises RunError where something else is in the way, or a sweep with another plan; SaveError.
        """
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.path, self.plan = path, plan
        if path.exists() and not (path / "study.json").exists() and (path.is_file() or _foreign(path)):
            raise RunError(f"{path} is there already and is no sweep: it is left alone. Choose another --out.")
        try:
            for name in ("trials", "locks"):
                (path / name).mkdir(parents=True, exist_ok=True)
            with self.alone():
                self._same_plan()
                _mend(path / "journal.log")
                self.storage = JournalStorage(JournalFileBackend(str(path / "journal.log")))
                self.study = optuna.create_study(
                    storage=self.storage, study_name=STUDY, pruner=_pruner(plan), load_if_exists=True
                )
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SaveError(f"could not make the sweep {path}: {reason}. Choose another --out.") from error

    def run(self, number: int) -> Path:
        """The run folder of a trial."""
        return self.path / "trials" / f"{number:04d}"

    def claim(self, wanted: int) -> Claim | None:
        """A trial to work at: one that was left behind, or else a new one; None where `wanted` are done or at work.

        The first is what the sweep starts from. None has the values of another. Raises SettingError where the space has
        no other values left.
        """
        from optuna.trial import TrialState

        with self.alone():
            trials = self.study.get_trials(deepcopy=False)
            for trial in trials:
                if trial.state == TrialState.RUNNING and (lock := self._lock(trial.number)):
                    if set(trial.params) == {dimension.name for dimension in self.plan.space}:
                        return Claim(self.trial(trial.number), dict(trial.params), lock, begun=True)
                    lock.close()  # its process died while it was being asked for
                    self.study.tell(trial.number, state=TrialState.FAIL)
            if sum(trial.state in _taking(TrialState) for trial in self.study.get_trials(deepcopy=False)) >= wanted:
                return None
            return self._asked()

    def _asked(self) -> Claim:
        from optuna.trial import TrialState

        distributions = {dimension.name: dimension.distribution() for dimension in self.plan.space}
        if not self.study.get_trials(deepcopy=False):
            self.study.enqueue_trial(starting_point(self.plan.space, self.plan.preset, self.plan.changes))
        for _ in range(TRIES):
            others = self.study.get_trials(deepcopy=False)
            left = untried(self.plan.space, [other.params for other in others])
            if left == []:
                break
            self.study.sampler = _sampler(self.plan, len(others))
            trial = self.study.ask(distributions)
            same = [o for o in others if o.params == trial.params and o.state != TrialState.WAITING]
            if not same:
                lock = self._lock(trial.number)
                assert lock is not None  # nobody else asks
                trial.set_user_attr("begun", True)
                return Claim(trial, dict(trial.params), lock, begun=False)
            trial.set_user_attr("why", f"the values of trial {same[0].number}")
            self.study.tell(trial, state=TrialState.FAIL)
            if left:
                self.study.enqueue_trial(random.Random(self.plan.seed + len(others)).choice(left))
        raise SettingError(
            f"the space of {self.path} is used up: every combination in it was tried. Widen it, with a new --out, or "
            "ask for fewer --trials."
        )

    def trial(self, number: int) -> Trial:
        """The trial of this number, to report to."""
        from optuna import Trial

        study = self.storage.get_study_id_from_name(STUDY)
        return Trial(self.study, self.storage.get_trial_id_from_study_id_trial_number(study, number))

    def trials(self) -> list[Tried]:
        """All trials so far, in order, but for those that were never begun since another had their values."""
        return [_tried(trial) for trial in self.study.get_trials(deepcopy=False) if trial.user_attrs.get("begun")]

    def importance(self) -> dict[str, float]:
        """How much of what differs between the losses each setting explains, the most first; they add up to 1.

        Source: PED-ANOVA (Watanabe et al. 2023), as Optuna has it. Empty where too few trials are complete.
        """
        from optuna.importance import get_param_importances
        from optuna.trial import TrialState

        done = self.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        if len(done) < 4 or len({trial.value for trial in done}) < 2:
            return {}
        return get_param_importances(self.study)

    def _same_plan(self) -> None:
        """Writes study.json, or compares what is in it with the plan."""
        wanted, place = json.loads(json.dumps(self.plan.to_json())), self.path / "study.json"
        if not place.exists():
            beside = place.with_suffix(".partial")
            beside.write_text(json.dumps(wanted, indent=1) + "\n", "utf-8")
            beside.replace(place)
            return
        try:
            found = json.loads(place.read_text("utf-8"))
        except ValueError:
            raise DamagedError(f"{place} is damaged: it is not JSON. Begin another sweep with another --out.") from None
        for name, value in wanted.items():
            if found.get(name) != value:
                raise RunError(
                    f"{self.path} holds a sweep with another {name} ({found.get(name)}, not {value}): ask for "
                    "the same, or begin another sweep with another --out."
                )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """In here no other process asks for a trial, or draws a report. A lock that its holder died with is free."""
        with (self.path / "locks" / "asking").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _lock(self, number: int) -> IO[bytes] | None:
        """The lock of a trial, until it is closed; None while another process has it."""
        file = (self.path / "locks" / f"{number:04d}").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        return file


def _tried(trial: FrozenTrial) -> Tried:
    from optuna.trial import TrialState

    states: dict[TrialState, Literal["complete", "pruned", "failed"]] = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
    }
    state = states.get(trial.state, "at work")
    reports = trial.intermediate_values
    loss = trial.value if state == "complete" else min(reports.values()) if reports else None
    return Tried(trial.number, state, dict(trial.params), loss, str(trial.user_attrs.get("why", "")))  # type: ignore[arg-type]


def _taking(states: type) -> tuple[object, ...]:
    """The states of trials that count among those wanted."""
    return tuple(getattr(states, name) for name in ("COMPLETE", "PRUNED", "RUNNING"))


def _sampler(plan: Plan, asked: int) -> object:
    """A sampler for the next trial: what it draws follows from the seed and how many were asked for before."""
    from optuna.samplers import RandomSampler, TPESampler

    seed = (plan.seed * 1_000_003 + asked) % 2**32
    return RandomSampler(seed=seed) if plan.sampler == "random" else TPESampler(seed=seed)


def _pruner(plan: Plan) -> BasePruner:
    from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner

    if plan.pruner == "median":
        return MedianPruner(n_startup_trials=PATIENCE, n_warmup_steps=1)
    if plan.pruner == "hyperband":
        checks = configure(plan.preset, plan.changes).train.checks
        return HyperbandPruner(min_resource=1, max_resource=checks)
    return NopPruner()


def _mend(journal: Path) -> None:
    """Cuts off what a sudden death left of a last line: all before it is whole."""
    if journal.exists() and (content := journal.read_bytes()) and not content.endswith(b"\n"):
        with journal.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def _foreign(path: Path) -> Sequence[str]:
    """What is in a folder that no sweep puts there."""
    return [entry.name for entry in path.iterdir() if entry.name not in {"trials", "locks", "study.partial"}]
