"""`wavetree compare RUN RUN`: what differs, which is better, and runs that have nothing in common."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import SMALL, Command
from tests.report.test_page import stands_alone
from tests.streams import verses


@pytest.fixture(scope="module")
def slow(names: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the run `run`, at a learning rate that is too low."""
    from wavetree.cli import main

    path = tmp_path_factory.mktemp("runs") / "slow"
    small = [*SMALL, "--steps", "30", "--set", "train.checks=3", "--set", "train.learning_rate=0.001"]
    assert main(["train", str(names), "--out", str(path), *small]) == 0
    return path


def test_runs_side_by_side(command: Command, run: Path, slow: Path, tmp_path: Path) -> None:
    found = command("compare", slow, run, "--json", "--out", tmp_path).document
    assert [row["name"] for row in found["runs"]] == ["small", "slow"], "the best by validation first"
    assert found["differ"] == {"train.learning_rate": ["0.012", "0.001"]}
    first, second = found["runs"]
    gap = second["against_best"]
    assert first["against_best"] is None
    assert gap["gap"] == pytest.approx(first["judged"] - second["judged"])
    assert gap["verdict"] == "worse"
    assert gap["count"] == len((run / "test.txt").read_text().splitlines())
    page = (tmp_path / "report.html").read_text("utf-8")
    assert stands_alone(page)
    assert page.count("<svg ") == 2
    ran = command("compare", run, slow)
    assert ran.code == 0
    assert "slow against small, the best by validation: on" in ran.err
    assert "train.learning_rate" in ran.out


def test_the_judgement_is_that_of_evaluate(command: Command, run: Path, slow: Path) -> None:
    """Items that are judged one by one give the exact loss of the side."""
    found = command("compare", run, slow, "--json").document
    exact = command("evaluate", run, "--json").document
    assert found["runs"][0]["judged"] == pytest.approx(exact["test"]["nats_per_symbol"], abs=1e-6)


def test_runs_of_a_stream(command: Command, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(verses(300))
    tiny = ["model.levels=2", "model.channels=8", "model.hidden=8", "model.skip=8", "train.rows=4", "train.length=32"]
    sets = [word for change in (*tiny, "train.checks=1", "train.precision=float32") for word in ("--set", change)]
    for name, field in (("a", 2), ("b", 3)):
        more = [*sets, "--set", f"model.levels={field}", "--steps", 3, "--out", tmp_path / name]
        assert command("train", tmp_path / "book.txt", "--preset", "text", *more).code == 0
    found = command("compare", tmp_path / "a", tmp_path / "b", "--json").document
    assert found["runs"][1]["against_best"]["unit"] == "rows"
    assert found["differ"] == {"model.levels": [str(3 - (r["name"] == "a")) for r in found["runs"]]}


def test_bad_input(command: Command, run: Path, slow: Path, names: Path, tmp_path: Path) -> None:
    assert "one run alone" in command("compare", run).sentence
    assert "one run alone" in command("compare", run, run).sentence
    assert "leave it out" in command("compare", run, slow, "--seeds", 2).sentence
    assert "is no run, and models" in command("compare", names, names).sentence
    assert "no-such does not exist" in command("compare", tmp_path / "no-such", names).sentence
    assert "is a file: a run is the folder" in command("compare", run, names).sentence
    assert "compare up to 7" in command("compare", *[run, slow] * 4).sentence
    other = tmp_path / "other.txt"
    other.write_text("".join(f"{letter}{other}xyz\n" for letter in "qwertzuip" for other in "asdfghjkl"))
    small = [*SMALL, "--steps", "2", "--set", "train.checks=1"]
    assert command("train", other, "--out", tmp_path / "other", *small).code == 0
    assert "hold out no test items in common" in command("compare", run, tmp_path / "other").sentence
