"""`wavetree train --find-lr` and `--tensorboard`, and `wavetree doctor` as a command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import SMALL, Command
from tests.report.test_page import stands_alone


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_range_test_touches_no_run(command: Command, names: Path, run: Path) -> None:
    before = files(run)
    ran = command("train", names, "--find-lr", "--out", run, *SMALL, "--json")
    assert ran.code == 0
    assert files(run) == before
    found = ran.document
    assert found["rates"] == sorted(found["rates"])
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"])
    assert 0.001 < found["suggestion"] < 0.5
    assert f"try train.learning_rate={found['suggestion']:g} (it is 0.012)" in ran.err
    page = (run.parent / f"{run.name}-learning-rate.html").read_text("utf-8")
    assert stands_alone(page)
    assert "<svg " in page
    shown = command("train", names, "--find-lr", "--out", run.parent / "none", *SMALL)
    assert shown.out.splitlines()[0].split() == ["rate", "nats", "a", "symbol"]
    assert not (run.parent / "none").exists()
    assert "leave --resume out" in command("train", "--find-lr", "--resume").sentence


def events(logs: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(logs))
    found.Reload()
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TensorBoard's own reader
def test_events_for_tensorboard(command: Command, names: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = ["--steps", 20, "--set", "train.checks=2", "--set", "train.diagnose_every=5"]
    ran = command("train", names, "--out", tmp_path / "run", "--tensorboard", tmp_path / "logs", *SMALL, *more)
    assert ran.code == 0
    found = events(tmp_path / "logs" / "run")
    assert {"loss/train", "loss/validation", "learning rate", "gradients/level 0", "saturated/tanh 0"} <= set(
        found.Tags()["scalars"]
    )
    assert [event.step for event in found.Scalars("loss/validation")] == [10, 20]
    assert [event.step for event in found.Scalars("updates/output")] == [5, 10, 15, 20]
    monkeypatch.setattr("wavetree.report.tensorboard.find_spec", lambda name: None)
    refused = command("train", names, "--out", tmp_path / "other", "--tensorboard", tmp_path, *SMALL)
    assert "pip install 'wavetree[tensorboard]'" in refused.sentence
    assert not (tmp_path / "other").exists()


def test_the_doctor_sees_a_rate(command: Command, names: Path) -> None:
    ran = command("doctor", names, *SMALL, "--seconds", 2, "--set", "train.learning_rate=3", "--json")
    assert ran.code == 1
    assert [fault["name"] for fault in ran.document["faults"]] == ["rate too high"]
    assert ran.document["seen"]["baselines"]["order"] == 5


def test_the_doctor_looks_at_a_run_and_leaves_it(command: Command, run: Path) -> None:
    before = files(run)
    ran = command("doctor", run, "--seconds", 2)
    assert files(run) == before
    assert ran.code in (0, 1)  # thirty steps on 400 made-up names
    assert "trained: on what was learnt, held out" in ran.out
    assert "a 5-gram" in ran.out
    rates = [line.partition(" at a rate of ")[2].split("  ")[0] for line in ran.out.splitlines() if "a rate of" in line]
    assert rates == ["0.0012", "0.012, which is set", "0.12"]
    assert "leave --preset and --set out" in command("doctor", run, "--set", "train.learning_rate=3").sentence
    assert "--seconds cannot be 0" in command("doctor", run, "--seconds", 0).sentence
