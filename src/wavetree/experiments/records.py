"""`wavetree bench record`: the figures that wavetree is measured by, each with the least it must reach and its goal."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from wavetree.config import NgramConfig, configure
from wavetree.data import ItemList, embedded_names, read_list
from wavetree.errors import InputError, SettingError
from wavetree.evaluate import exact_loss
from wavetree.experiments.bench_dense import bench_dense
from wavetree.experiments.bench_generate import bench_generate
from wavetree.experiments.bench_sample import bench_sample
from wavetree.experiments.bench_text import bench_text, text_preset
from wavetree.experiments.bench_train import bench_train, reference_seconds
from wavetree.experiments.compare.training import Bench, by_counting
from wavetree.experiments.lecture import LIST_DIGEST
from wavetree.experiments.machine import matmul_peak
from wavetree.generate import Choice, sample_block
from wavetree.report import machine_stamp
from wavetree.runs import RunFolder, load, sides_of
from wavetree.train import start, train

Figures = dict[str, Any]

SCORED = 1_000_000
"""Names in the file that is scored."""
EMPTY = "a"
"""In place of an item without a symbol, which no line can hold."""
FIVE_MINUTES = 300.0


@dataclass(frozen=True)
class Material:
    """What records are measured on. A list and a text that do not come along are given by their files."""

    names: Path | None
    text: Path | None
    seeds: int
    say: Callable[[str], None]

    def lecture_names(self) -> ItemList:
        """The lecture's list. Raises InputError if it was not given."""
        if self.names is None:
            raise InputError("this record is measured on the lecture's list of names: give its file with --names.")
        items = read_list(self.names)
        if items.digest != LIST_DIGEST:
            raise InputError(f"{self.names} is not the lecture's list of names, on which this record is measured.")
        return items

    def shakespeare(self) -> Path:
        """tiny-shakespeare. Raises InputError if it was not given."""
        if self.text is None:
            raise InputError("this record is measured on tiny-shakespeare: give its file with --text.")
        return self.text


@dataclass(frozen=True)
class Record:
    """One figure: what it says, its goal and its floor, whether less is better, and how it is measured."""

    says: str
    goal: float
    floor: float
    less: bool
    measure: Callable[[Material], Figures]
    """Gives `value`, and what else there is to know."""

    def row(self, name: str, material: Material) -> Figures:
        """The figure, measured now."""
        found = self.measure(material)
        return {
            "name": name,
            "says": self.says,
            "value": float(found["value"]),
            "floor": self.floor,
            "goal": self.goal,
            "floor_met": self._met(found, self.floor),
            "goal_met": self._met(found, self.goal),
            **{key: each for key, each in found.items() if key != "value"},
        }

    def _met(self, found: Figures, bound: float) -> bool:
        """Whether the bound is reached; by what took longer than the record allows, it is not."""
        value = float(found["value"])
        return found.get("within_the_limit", True) and (value <= bound if self.less else value >= bound)


def bench_record(
    names: Iterable[str], material: Material, kept: Path | None, records: Mapping[str, Record] | None = None
) -> Figures:
    """The rows of these records, or of all of them if none is named; `records` are RECORDS unless others are given.

    `kept` is a file of rows that were measured before: they are not measured again, and each new one is added to it.
    Raises SettingError for a name that is none, InputError where a file is missing.
    """
    known = RECORDS if records is None else records
    wanted = list(names) or list(known)
    for name in wanted:
        if name not in known:
            raise SettingError(f"there is no record {name!r}: it is one of {', '.join(known)}.")
    rows = _read_rows(kept) if kept else {}
    for name in wanted:
        if name in rows:
            continue
        material.say(f"{name}: {known[name].says}")
        rows[name] = {**known[name].row(name, material), "machine": machine_stamp()}
        if kept:
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps(rows[name]) + "\n")
    return {"name": "record", "rows": [rows[name] for name in wanted]}


def _read_rows(kept: Path) -> dict[str, Figures]:
    """The rows of a file that there may not be yet."""
    if not kept.exists():
        return {}
    try:
        rows = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
        return {row["name"]: row for row in rows}
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{kept} holds no rows of records: name another file.") from error


def _lecture_time(material: Material) -> Figures:
    found = bench_train(material.lecture_names(), False, 1, material.say)
    if found["ratio"] is None:
        return {"value": 0.0, **found["ours"]}
    seconds = found["reference"]["seconds"]
    return {"value": found["ratio"], **found["ours"], "reference_seconds": seconds, "ratios": found["ratios"]}


def _lecture_loss(preset: str, most: float = math.inf) -> Callable[[Material], Figures]:
    """By a preset, which may have `most` parameters."""

    def measure(material: Material) -> Figures:
        items = material.lecture_names()
        limit = reference_seconds(items)
        found = _losses(items, preset, "lecture", material)
        within = found["seconds"] <= limit and found["params"] <= most
        return {**found, "limit_seconds": limit, "within_the_limit": within}

    return measure


def _below_ngram(material: Material) -> Figures:
    items = embedded_names()
    ngram = by_counting(Bench.on(items, "hash", material.say), NgramConfig(order=5))
    found = _losses(items, "names-large", "hash", material)
    return {
        **found,
        "value": ngram.val_nll - found["val_nll"],
        "ngram_val_nll": ngram.val_nll,
        "ngram_test_nll": ngram.test.mean,
        "below_on_test": ngram.test.mean - found["test_nll"],
        "within_the_limit": found["seconds"] <= FIVE_MINUTES,
    }


def _losses(items: ItemList, preset: str, split: str, material: Material) -> Figures:
    """Means over the seeds. Validation chooses the checkpoint of a run; the test side is measured once, at the end."""
    runs = []
    for seed in range(1, material.seeds + 1):
        with tempfile.TemporaryDirectory() as temporary:
            config = configure(preset, [f"data.split={split}", f"train.seed={seed}"])
            begun = time.perf_counter()
            folder = start(items, Path(temporary) / "run", config)
            summary = train(folder)
            seconds = time.perf_counter() - begun
            sides, trained = sides_of(folder), load(folder.path)
            test = exact_loss(trained.model, sides.test)
            material.say(f"seed {seed}: validation {summary.val_nll:.4f}, {seconds:.0f} s")
            runs.append(_Run(summary.val_nll, test.mean, seconds, summary.params))
    val_nll = statistics.mean(run.val_nll for run in runs)
    return {
        "value": val_nll,
        "val_nll": val_nll,
        "by_seed": [run.val_nll for run in runs],
        "test_nll": statistics.mean(run.test_nll for run in runs),
        "seconds": max(run.seconds for run in runs),
        "params": runs[0].params,
        "preset": preset,
    }


class _Run(NamedTuple):
    """One training: losses in nats a symbol, seconds with the making of its folder."""

    val_nll: float
    test_nll: float
    seconds: float
    params: int


def _text(seconds: float) -> Callable[[Material], Figures]:
    def measure(material: Material) -> Figures:
        text = material.shakespeare()
        preset = text_preset(seconds, matmul_peak(torch.get_num_threads()))  # one for all seeds
        found = [bench_text(text, seconds, preset, seed, material.say) for seed in range(1, material.seeds + 1)]
        val_nll = [each["val_nll"] for each in found]
        slowest = max(each["seconds"] for each in found)
        return {
            "value": statistics.mean(val_nll),
            "by_seed": val_nll,
            "seconds": slowest,
            "within_the_limit": slowest <= seconds,
            "params": found[0]["params"],
            "preset": preset,
            "steps": [each["steps"] for each in found],
        }

    return measure


def _sampling(material: Material) -> Figures:
    found = bench_sample(None, material.say)
    return {"value": found["names_per_second"], "one_core": found["names_per_second_one_core"]}


def _scoring(material: Material) -> Figures:
    """From a file of new names to their JSON lines, by the command, start-up included."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = start(embedded_names(), Path(temporary) / "run", configure("lecture"))
        train(folder)
        file = Path(temporary) / "names.txt"
        _write_names(folder, file)
        command = [sys.executable, "-m", "wavetree", "score", str(folder.path), str(file), "--json-lines"]
        begun = time.perf_counter()
        with (Path(temporary) / "scores").open("wb") as scores:
            subprocess.run(command, stdout=scores, stderr=subprocess.DEVNULL, check=True)
        seconds = time.perf_counter() - begun
    return {"value": SCORED / seconds, "names": SCORED, "seconds": seconds}


def _write_names(folder: RunFolder, file: Path) -> None:
    """SCORED names that the run makes up, a line each."""
    trained, block = load(folder.path), 1 << 15
    with file.open("w", encoding="utf-8") as out:
        for first in range(0, SCORED, block):
            drawn = sample_block(trained.model, 1, Choice(), (), first, min(block, SCORED - first))
            out.writelines(f"{trained.alphabet.decode(each.ids) or EMPTY}\n" for each in drawn)


def _audio(material: Material) -> Figures:
    found = bench_generate(material.say)
    return {"value": found.realtime, "samples_per_second": found.samples_per_second}


def _peak_of_lecture(material: Material) -> Figures:
    return _peak(bench_dense(material.lecture_names(), "lecture", material.say, ["data.split=lecture"]))


def _peak_of_text(material: Material) -> Figures:
    """In float32, products as peak; beside it the preset's own precision, which may be another."""
    found = bench_dense(material.shakespeare(), "text", material.say, ["train.precision=float32"])
    as_set = bench_dense(material.shakespeare(), "text", material.say)
    names = ("precision", "share_of_peak", "share_of_float32_peak")
    return {**_peak(found), "as_the_preset_has_it": {name: as_set[name] for name in names}}


def _peak(found: Figures) -> Figures:
    return {
        "value": found["share_of_peak"],
        "threads": found["threads"],
        "step_seconds": found["step_seconds"],
        "gflops": found["gflops"],
        "peak_gflops": found["peak_float32_gflops"],
        "share_by_threads": {row["threads"]: row["share_of_peak"] for row in found["by_threads"]},
    }


RECORDS: dict[str, Record] = {
    "lecture-time": Record("lecture's network, times faster to 1.9936", 120, 60, False, _lecture_time),
    "lecture-150k": Record(
        "lecture's split, up to 150,000 parameters",
        1.945,
        1.9585,
        True,
        _lecture_loss("names-small", 150_000),
    ),
    "lecture-any": Record("lecture's split, any size", 1.930, 1.945, True, _lecture_loss("names-large")),
    "names": Record("embedded names, nats below the 5-gram", 0.08, 0.06, False, _below_ngram),
    "text-150": Record("tiny-shakespeare in 150 s, nats", 1.50, 1.55, True, _text(150)),
    "text-900": Record("tiny-shakespeare in 900 s, nats", 1.4697, 1.50, True, _text(900)),
    "sampling": Record("names a second, sampled", 100_000, 50_000, False, _sampling),
    "scoring": Record("names a second, scored", 100_000, 50_000, False, _scoring),
    "audio": Record("30 levels, times real time", 4, 2.3, False, _audio),
    "peak-tree": Record("a step of a tree, share of matmul peak", 0.5, 0.3, False, _peak_of_lecture),
    "peak-text": Record("a step of a text, share of matmul peak", 0.6, 0.4, False, _peak_of_text),
}
"""In the order of the table."""
