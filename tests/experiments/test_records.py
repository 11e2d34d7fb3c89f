"""Records: a figure is held to its floor and its goal the right way round, and is measured once."""

from __future__ import annotations

from pathlib import Path

import pytest

from wavetree.cli import main
from wavetree.data import embedded_names, make_list
from wavetree.errors import InputError, SettingError
from wavetree.experiments.records import RECORDS, Figures, Material, Record, _losses, bench_record


def material(**changes: object) -> Material:
    return Material(**({"names": None, "text": None, "seeds": 2, "say": lambda _: None} | changes))  # type: ignore[arg-type]


def test_a_loss_is_better_when_lower_and_a_speed_when_higher() -> None:
    loss = Record("", 1.930, 1.945, True, lambda _: {"value": 1.94})
    speed = Record("", 120, 60, False, lambda _: {"value": 100.0})
    for record in (loss, speed):
        row = record.row("it", material())
        assert (row["floor_met"], row["goal_met"]) == (True, False)
    assert Record("", 2, 1, False, lambda _: {"value": 2.0}).row("it", material())["goal_met"]
    assert not Record("", 1, 2, True, lambda _: {"value": 2.01}).row("it", material())["floor_met"]


def test_a_bound_is_not_reached_by_what_took_too_long() -> None:
    for within in (True, False):
        found: Figures = {"value": 1.9, "within_the_limit": within}
        row = Record("", 1.930, 1.945, True, lambda _, found=found: found).row("it", material())
        assert (row["floor_met"], row["goal_met"]) == (within, within)


def test_every_goal_lies_beyond_its_floor() -> None:
    for record in RECORDS.values():
        assert record.goal < record.floor if record.less else record.goal > record.floor


def test_rows_that_were_kept_are_not_measured_again(tmp_path: Path) -> None:
    calls: list[str] = []

    def measured(_: Material) -> Figures:
        calls.append("measured")
        return {"value": 1.0}

    records = {name: Record(name, 2, 1, False, measured) for name in ("a", "b")}
    kept = tmp_path / "rows.jsonl"
    bench_record(["b"], material(), kept, records)
    found = bench_record([], material(), kept, records)
    assert [row["name"] for row in found["rows"]] == ["a", "b"]
    assert len(calls) == 2
    assert all(row["machine"] for row in found["rows"])


def test_what_cannot_be_measured_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no record 'speed': it is one of lecture-time"):
        bench_record(["speed"], material(), None)
    with pytest.raises(InputError, match="--names"):
        bench_record(["lecture-any"], material(), None)
    with pytest.raises(InputError, match="--text"):
        bench_record(["text-150"], material(), None)
    damaged = tmp_path / "rows.jsonl"
    damaged.write_text("no json\n", encoding="utf-8")
    with pytest.raises(InputError, match="holds no rows"):
        bench_record(["audio"], material(), damaged)


def test_losses_are_means_over_seeds_and_test_is_beside_them() -> None:
    items = make_list(embedded_names().items[:400])
    found = _losses(items, "lecture", "hash", material())
    first, second = found["by_seed"]
    assert found["value"] == pytest.approx((first + second) / 2)
    assert first != second
    assert found["test_nll"] != found["value"]


def test_a_text_has_one_preset_for_all_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the machine's pace changes between them: the mean is of one network."""
    paces, presets = iter([1e11, 1e13]), []

    def measured(data: Path, seconds: float, preset: str, seed: int, say: object) -> Figures:
        presets.append(preset)
        return {"val_nll": float(seed), "seconds": 1.0, "params": 1, "steps": seed}

    monkeypatch.setattr("wavetree.experiments.records.matmul_peak", lambda threads: next(paces))
    monkeypatch.setattr("wavetree.experiments.records.bench_text", measured)
    row = RECORDS["text-150"].row("text-150", material(text=tmp_path))
    assert presets == [row["preset"]] * 2 == ["text-small"] * 2
    assert (row["value"], row["steps"]) == (1.5, [1, 2])


def test_a_network_that_is_too_large_for_its_record_meets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found: Figures = {"value": 1.9, "val_nll": 1.9, "seconds": 1.0, "params": 150_001}
    monkeypatch.setattr("wavetree.experiments.records._losses", lambda *_: found)
    monkeypatch.setattr("wavetree.experiments.records.reference_seconds", lambda _: 2.0)
    monkeypatch.setattr(Material, "lecture_names", lambda _: embedded_names())
    assert not RECORDS["lecture-150k"].row("it", material())["floor_met"]
    assert RECORDS["lecture-any"].row("it", material())["floor_met"]


def test_without_a_name_the_command_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "record"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in RECORDS)
    assert "1.4697" in listed
