"""`wavetree bench score`: one line for each family, one for each model, and what the figures say in words."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.conftest import Command

from wavetree import experiments

FIGURES: dict[str, Any] = {
    "name": "score",
    "rows": [
        {"list": "hosts", "family": family, "model": model, "auroc": auroc, "tpr": auroc / 2}
        for family, model, auroc in (
            ("necurs", "tree", 0.99),
            ("necurs", "5-gram", 0.98),
            ("suppobox", "tree", 0.5),
            ("suppobox", "5-gram", 0.52),
        )
    ],
    "models": [
        {
            "list": "hosts",
            "model": "forest",
            "params": 1200,
            "seconds": 1.5,
            "bytes": 345678,
            "strings_per_second": 20_000.4,
            "val_nll": None,
            "scored": "per symbol",
        }
    ],
    "notes": ["hosts, suppobox: the tree is NOT above the 5-gram."],
}


def test_bench_score(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def measure(seeds: int, seconds: float, say: Any) -> dict[str, Any]:
        asked.append((seeds, seconds))
        say("measuring")
        return FIGURES

    monkeypatch.setattr(experiments, "bench_score", measure)
    ran = command("bench", "score", "--seeds", 2, "--seconds", 0.5)
    assert ran.err == "measuring\n"
    assert command("bench", "score", "--json").document == FIGURES
    assert asked == [(2, 0.5), (3, 60)]
    lines = [line.split() for line in ran.out.splitlines()]
    for line in (
        ["AUROC"],
        ["tree", "5-gram"],
        ["hosts", "necurs", "0.9900", "0.9800"],
        ["hosts", "suppobox", "0.5000", "0.5200"],
        ["hosts", "necurs", "0.4950", "0.4900"],
        ["hosts", "forest", "1,200", "1.5", "345,678", "20,000", "-", "per", "symbol"],
        ["hosts,", "suppobox:", "the", "tree", "is", "NOT", "above", "the", "5-gram."],
    ):
        assert line in lines


def test_what_cannot_be_is_a_sentence(command: Command) -> None:
    ran = command("bench", "score", "--seeds", 0)
    assert (ran.code, ran.out) == (2, "")
    assert "--seeds cannot be 0" in ran.err
