"""Products of a training step against the machine's best: counted once more by hand, for a list and for a stream."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from wavetree.cli import main
from wavetree.config import configure
from wavetree.data import make_list, read_list
from wavetree.errors import InputError, SettingError
from wavetree.experiments import bench_dense
from wavetree.experiments.machine import PRODUCT, by_turns, large_product
from wavetree.experiments.records import RECORDS, Figures, Material
from wavetree.inspect import layer_table
from wavetree.models import build
from wavetree.train.optimisers import ORTHOGONALISE_STEPS

ITEMS = make_list([f"{a}{b}{c}" for a in "bdkt" for b in "aeiou" for c in ("l", "m", "nar", "ron")] * 2)
TINY_TREE = ("model.hidden=8", "model.embedding=4", "train.batch_items=16")
TINY_TEXT = ("model.levels=2", "model.channels=8", "model.hidden=8", "model.skip=8", "train.rows=2", "train.length=24")


def ignore(_: str) -> None: ...


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps, and a machine that does 1e12 operations a second with each thread of a large product."""

    def turns(works: dict[str, Callable[[], int]], rounds: int) -> dict[str, float]:
        step = by_turns({"step": works["step"]}, rounds)
        return step | {name: PRODUCT / (work() * 1e12) for name, work in works.items() if name != "step"}

    module = importlib.import_module("wavetree.experiments.bench_dense")  # the package has the function by that name
    monkeypatch.setattr(module, "ROUNDS", 1)
    monkeypatch.setattr(module, "large_product", lambda threads, precision: partial(int, threads))
    monkeypatch.setattr(module, "by_turns", turns)


def test_what_takes_turns_is_warmed_once_and_timed_as_often() -> None:
    done: list[str] = []
    times = by_turns({"a": lambda: done.append("a"), "b": lambda: done.append("b")}, 3)
    assert "".join(done) == 3 * "aaaabbbb"
    assert times.keys() == {"a", "b"}


def test_a_large_product_takes_the_threads_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    class Matrix:
        def to(self, _: torch.dtype) -> Matrix:
            return self

        def __matmul__(self, _: Matrix) -> None:
            seen.append(torch.get_num_threads())

    monkeypatch.setattr(torch, "randn", lambda *shape: Matrix())
    for threads in (1, 2):
        large_product(threads, torch.float32)()
    assert seen == [1, 2]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    file = tmp_path / "text.txt"
    file.write_text("to be, or not to be: that is the question.\n" * 60, encoding="utf-8")
    return file


def newton_schulz(rows: int, columns: int) -> int:
    """Operations of making one matrix orthogonal, as long as it is not wide."""
    few, many = sorted((rows, columns))
    return ORTHOGONALISE_STEPS * 2 * (2 * few * few * many + few**3)


def test_a_streams_products_are_those_of_every_layer_three_times_and_the_optimisers(text: Path) -> None:
    found = bench_dense(text, "text", ignore, [*TINY_TEXT, "train.precision=float32"])
    vocabulary = len(set(text.read_text(encoding="utf-8"))) + 1
    model = build(configure("text", TINY_TEXT).model, vocabulary, 1)
    products = sum(layer.multiply_adds for layer in layer_table(model))
    muon = sum(parts * newton_schulz(len(matrix) // parts, matrix.shape[1]) for matrix, parts in model.matrices.items())
    counted = found["gflops"] * 1e9 * found["step_seconds"]
    positions = 2 * 25  # each of two rows begins with pad
    assert counted == pytest.approx(3 * 2 * positions * products + muon, rel=0.1)
    assert found["symbols_per_second"] * found["step_seconds"] == pytest.approx(2 * 24)


def test_the_share_is_of_the_faster_pace_and_of_the_peak_with_as_many_threads() -> None:
    torch.set_num_threads(2)
    try:
        found = bench_dense(ITEMS, "lecture", ignore, TINY_TREE)
    finally:
        torch.set_num_threads(1)
    assert [row["threads"] for row in found["by_threads"]] == [1, 2]
    assert found["symbols_per_second"] == max(row["symbols_per_second"] for row in found["by_threads"])
    for row in (found, *found["by_threads"]):
        assert row["share_of_peak"] == pytest.approx(row["gflops"] / 1e3 / row["threads"])
        assert row["share_of_peak"] == row["share_of_float32_peak"]


def test_what_nodes_share_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same items twice in a batch are the same work: as many products, and twice the symbols."""
    monkeypatch.setattr("wavetree.train.batches.LEAST_ITEMS", 400)

    def per_step(items: int) -> tuple[float, float]:
        once = make_list([f"{a}{b}{c}" for a in "bdkt" for b in "aeiou" for c in "lmn"])
        found = bench_dense(once, "lecture", ignore, [*TINY_TREE, f"train.batch_items={items}"])
        return found["gflops"] * found["step_seconds"], found["symbols_per_second"] * found["step_seconds"]

    (few, symbols), (many, twice) = per_step(200), per_step(400)
    assert many == pytest.approx(few, rel=0.02)
    assert twice == pytest.approx(2 * symbols, rel=0.1)


def test_a_preset_for_the_other_kind_is_refused(text: Path) -> None:
    for data, preset in ((text, "lecture"), (ITEMS, "text")):
        with pytest.raises(SettingError, match="of another kind"):
            bench_dense(data, preset, ignore)


def test_the_command_serves_lists_and_streams(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*arguments: str) -> dict[str, Any]:
        changes = TINY_TREE if "lecture" in arguments else TINY_TEXT
        assert main(["bench", "dense", *arguments, *(f"--set={change}" for change in changes), "--json"]) == 0
        return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))

    assert told("--preset", "lecture")["preset"] == "lecture"
    assert told("--preset", "text", "--data", str(text))["preset"] == "text"
    assert main(["bench", "dense", "--preset", "text"]) == 2
    assert "give its file with --data" in capsys.readouterr().err


def test_both_records_of_the_peak_are_one_figure(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, tuple[str, ...]]] = []

    def measured(data: object, preset: str, say: object, changes: tuple[str, ...] = ()) -> Figures:
        calls.append((preset, tuple(changes)))
        row = {"threads": 1, "share_of_peak": 0.25}
        return {
            **row,
            "precision": "float32",
            "share_of_float32_peak": 0.25,
            "step_seconds": 0.01,
            "gflops": 20.0,
            "peak_float32_gflops": 80.0,
            "by_threads": [row],
        }

    monkeypatch.setattr("wavetree.experiments.records.bench_dense", measured)
    names = tmp_path / "names.txt"
    names.write_text("\n".join(ITEMS.items), encoding="utf-8")
    with pytest.raises(InputError, match="is not the lecture's list"):
        RECORDS["peak-tree"].measure(Material(names, text, 1, ignore))
    monkeypatch.setattr("wavetree.experiments.records.LIST_DIGEST", read_list(names).digest)
    for name in ("peak-tree", "peak-text"):
        assert RECORDS[name].measure(Material(names, text, 1, ignore))["value"] == 0.25
    assert calls == [("lecture", ("data.split=lecture",)), ("text", ("train.precision=float32",)), ("text", ())]
