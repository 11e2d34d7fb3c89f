"""What a comparison computes from its trials: slopes, verdicts, equal sizes."""

from __future__ import annotations

import math

import pytest

from wavetree.config import NgramConfig
from wavetree.data import embedded_names
from wavetree.experiments.compare.comparison import plan
from wavetree.experiments.compare.context import ContextRow, slope, slopes
from wavetree.experiments.compare.controls import CONTROLS, verdicts
from wavetree.experiments.compare.rows import Row, Trial
from wavetree.experiments.compare.training import Bench, by_counting, our_config
from wavetree.models import build, parameter_count


def trial(val_nll: float) -> Trial:
    return Trial(100, 8, 1.5, val_nll, 2.0, 1000)


def row(name: str, *losses: float, split: str = "hash") -> Row:
    return Row(name, split, "ours", tuple(map(trial, losses)))


def test_a_slope_is_the_exponent() -> None:
    assert slope([(x, 3 * x**1.5) for x in (8, 16, 64, 512)]) == pytest.approx(1.5)
    assert slope([(3, 7), (10, 7)]) == pytest.approx(0)


def test_slopes_begin_at_8_symbols() -> None:
    rows = [
        ContextRow(name, 2**level, level, 2**level, 1, (level if "tree" in name else 2**level) if level > 2 else 99.0)
        for level in range(1, 11)
        for name in ("flat", "tree, dense", "tree, window", "tree, incremental")
    ]
    found = slopes(rows)
    assert found["tree, dense: time against levels"] == pytest.approx(1)
    assert found["flat: time against context"] == pytest.approx(1)
    assert slopes(rows[:4]) == {}


def test_verdicts_say_it_plainly() -> None:
    tree = row("tree 8", 1.98, 1.99, 1.985)
    others = [row("5-gram", 2.03), row("bigram", 2.45), row("transformer", 1.95, 1.951), row("flat 8", 1.98, 1.996)]
    said = verdicts([*others, tree])
    assert said == [
        "hash split: tree 8 beats 5-gram by 0.0450, bigram by 0.4650.",
        "hash split: within the spread of the seeds, tree 8 equals flat 8 (-0.0030).",
        "hash split: tree 8 does NOT beat transformer, which is 0.0345 better.",
    ]


def test_rows_are_means_over_seeds() -> None:
    made = row("flat 8", 2.0, 2.1).to_json()
    assert made["val_nll"] == pytest.approx(2.05)
    assert made["spread"] == [2.0, 2.1]
    assert made["symbols_per_second"] == pytest.approx(500)
    assert made["published"] is None


def test_controls_have_as_many_parameters_as_the_tree() -> None:
    bench = Bench.on(embedded_names(), "hash", lambda _: None)
    counts = {
        control.name: parameter_count(build(our_config(bench, control.how, 1).model, 27, 1))
        for control in CONTROLS
        if not isinstance(control.how, NgramConfig)
    }
    assert counts.pop("tree 8") == 76_579
    assert all(abs(count / 76_579 - 1) < 0.006 for count in counts.values()), counts


def test_counting_is_quick_and_exact() -> None:
    bench = Bench.on(embedded_names(), "hash", lambda _: None)
    done = by_counting(bench, NgramConfig(order=2))
    assert done.params == 27 + 27 * 27
    assert done.context == 1
    assert 2.2 < done.val_nll < 2.6 < math.log(27)


def test_a_plan_has_every_choice_made() -> None:
    assert (plan().splits, plan().seeds, plan().steps) == (("lecture",), 1, 200_000)
    assert (plan("controls").splits, plan("controls").seeds) == (("lecture", "hash"), 3)
    assert plan("context", contexts=[64, 8]).contexts == (8, 64)
