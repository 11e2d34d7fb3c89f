"""A sweep: shared by processes, killed, gone on with; what it says of itself; spaces that are none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import SMALL, Command
from tests.report.test_page import stands_alone

from wavetree.runs import RunFolder, load

SPACE = """
[train]
learning_rate = {low = 0.004, high = 0.1, log = true}
batch_items = [16, 32, 64]
[model]
hidden = {low = 8, high = 32, step = 4}
"""
START = [*SMALL, "--set", "train.steps=24", "--set", "train.checks=3", "--set", "train.threads=1"]


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "space.toml"
    path.write_text(SPACE)
    return path


def words(names: Path, space: Path, out: Path, trials: int, *more: str) -> list[str]:
    return ["sweep", *map(str, (names, "--space", space, "--out", out, "--trials", trials)), *START, *more]


@pytest.mark.slow
def test_two_processes_killed_and_gone_on_with(command: Command, names: Path, space: Path, tmp_path: Path) -> None:
    """Must-show 2 in its short form: as many trials as were asked for, each different, each an ordinary run."""
    out, wanted = tmp_path / "sweep", 8
    asked = words(names, space, out, wanted)

    def process() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "wavetree", *asked],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ),
        )

    both = [process() for _ in range(2)]
    try:
        while len(list(out.glob("trials/*/latest"))) < wanted // 2 and any(one.poll() is None for one in both):
            time.sleep(0.02)
    finally:
        for one in both:
            one.send_signal(signal.SIGKILL)
            one.wait()
    with process() as beside:  # two go on, and both come to the end
        ran = command(*asked, "--json")
    assert (ran.code, beside.returncode) == (0, 0)
    found = ran.document
    assert (found["complete"], found["failed"], found["duplicates"]) == (wanted, 0, 0)
    assert len(found["trials"]) == wanted  # one that a death cut off while its values were drawn is none
    assert len({json.dumps(trial["values"], sort_keys=True) for trial in found["trials"]}) == wanted
    assert found["started_from"]["values"] == {
        "train.learning_rate": 0.012,
        "train.batch_items": 32,
        "model.hidden": 16,
    }
    best = min(found["trials"], key=lambda trial: trial["loss"])
    assert found["best"] == best
    assert found["beats"] == (best["number"] != 0)
    assert ("beats what the sweep started from" if found["beats"] else "none of the 7 others") in ran.err
    assert sum(found["importance"].values()) == pytest.approx(1)
    for trial in found["trials"]:
        folder = RunFolder.open(out / "trials" / f"{trial['number']:04d}")
        checks = [line["val_nll"] for line in folder.metrics() if "val_nll" in line]
        assert min(checks) == pytest.approx(trial["loss"])
        assert len(checks) == 3
        assert folder.config().model_dump()["train"]["learning_rate"] == trial["values"]["train.learning_rate"]
    assert load(out / "trials" / "0000").model.receptive_field == 8
    page = (out / "report.html").read_text("utf-8")
    assert stands_alone(page)
    assert page.count("<svg ") == 3


@pytest.fixture(scope="module")
def swept(names: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A sweep of two trials, and its space."""
    from wavetree.cli import main

    folder = tmp_path_factory.mktemp("sweeps")
    (folder / "space.toml").write_text(SPACE)
    assert main(words(names, folder / "space.toml", folder / "two", 2)) == 0
    return folder / "two", folder / "space.toml"


def test_more_trials_of_the_same_sweep(command: Command, names: Path, swept: tuple[Path, Path]) -> None:
    out, space = swept
    ran = command(*words(names, space, out, 3))
    assert ran.code == 0
    assert ran.err.count("complete") == 1, "two were done before"
    assert "train.learning_rate" in ran.out
    assert ran.out.count("complete") == 3


def test_what_a_process_left_behind_is_taken_up(names: Path, space: Path, tmp_path: Path) -> None:
    """A trial that nobody holds any more keeps its number, its values and its checkpoint."""
    from wavetree.experiments.sweep import Plan, SweepFolder, read_space

    changes = tuple(START[1::2])
    plan = Plan("names", changes, read_space(space, "names", changes))
    first, second = SweepFolder(tmp_path / "s", plan), SweepFolder(tmp_path / "s", plan)
    one, other = first.claim(2), second.claim(2)
    assert one is not None
    assert other is not None
    assert (one.trial.number, other.trial.number) == (0, 1)
    assert first.claim(2) is None, "both are at work"
    other.lock.close()  # as when its process dies
    with (tmp_path / "s" / "journal.log").open("ab") as journal:
        journal.write(b'{"op_code": 6, "wor')  # and it died in the middle of a line
    again = SweepFolder(tmp_path / "s", plan).claim(2)
    assert again is not None
    assert (again.trial.number, again.values, again.begun) == (1, other.values, True)
    for claim in (one, again):
        claim.lock.close()


def test_a_space_is_used_up(command: Command, names: Path, tmp_path: Path) -> None:
    space = tmp_path / "space.toml"
    space.write_text("[train]\nbatch_items = [32, 64]\n")
    ran = command(*words(names, space, tmp_path / "s", 3))
    assert ran.code == 2
    assert "is used up" in ran.err
    ran = command(*words(names, space, tmp_path / "s", 2, "--json"))
    assert ran.code == 0
    assert {trial["values"]["train.batch_items"] for trial in ran.document["trials"]} == {32, 64}


def test_trials_that_lag_are_stopped(
    command: Command, names: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wavetree.experiments.sweep.study.PATIENCE", 1)
    space = tmp_path / "space.toml"
    space.write_text("[train]\nlearning_rate = [0.012, 0.0001, 0.0002]\n")
    ran = command(*words(names, space, tmp_path / "s", 3, "--pruner", "median", "--sampler", "random", "--json"))
    assert ran.code == 0
    assert [trial["state"] for trial in ran.document["trials"]] == ["complete", "pruned", "pruned"]
    assert "none of the 2 others" in ran.document["says"]


def test_a_trial_that_fails_is_replaced(command: Command, names: Path, tmp_path: Path) -> None:
    space = tmp_path / "space.toml"
    space.write_text("[model]\nheads = [1, 3]\nwidth = [8, 9]\n")  # 8 numbers are not for three heads
    kind = ["--set", "model.kind=transformer", "--set", "model.layers=1", "--set", "model.context=4"]
    start = [*kind, "--set", "model.width=9", "--set", "model.heads=1", "--set", "train.steps=4"]
    ran = command("sweep", names, "--space", space, "--out", tmp_path / "s", "--trials", 3, *start, "--json")
    assert ran.code == 0
    found = ran.document
    assert found["complete"] == 3
    assert all("3 heads cannot share" in trial["why"] for trial in found["trials"] if trial["state"] == "failed")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no setting"),
        ("learning_rate = [1]", "stands in no section"),
        ("[train]\nlearning_rate = 0.1", "neither a list of values nor a range"),
        ("[train]\nlearning_rat = [0.1]", "did you mean 'train.learning_rate'?"),
        ("[train]\nlearning_rate = [0.1, 20.0]", "train.learning_rate cannot be"),
        ("[train]\nlearning_rate = {low = 0.1, high = 0.2}", "widen that, or start from another value"),
        ("[train]\nlearning_rate = {low = 0.2, high = 0.1}", "a low below its high"),
        ("[train]\nlearning_rate = {low = 0.0, high = 0.1, log = true}", "a low above 0"),
        ("[train]\nlearning_rate = {low = 0.01, high = 'much'}", "needs numbers for low"),
        ("[train]\nlearning_rate = []", "a list of numbers or words"),
        ("[train", "is no TOML"),
    ],
)
def test_spaces_that_are_none(command: Command, names: Path, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "space.toml").write_text(text)
    ran = command(*words(names, tmp_path / "space.toml", tmp_path / "s", 2))
    assert ran.code == 2
    assert said in ran.sentence
    assert not (tmp_path / "s").exists()


def test_other_bad_input(
    command: Command, names: Path, swept: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, space = swept
    assert "ask for 1 or more" in command(*words(names, space, out, 0)).sentence
    assert "another sampler (tpe, not random)" in command(*words(names, space, out, 2, "--sampler", "random")).sentence
    assert "could not read" in command(*words(names, tmp_path / "none.toml", out, 2)).sentence
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert "is no sweep" in command(*words(names, space, tmp_path / "mine", 2)).sentence
    changed: Any = tmp_path / names.name
    begun = command(*words(changed, space, tmp_path / "s", 1))
    assert begun.code == 2, "the list does not exist"
    changed.write_text(names.read_text())
    assert command(*words(changed, space, tmp_path / "s", 1)).code == 0
    changed.write_text(names.read_text() + "another\n")
    assert "changed since" in command(*words(changed, space, tmp_path / "s", 2)).sentence
    monkeypatch.setattr("wavetree.cli.sweep.find_spec", lambda name: None)
    assert "pip install 'wavetree[sweep]'" in command(*words(names, space, out, 2)).sentence
