"""`wavetree compare`: each preset at toy size, from the command to the table, the JSON and the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Command
from tests.report.test_page import stands_alone

from wavetree.config import NgramConfig
from wavetree.experiments.compare import context, controls, ladder

KEYS = {"name", "params", "context", "train_nll", "val_nll", "test_nll", "seconds", "steps", "published"}
NAMES = ["flat 3", "flat 8", "tree, norm bug", "tree", "tree, scaled"]


def test_the_ladder_as_the_lecture_climbs_it(command: Command, names: Path, tmp_path: Path) -> None:
    options = ["--split", "lecture", "--recipe", "lecture", "--steps", 20, "--json", "--out", tmp_path / "new" / "page"]
    ran = command("compare", names, "--preset", "ladder", *options)
    assert ran.code == 0
    rows = ran.document["rows"]
    assert [row["name"] for row in rows] == NAMES
    assert all(row.keys() >= KEYS for row in rows)
    assert [row["published"] for row in rows] == [2.105, 2.027, 2.029, 2.022, 1.993]
    assert [row["context"] for row in rows] == [3, 8, 8, 8, 8]
    assert {row["recipe"] for row in rows} == {"lecture"}
    assert ran.document["machine"]["cores"] >= 1
    costs, losses = (part.splitlines() for part in command("compare", names, *options[:-3]).out.split("\n\n"))
    assert costs[0].split() == ["params", "sees", "steps", "seconds", "symbols/s"]
    assert losses[0].split() == ["train", "published", "train", "val", "published", "val"]
    cells = [line.removeprefix(name).split() for name, line in zip(NAMES, losses[1:], strict=True)]
    assert [(train, val) for _, train, _, val in cells] == [
        (f"{rung.published.train:.3f}", f"{rung.published.validation:.3f}") for rung in ladder.LADDER
    ]
    assert [(train, val) for train, _, val, _ in cells] == [
        (f"{row['train_nll']:.4f}", f"{row['val_nll']:.4f}") for row in rows
    ]
    lines = ran.err.splitlines()
    assert [line[:16].rstrip() for line in lines[:5]] == NAMES
    assert "this is another one: the two do not compare" in ran.err
    assert "are in train too" in ran.err
    document = (tmp_path / "new" / "page" / "report.html").read_text("utf-8")
    assert stands_alone(document)
    assert document.count("<svg ") == 3
    assert "lecture 2.105" not in document, "no mark of another list's loss in a picture"
    for row in rows:
        assert f"{row['val_nll']:.4f}" in document
        assert f"{row['params']:,}" in document


def test_the_ladder_by_our_recipe(command: Command, names: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flat, _, bug, _, tree = ladder.LADDER
    assert not isinstance(flat.ours, ladder.TrainConfig)
    assert not isinstance(tree.ours, ladder.TrainConfig)
    assert isinstance(bug.ours, ladder.TrainConfig)
    short = (
        ladder.Rung(flat.name, 3, flat.network, flat.published, (*flat.ours, "train.epochs=0.2")),
        ladder.Rung(bug.name, 8, bug.network, bug.published, bug.ours.model_copy(update={"epochs": 1})),
        ladder.Rung(tree.name, 8, tree.network, tree.published, (*tree.ours, "train.epochs=0.2")),
    )
    monkeypatch.setattr(ladder, "LADDER", short)
    ran = command("compare", names, "--seeds", 2)
    assert ran.code == 0
    costs, losses = (block.splitlines() for block in ran.out.split("\n\n"))
    assert losses[0].split() == ["train", "published", "train", "val", "published", "val", "sd"]
    assert costs[0].split() == ["params", "sees", "steps", "seconds", "symbols/s"]
    assert len(losses) == len(costs) == 4
    assert losses[1].split()[3] == "2.058"


@pytest.mark.parametrize(("columns", "parts"), [(200, 1), (80, 2), (44, 4)])
def test_the_table_is_as_wide_as_the_terminal(
    command: Command, names: Path, columns: int, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one piece where it fits, else in parts; each names every rung, and no cell is cut."""
    monkeypatch.setenv("COLUMNS", str(columns))
    out = command("compare", names, "--recipe", "lecture", "--steps", 1).out
    assert len(out.split("\n\n")) == parts
    assert all(out.count(f"{name}  ") >= parts for name in NAMES)
    assert max(map(len, out.splitlines())) <= columns
    assert "\u2026" not in out


def test_the_controls_on_both_splits(
    command: Command, names: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tuple(
        c
        if isinstance(c.how, NgramConfig)
        else controls.Control(c.name, (*c.how, *("model.hidden=8", "train.batch_items=32")))
        for c in controls.CONTROLS
        if c.name != "transformer"
    )
    monkeypatch.setattr(controls, "CONTROLS", small)
    options = ["--preset", "controls", "--seconds", 0.1, "--seeds", 2, "--json", "--out", tmp_path]
    shown = command("compare", names, *options[:6])
    ran = command("compare", names, *options)
    assert ran.code == shown.code == 0
    rows = ran.document["rows"]
    assert [row["split"] for row in rows] == ["lecture"] * 7 + ["hash"] * 7
    assert {row["name"]: row["seeds"] for row in rows}["tree 8"] == 2
    assert ran.document["leaks"]["hash"]["leaked_validation"] == 0
    assert ran.document["leaks"]["lecture"]["share"] > 0
    verdicts = ran.document["verdicts"]
    assert [(verdict["split"], verdict["name"]) for verdict in verdicts] == [
        (row["split"], row["name"]) for row in rows if row["name"] != "tree 8"
    ]
    assert all(f"{verdict['name']} by " in ran.err or f"{verdict['name']} (" in ran.err for verdict in verdicts)
    assert "+- is one standard error" in ran.err
    document = (tmp_path / "report.html").read_text("utf-8")
    assert stands_alone(document)
    assert "On the hash split" in document
    assert "about as many parameters, given 0.1 s each on one core, and n-grams, which count" in document
    for row in rows:
        assert f"{row['test_nll']:.4f}" in document
        assert f"{row['test_nll']:.4f}" in shown.out or row["steps"]
    _, on_lecture, on_hash = shown.out.split("On the ")
    for split, table in (("lecture", on_lecture), ("hash", on_hash)):
        assert table.startswith(f"{split} split\n")
        costs, losses = table.rstrip().split("\n\n")
        assert costs.splitlines()[1].split() == ["params", "sees", "steps", "seconds", "symbols/s"]
        assert losses.splitlines()[0].split() == ["train", "val", "sd", "test"]
        (bigram,) = [row for row in rows if (row["name"], row["split"]) == ("bigram", split)]
        assert f"{bigram['params']:,}" in costs
        assert losses.splitlines()[1].split() == [
            "bigram",
            *(f"{bigram[loss]:.4f}" for loss in ("train_nll", "val_nll")),
            "-",
            f"{bigram['test_nll']:.4f}",
        ]


def test_what_context_costs(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "ROUNDS", 1)
    monkeypatch.setattr(context, "SHORT_ROW", 128)
    monkeypatch.setattr(context, "ROW", 1024)
    ran = command("compare", "--preset", "context", "--context", 16, "--context", 8, "--out", tmp_path, "--json")
    assert ran.code == 0
    rows = {(row["name"], row["context"]): row for row in ran.document["rows"]}
    assert len(rows) == 8
    width, vocab = context.WIDTH, context.VOCAB
    assert rows["flat", 16]["multiply_adds"] == 16 * width * width + width * vocab
    assert rows["tree, dense", 16]["multiply_adds"] == 4 * 2 * width * width + width * vocab
    assert rows["tree, window", 16]["multiply_adds"] == 15 * 2 * width * width + width * vocab
    assert rows["tree, incremental", 16]["levels"] == 4
    assert all(row["microseconds"] > 0 for row in rows.values())
    assert "tree, dense: time against levels" in ran.document["slopes"]
    assert "tree, dense: twice the levels, " in ran.err
    document = (tmp_path / "report.html").read_text("utf-8")
    assert stands_alone(document)
    assert document.count("<svg ") == 2
    assert document.count("<li>") == len(ran.document["slopes"]) == 7
    table = command("compare", "--preset", "context", "--context", 8).out
    assert "multiply-adds" in table


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--preset", "context", "--context", 12], "the nearest are 8 and 16"),
        (["--preset", "context", "--context", 1], "a tree sees at least 2 symbols"),
        (["--preset", "context", "--context", -8], "a tree sees at least 2 symbols"),
        (["--preset", "context", "--context", 4096], "more than the 1,024"),
        (["--preset", "laddr"], 'Did you mean "ladder"?'),
        (["--preset", "controls", "--recipe", "lecture"], "leave --recipe out"),
        (["--seeds", 0], "--seeds cannot be 0"),
        (["--recipe", "lecture", "--steps", 0], "--steps cannot be 0"),
        (["--steps", 100], "--preset ladder --recipe lecture alone"),
        (["--seconds", 3], "--preset controls alone"),
        (["--preset", "controls", "--seconds", -1], "--seconds cannot be -1"),
        (["--preset", "controls", "--seconds", "nan"], "--seconds cannot be nan"),
        (["--context", 8], "--preset context alone"),
        (["--preset", "context", "--seeds", 2], "--seeds has a meaning"),
        (["--split", "leaky"], "Invalid value"),
    ],
)
def test_bad_input(command: Command, names: Path, options: list[object], said: str) -> None:
    ran = command("compare", names, *options)
    assert ran.code == 2
    assert said in ran.sentence


def test_a_list_or_a_folder_that_cannot_be(command: Command, names: Path, tmp_path: Path) -> None:
    ran = command("compare", tmp_path / "nmaes.txt")
    assert ran.code == 2
    assert "nmaes.txt" in ran.sentence
    ran = command("compare", names, "--out", names / "inside")
    assert ran.code == 2
    assert "Choose another --out" in ran.sentence
