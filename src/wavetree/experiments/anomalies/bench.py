"""`wavetree bench score`: what a model is worth for finding what does not belong, beside its rivals, on made lists.

Everything learns from the train side alone. Which of the three ways to score counts for a model on a list, the
validation side says: where its good items are told best from random texts. Only then are good test items put beside the
bad ones. An interval is of items (the middle 95% of 1,000 resamples of the mean over the seeds); the seeds' own spread
stands beside it. Seconds are of processor time, for training as for scoring, so that what else runs does not count.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wavetree.errors import SettingError
from wavetree.experiments.anomalies.figures import Resamples, Scores, auroc, aurocs, caught, interval, true_positives
from wavetree.experiments.anomalies.lists import MadeList, dictionary, made_lists
from wavetree.experiments.anomalies.rivals import (
    OURS,
    PRODUCT,
    TO_BEAT,
    TREATMENTS,
    Learnt,
    Rival,
    has_forest,
    rivals,
)
from wavetree.experiments.machine import using_threads
from wavetree.report import machine_stamp

LAPS = 5
NO_FOREST = "IsolationForest is left out: scikit-learn is not installed (`pip install scikit-learn`)."
ALIKE, ABOVE, BELOW = "not told apart", "above", "NOT above"


@dataclass(frozen=True)
class Judged:
    """A model on a list: its trainings, and the way to score it that validation chose."""

    rival: Rival
    trainings: tuple[Learnt, ...]
    chosen: str
    good: tuple[dict[str, Scores], ...]
    """The scores of the good test items, of every training."""
    by_treatment: dict[str, float]
    """The AUROC of validation items against random texts, the mean over the trainings."""
    strings_per_second: float


@dataclass(frozen=True)
class Cell:
    """A model on a family: figures of every training, and of every resample the mean over the trainings."""

    auroc: tuple[float, ...]
    tpr: tuple[float, ...]
    resampled_auroc: Scores
    resampled_tpr: Scores
    every_way: dict[str, tuple[float, float]]
    """AUROC and TPR of each way to score, the means over the trainings."""


def bench_score(seeds: int, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    """The whole bench; see `measure`.

    Raises ListError where there is no dictionary, SettingError for seeds or seconds that cannot be.
    """
    if seeds < 1:
        raise SettingError(f"--seeds cannot be {seeds}: give a whole number from 1.")
    if not 0 < seconds < 1e7:
        raise SettingError(f"--seconds cannot be {seconds:g}: give the seconds that each network may train.")
    return measure(made_lists(dictionary()), seeds, seconds, say)


def measure(lists: Sequence[MadeList], seeds: int, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Every rival on every list: figures by family, what a model takes, and in words what is above the 5-gram."""
    every = [rival for rival in rivals(seconds) if rival.name != "forest" or has_forest()]
    notes = [] if has_forest() else [NO_FOREST]
    rows: list[dict[str, Any]] = []
    models: list[dict[str, Any]] = []
    verdicts: list[dict[str, Any]] = []
    with using_threads(1):
        for made in lists:
            judged = [_judged(made, rival, seeds, say) for rival in every]
            models += [_model_row(made, one) for one in judged]
            for family, bad in made.bad.items():
                resamples = Resamples.drawn(len(made.split.test), len(bad))
                cells = {one.rival.name: _cell(one, bad, resamples) for one in judged}
                rows += [_row(made, family, one, cells[one.rival.name]) for one in judged]
                verdicts.append(_verdict(made, family, cells))
    notes += _in_words(verdicts)
    return {
        "name": "score",
        "machine": machine_stamp(),
        "seeds": seeds,
        "seconds": seconds,
        "lists": [_list_row(made) for made in lists],
        "rows": rows,
        "models": models,
        "verdicts": verdicts,
        "notes": notes,
    }


def _judged(made: MadeList, rival: Rival, seeds: int, say: Callable[[str], None]) -> Judged:
    """Learns, and chooses the way to score by the validation side and random texts; ties go to the first of them."""
    trainings = rival.learn(made, range(1, seeds + 1))
    found: dict[str, list[float]] = {way: [] for way in TREATMENTS}
    for learnt in trainings:
        held_out, at_random = learnt.scores(made.split.validation), learnt.scores(made.random)
        for way in TREATMENTS:
            found[way].append(auroc(held_out[way], at_random[way]))
    by_treatment = {way: statistics.fmean(values) for way, values in found.items()}
    chosen = max(TREATMENTS, key=lambda way: by_treatment[way])
    speed = len(made.split.test) / _processor_time(lambda: trainings[0].score(made.split.test))
    loss = [learnt.loss for learnt in trainings if learnt.loss is not None]
    told = f"validation {statistics.fmean(loss):.4f}, " if loss else ""
    say(f"{made.name}, {rival.name}: {told}{chosen}, {speed:,.0f} strings a second")
    good = tuple(learnt.scores(made.split.test) for learnt in trainings)
    return Judged(rival, trainings, chosen, good, by_treatment, speed)


def _processor_time(work: Callable[[], object]) -> float:
    """The median of some laps in seconds, on one core: what else runs on the machine does not count."""
    laps = []
    for _ in range(LAPS):
        begun = time.thread_time()
        work()
        laps.append(time.thread_time() - begun)
    return statistics.median(laps)


def _cell(judged: Judged, bad: Sequence[str], resamples: Resamples) -> Cell:
    scored = [(good, learnt.scores(bad)) for good, learnt in zip(judged.good, judged.trainings, strict=True)]
    ways = {
        way: (
            tuple(auroc(ours[way], theirs[way]) for ours, theirs in scored),
            tuple(true_positives(ours[way], theirs[way]) for ours, theirs in scored),
        )
        for way in TREATMENTS
    }
    way = judged.chosen
    return Cell(
        *ways[way],
        np.mean([aurocs(ours[way], theirs[way], resamples) for ours, theirs in scored], axis=0),
        np.mean([caught(ours[way], theirs[way], resamples) for ours, theirs in scored], axis=0),
        {name: (statistics.fmean(a), statistics.fmean(t)) for name, (a, t) in ways.items()},
    )


def _row(made: MadeList, family: str, judged: Judged, cell: Cell) -> dict[str, Any]:
    return {
        "list": made.name,
        "family": family,
        "model": judged.rival.name,
        "scored": judged.chosen,
        "auroc": statistics.fmean(cell.auroc),
        "auroc_interval": interval(cell.resampled_auroc),
        "auroc_by_seed": list(cell.auroc),
        "tpr": statistics.fmean(cell.tpr),
        "tpr_interval": interval(cell.resampled_tpr),
        "tpr_by_seed": list(cell.tpr),
        "every_way": {way: {"auroc": a, "tpr": t} for way, (a, t) in cell.every_way.items()},
    }


def _verdict(made: MadeList, family: str, cells: dict[str, Cell]) -> dict[str, Any]:
    """Whether ours is above the 5-gram, by the difference of the AUROCs on the very same items."""
    ours, theirs = cells[OURS], cells[TO_BEAT]
    difference = statistics.fmean(ours.auroc) - statistics.fmean(theirs.auroc)
    low, high = interval(ours.resampled_auroc - theirs.resampled_auroc)
    return {
        "list": made.name,
        "family": family,
        "difference": difference,
        "interval": [low, high],
        "above": difference > 0,
        "above_as_score_has_it": ours.every_way[PRODUCT][0] > theirs.every_way[PRODUCT][0],
        "verdict": ALIKE if low <= 0 <= high else ABOVE if difference > 0 else BELOW,
    }


def _in_words(verdicts: Sequence[dict[str, Any]]) -> list[str]:
    """For each list, on which families ours is above the 5-gram, and on which it is not."""
    found = []
    for name in dict.fromkeys(one["list"] for one in verdicts):
        here = [one for one in verdicts if one["list"] == name]
        above = sum(one["above"] for one in here)
        alike = sum(one["above_as_score_has_it"] for one in here)
        found.append(
            f"{name}: the {OURS}'s AUROC is above the {TO_BEAT}'s on {above} of {len(here)}; both scored {PRODUCT}, as "
            f"`wavetree score` does, on {alike}."
        )
        for one in here:
            gap = f"{one['difference']:+.4f}, {one['interval'][0]:+.4f} to {one['interval'][1]:+.4f}"
            if one["verdict"] == BELOW:
                found.append(f"{name}, {one['family']}: the {OURS} is {BELOW} the {TO_BEAT} ({gap}).")
            elif one["verdict"] == ALIKE:
                found.append(f"{name}, {one['family']}: the {OURS} and the {TO_BEAT} are {ALIKE} ({gap}).")
    return found


def _model_row(made: MadeList, judged: Judged) -> dict[str, Any]:
    losses = [learnt.loss for learnt in judged.trainings if learnt.loss is not None]
    return {
        "list": made.name,
        "model": judged.rival.name,
        "params": judged.trainings[0].params,
        "sees": judged.trainings[0].sees,
        "seconds": statistics.fmean(learnt.seconds for learnt in judged.trainings),
        "bytes": max(learnt.file_bytes for learnt in judged.trainings),
        "strings_per_second": judged.strings_per_second,
        "val_nll": statistics.fmean(losses) if losses else None,
        "scored": judged.chosen,
        **{f"chosen by: {way}": value for way, value in judged.by_treatment.items()},
    }


def _list_row(made: MadeList) -> dict[str, Any]:
    sides = {side: len(made.split.items(side)) for side in ("train", "validation", "test")}
    return {"list": made.name, **sides, "bad": sum(map(len, made.bad.values())), "digest": made.digest}
