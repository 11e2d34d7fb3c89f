"""A comparison from its plan to its result: the rows of a preset, and what they say in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from wavetree.data import ItemList
from wavetree.errors import SettingError
from wavetree.experiments.compare.context import CONTEXTS, ContextRow, check_contexts, context_costs, readings, slopes
from wavetree.experiments.compare.controls import SECONDS, Verdict, controls, told, uneven, verdicts
from wavetree.experiments.compare.ladder import climb
from wavetree.experiments.compare.rows import Row
from wavetree.experiments.compare.training import Bench
from wavetree.experiments.lecture import LIST_DIGEST, STEPS
from wavetree.report import machine_stamp

Preset = Literal["ladder", "controls", "context"]
SplitChoice = Literal["hash", "lecture", "both"]
Recipe = Literal["ours", "lecture"]
CONTROL_SEEDS = 3


@dataclass(frozen=True)
class Plan:
    """What is to be compared: every choice made."""

    preset: Preset
    splits: tuple[str, ...]
    recipe: Recipe
    seeds: int
    steps: int
    seconds: float
    contexts: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """What came out. `leaks`: for each split, how many validation items are in train too, of how many."""

    plan: Plan
    source: str
    lecture_list: bool
    rows: tuple[Row, ...]
    contexts: tuple[ContextRow, ...]
    leaks: dict[str, tuple[int, int]]
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]
    seconds: float
    machine: dict[str, object] = field(default_factory=machine_stamp)

    def to_json(self) -> dict[str, object]:
        """The object of `--json`."""
        rows: Sequence[Row | ContextRow] = self.contexts or self.rows
        leaks = {
            split: {"leaked_validation": leaked, "validation": count, "share": leaked / count}
            for split, (leaked, count) in self.leaks.items()
        }
        return {
            "name": "compare",
            "preset": self.plan.preset,
            "recipe": self.plan.recipe,
            "list": self.source,
            "lecture_list": self.lecture_list,
            "seconds": self.seconds,
            "rows": [row.to_json() for row in rows],
            "leaks": leaks,
            "slopes": slopes(self.contexts),
            "verdicts": [asdict(verdict) | {"says": verdict.says} for verdict in self.verdicts],
            "notes": self.notes,
            "machine": self.machine,
        }


def plan(
    preset: Preset = "ladder",
    split: SplitChoice | None = None,
    recipe: Recipe | None = None,
    seeds: int | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    contexts: Sequence[int] = (),
) -> Plan:
    """A plan in which what was left open is chosen. Raises SettingError for what cannot be, or has no effect."""
    recipe = recipe or "ours"
    if preset != "ladder" and recipe == "lecture":
        raise SettingError("the lecture's recipe is for its own ladder: leave --recipe out, or take --preset ladder.")
    for given, name, useful, where in (
        (steps, "--steps", preset == "ladder" and recipe == "lecture", "--preset ladder --recipe lecture"),
        (seconds, "--seconds", preset == "controls", "--preset controls"),
        (contexts or None, "--context", preset == "context", "--preset context"),
        (seeds, "--seeds", preset != "context", "--preset ladder or controls"),
        (split, "--split", preset != "context", "--preset ladder or controls"),
    ):
        if given is not None and not useful:
            raise SettingError(f"{name} has a meaning with {where} alone: leave it out.")
    for value, name, unit in ((seeds, "--seeds", "a whole number from 1"), (steps, "--steps", "a whole number from 1")):
        if value is not None and value < 1:
            raise SettingError(f"{name} cannot be {value}: give {unit}.")
    if seconds is not None and not 0 < seconds < 1e7:
        raise SettingError(f"--seconds cannot be {seconds:g}: give the seconds that each network may train.")
    check_contexts(contexts)
    default: SplitChoice = "both" if preset == "controls" else "lecture"
    chosen = split or default
    return Plan(
        preset=preset,
        splits=("lecture", "hash") if chosen == "both" else (chosen,),
        recipe=recipe,
        seeds=seeds or (CONTROL_SEEDS if preset == "controls" else 1),
        steps=steps or STEPS,
        seconds=seconds or SECONDS,
        contexts=tuple(sorted(set(contexts))) or CONTEXTS,
    )


def compare(
    items: ItemList, chosen: Plan, tell: Callable[[str], None], show: Callable[[Row | ContextRow], None]
) -> Comparison:
    """Trains or times everything in the plan. `tell` hears what is being done, `show` gets each row that is."""
    begun = time.perf_counter()
    rows: list[Row] = []
    costs: list[ContextRow] = []
    leaks = {}
    if chosen.preset == "context":
        for cost in context_costs(chosen.contexts, tell):
            costs.append(cost)
            show(cost)
    else:
        for split in chosen.splits:
            bench = Bench.on(items, split, tell)
            leaks[split] = (bench.split.leaked_validation, len(bench.split.validation))
            ladder = chosen.preset == "ladder"
            for row in (
                climb(bench, chosen.recipe, chosen.seeds, chosen.steps)
                if ladder
                else controls(bench, chosen.seeds, chosen.seconds)
            ):
                rows.append(row)
                show(row)
    lecture_list = items.digest == LIST_DIGEST
    found = verdicts(rows) if chosen.preset == "controls" else []
    return Comparison(
        plan=chosen,
        source=items.source,
        lecture_list=lecture_list,
        rows=tuple(rows),
        contexts=tuple(costs),
        leaks=leaks,
        verdicts=tuple(found),
        notes=tuple(_notes(chosen, rows, costs, leaks, lecture_list, found)),
        seconds=time.perf_counter() - begun,
    )


def _notes(
    chosen: Plan,
    rows: Sequence[Row],
    costs: Sequence[ContextRow],
    leaks: dict[str, tuple[int, int]],
    lecture_list: bool,
    found: Sequence[Verdict],
) -> list[str]:
    notes = []
    for split, (leaked, count) in leaks.items():
        if leaked:
            notes.append(
                f"{split} split: {leaked:,} of {count:,} validation items ({leaked / count:.1%}) are in train too, so "
                "its losses flatter every model; the hash split leaks none."
            )
    if chosen.preset == "context":
        notes += readings(costs)
    elif chosen.preset == "controls":
        notes += told(found, rows) + uneven(rows, chosen.seconds)
    else:
        notes += _beside_published(rows, lecture_list)
    return notes


def _beside_published(rows: Sequence[Row], lecture_list: bool) -> list[str]:
    compared = [(row, row.published.validation) for row in rows if row.published]
    if not compared:
        return []
    if not lecture_list:
        return ["what the lecture published is of its own list, and this is another one: the two do not compare."]
    worse = [f"{row.name} by {row.val_nll - value:.4f}" for row, value in compared if row.val_nll > value]
    if worse:
        return [f"above the published validation loss: {', '.join(worse)}."]
    return ["every rung is at least as good as published."]
