"""The verbs that read a run or a list: what they print, as tables and as JSON."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import SMALL, Command

from wavetree import experiments
from wavetree import inspect as looking
from wavetree.cli.output import visible
from wavetree.data import describe_list, read_list
from wavetree.inspect import Finding, layer_table
from wavetree.runs import RunFolder, load

MARKS = {"train", "held out", "new"}


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int = 80) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm-256color")


def test_samples_in_a_pipe_are_plain_lines(command: Command, run: Path) -> None:
    ran = command("sample", run, "-n", 50)
    assert ran.code == 0
    items = [line.split("\t") for line in ran.out.splitlines()]
    assert len(items) == 50
    assert {mark for _, mark in items} <= MARKS
    known = RunFolder.open(run)
    assert all((item in known.items("train")) == (mark == "train") for item, mark in items)
    assert "50 items: " in ran.err
    assert command("sample", run, "-n", 7).out.splitlines() == ran.out.splitlines()[:7]
    assert command("sample", run, "--seed", 2, "-n", 7).out.splitlines() != ran.out.splitlines()[:7]


def test_samples_as_json(command: Command, run: Path) -> None:
    document = command("sample", run, "-n", 30, "--prefix", "ka", "--seed", 4, "--max-length", 6, "--json").document
    assert set(document) == {"run", "seed", "items", "marks"}
    assert (document["run"], document["seed"], len(document["items"])) == (str(run), 4, 30)
    assert sum(document["marks"].values()) == 30
    assert set(document["marks"]) == MARKS
    for item in document["items"]:
        assert item["item"].startswith("ka")
        assert item["ended"] or len(item["item"]) == 6
        assert len(item["item"]) <= 6


def test_novel_samples_are_new(command: Command, run: Path) -> None:
    items = command("sample", run, "-n", 40, "--novel", "--json").document["items"]
    assert {item["mark"] for item in items} == {"new"}
    assert len({item["item"] for item in items}) == 40


def test_when_nothing_new_comes(command: Command, run: Path) -> None:
    ran = command("sample", run, "-n", 2, "--temperature", 0, "--novel")
    assert ran.code == 1
    assert "--temperature" in ran.sentence


def test_samples_on_a_terminal_are_a_table(command: Command, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_terminal(monkeypatch)
    ran = command("sample", run, "-n", 30, "--max-length", 9)
    assert "\t" not in ran.out
    assert "\x1b[" in ran.out  # coloured
    assert "new" in ran.out


def test_nothing_in_an_item_reaches_the_terminal(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.txt"
    path.write_text("".join(f"\x1b[3{i % 8}m{i:03}\t[red]\u202e\r\n" for i in range(200)), encoding="utf-8", newline="")
    run = tmp_path / "run"
    assert "\x1b" not in command("train", path, "--out", run, "--steps", 3, *SMALL).err
    lines = command("sample", run, "-n", 40, "--max-length", 30).out.splitlines()
    assert len(lines) == 40
    assert all(line.replace("\t", "", 1).isprintable() for line in lines)
    for call in (["data", path], ["inspect", run, "\x1b[31m000\t"], ["sample", run]):
        text = command(*call).out.replace("\n", "").replace("\t", "")
        assert text.isprintable()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\\x1b" in command("sample", run, "-n", 100, "--max-length", 30).out


def test_visible() -> None:
    assert visible("añb 日本\u3000語 [red]") == "añb 日本\u3000語 [red]"
    assert visible("a\x1b[0m\r\u202e\udcff") == "a\\x1b[0m\\r\\u202e\\udcff"


def test_evaluate(command: Command, run: Path) -> None:
    document = command("evaluate", run, "--json").document
    assert set(document) == {"run", "train", "validation", "test"}
    folder = RunFolder.open(run)
    for side in ("train", "validation", "test"):
        found, items = document[side], folder.items(side)
        assert (found["items"], found["symbols"]) == (len(items), sum(len(item) + 1 for item in items))
        assert found["bits_per_symbol"] == pytest.approx(found["nats_per_symbol"] / math.log(2))
    table = command("evaluate", run).out
    assert f"{document['validation']['nats_per_symbol']:.4f}" in table
    assert len(table.splitlines()) == 4


def test_inspect_shows_every_layer(command: Command, run: Path) -> None:
    model = load(run).model
    lines = command("inspect", run).out.splitlines()
    for row in layer_table(model):
        (line,) = [line for line in lines if line.startswith(f"{row.name} ")]
        assert row.shape in line
        assert line.split()[-1] == f"{row.window_multiply_adds:,}"
    assert lines[-1].split()[:2] == ["total", f"{sum(p.numel() for p in model.parameters()):,}"]
    document = command("inspect", run, "--json").document
    assert document["receptive_field"] == 8
    assert [layer["name"] for layer in document["layers"]] == [row.name for row in layer_table(model)]
    assert "next" not in document


@pytest.mark.parametrize(("columns", "parts"), [(80, 1), (40, 3)])
def test_inspect_in_a_narrow_terminal_shows_all_of_it(
    command: Command, run: Path, columns: int, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Side by side where there is room; else in parts, each with the layers' names. Nothing is cut."""
    monkeypatch.setenv("COLUMNS", str(columns))
    out = command("inspect", run).out
    heads = [line.split() for line in out.splitlines() if line.startswith("layer")]
    assert len(heads) == parts
    words = [word for head in heads for word in head if word != "layer"]
    assert words == ["shape", "sees", "parameters", "mult-adds", "in", "a", "window"]
    assert "\u2026" not in out
    assert max(map(len, out.splitlines()[2:])) <= columns
    for row in layer_table(load(run).model):
        assert out.count(row.name) >= parts
        assert f"{row.window_multiply_adds:,}" in out


def test_inspect_of_nothing_predicts_the_end(command: Command, run: Path) -> None:
    (row,) = command("inspect", run, "", "--json").document["next"]
    last = command("inspect", run, "").out.splitlines()[-1]
    assert last == f"{row['nats']:.3f} nats ({row['nats'] / math.log(2):.3f} bits), for the end alone"


def test_inspect_shows_every_prediction(command: Command, run: Path) -> None:
    ran = command("inspect", run, "kami", "--top", 3)
    head, *rows = ran.out.splitlines()
    assert head.split() == ["context", "next", "chance", "nats", "likeliest"]
    assert [row.split()[1] for row in rows[:5]] == ["k", "a", "m", "i", "(end)"]
    assert rows[-1].endswith("a symbol")
    document = command("inspect", run, "kami", "--top", 3, "--json").document
    assert document["text"] == "kami"
    assert [row["symbol"] for row in document["next"]] == ["k", "a", "m", "i", "(end)"]
    assert all(len(row["likeliest"]) == 3 for row in document["next"])
    total = sum(row["nats"] for row in document["next"])
    assert rows[-1].startswith(f"{total:.2f} nats")
    assert len(command("inspect", run, "", "--json").document["next"]) == 1


def test_verify_passes(command: Command, run: Path) -> None:
    ran = command("verify", run)
    assert ran.code == 0
    assert "holds" in ran.out
    assert "FAILS" not in ran.out


def test_verify_says_no(command: Command, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [
        Finding("1 runs agree", "one with another", 3, math.nan, 1e-12),
        Finding("2 causal", "others", 3, 0.0, 0.0),
    ]
    monkeypatch.setattr(looking, "verify", lambda model: findings)
    ran = command("verify", run)
    assert ran.code == 1
    assert "FAILS" in ran.out
    assert "1 of 2 findings fail" in ran.err
    document = command("verify", run, "--json").document
    assert not document["passed"]
    assert [finding["passed"] for finding in document["findings"]] == [False, True]
    assert document["findings"][0]["difference"] is None  # JSON has no NaN


def test_data(command: Command, names: Path) -> None:
    report = describe_list(read_list(names))
    ran = command("data", names)
    assert ran.code == 0
    for part in (
        "400",
        "380, 20 duplicates",
        f"{len(report.alphabet)} symbols",
        f"{report.lecture_split.leaked_validation} (",
    ):
        assert part in ran.out
    assert command("data", names, "--json").document == json.loads(json.dumps(report.to_json()))
    assert command("data", "--json").document["items"] == 29_910


def test_data_of_an_odd_list(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "odd.txt"
    path.write_text("".join(f" {chr(0x4E00 + i)}{i}\n" for i in range(120)), encoding="utf-8")
    out = command("data", path).out
    assert "spaces at an end  120 items" in out
    assert " ...\n" in out
    assert "most repeated" not in out


FIGURES: dict[str, Any] = {
    "name": "train",
    "ratio": 81.234,
    "ratios": [80.5, 82.0],
    "full": False,
    "val_nll": None,
    "ours": {"params": 76579, "symbols_per_second": 250_000.4},
    "per_step_us": [{"levels": 3, "incremental": 60.5}, {"levels": 10, "incremental": 201.0}],
}


def test_bench(command: Command, names: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def train(items: object, full: bool, seed: int, say: Any) -> dict[str, Any]:
        asked.append((items, full, seed))
        say("measuring")
        return FIGURES

    def sample(path: Path | None, say: Any) -> dict[str, Any]:
        asked.append(path)
        return FIGURES

    monkeypatch.setattr(experiments, "bench_train", train)
    monkeypatch.setattr(experiments, "bench_sample", sample)
    ran = command("bench", "train", "--data", names, "--seed", 5)
    assert ran.err == "measuring\n"
    assert command("bench", "sample", "--run", run, "--json").document == FIGURES
    assert asked == [(read_list(names), False, 5), run]
    lines = [line.split() for line in ran.out.splitlines()]
    for line in (
        ["ratio", "81.23"],
        ["ratios", "80.5,", "82"],
        ["full", "no"],
        ["val", "nll", "-"],
        ["params", "76,579"],
        ["symbols", "per", "second", "250,000"],
        ["levels", "incremental"],
        ["10", "201"],
    ):
        assert line in lines


@pytest.mark.parametrize("columns", [80, 120])
def test_everything_fits(
    command: Command, names: Path, tmp_path: Path, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the deepest, the widest tables still fit, with no figure cut."""
    monkeypatch.setenv("COLUMNS", str(columns))
    run = tmp_path / "deep"
    deep = ["--set", "model.levels=12", "--set", "model.hidden=8", "--set", "model.embedding=4"]
    ran = command("train", names, "--out", run, "--steps", 1, *deep)
    assert ran.code == 0
    texts = [ran.out]
    for call in (["inspect", run], ["inspect", run, "kamilorentashi"], ["evaluate", run], ["data", names], ["--help"]):
        ran = command(*call)
        assert ran.code == 0
        texts.append(ran.out)
    lines = "".join(texts).splitlines()
    assert max(map(len, lines)) <= columns
    assert not [line for line in lines if "…" in line]
