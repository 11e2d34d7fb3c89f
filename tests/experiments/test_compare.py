"""What a comparison makes of its trials: means, verdicts, slopes, what is at equal cost and what is not."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np
import pytest
import torch

from wavetree.config import Config, NgramConfig
from wavetree.data import embedded_names, make_list
from wavetree.experiments.compare import comparison, context, controls
from wavetree.experiments.compare.comparison import compare, plan
from wavetree.experiments.compare.context import ContextRow, readings, slope, slopes
from wavetree.experiments.compare.controls import CONTROLS, Verdict, told, uneven, verdicts
from wavetree.experiments.compare.rows import Published, Row, Scores, Trial
from wavetree.experiments.compare.training import Bench, our_config
from wavetree.models import Flat, Tree, build, evaluating, parameter_count

ITEMS = make_list([f"{a}{b}{c}" for a in "bdkt" for b in "aeiou" for c in ("l", "m", "nar", "ron")])


def ignore(_: object) -> None: ...


def scores(mean: float, wave: float = 0.0, items: int = 400) -> Scores:
    """Items of 5 symbols with this mean, some higher by `wave` a symbol and as many lower."""
    return Scores(5 * (mean + wave * np.resize([1.0, -1.0], items)), np.full(items, 5))


def trial(test_nll: float, wave: float = 0.0, seconds: float = 2.0, steps: int = 50) -> Trial:
    return Trial(100, 8, 1.5, test_nll - 0.01, scores(test_nll, wave), seconds, 1000, steps)


def row(name: str, *losses: float, split: str = "hash", wave: float = 0.0, **rest: Any) -> Row:
    return Row(name, split, "ours", tuple(trial(loss, wave, **rest) for loss in losses))


def test_rows_are_means_over_seeds() -> None:
    made = row("flat 8", 2.0, 2.1, 2.3).to_json()
    assert made["val_nll"] == pytest.approx(2.1233333)
    assert made["test_nll"] == pytest.approx(2.1333333)
    assert made["val_nll_by_seed"] == pytest.approx((1.99, 2.09, 2.29))
    assert made["test_nll_by_seed"] == pytest.approx((2.0, 2.1, 2.3))
    assert made["deviation"] == pytest.approx(math.sqrt(0.07 / 3))  # of a sample: divided by one less
    assert made["spread"] == pytest.approx([1.99, 2.29])
    assert made["symbols_per_second"] == pytest.approx(500)
    assert (made["seconds"], made["seconds_by_seed"], made["steps_by_seed"]) == (2.0, [2.0] * 3, [50] * 3)
    assert made["published"] is None


def test_the_mean_of_scores_counts_symbols_and_not_items() -> None:
    assert Scores(np.array([1.0, 8.0]), np.array([1, 8])).mean == 1.0
    assert Scores(np.array([4.0, 8.0]), np.array([1, 3])).mean == 3.0


def test_a_verdict_is_on_test_items() -> None:
    tree = row("tree 8", 1.98, 1.98)
    better_in_validation = Row("flat 8", "hash", "ours", tuple([Trial(9, 8, 1.0, 1.5, scores(2.0), 1, 1)] * 2))
    (verdict,) = verdicts([better_in_validation, tree])
    assert (verdict.gap, verdict.says) == (pytest.approx(0.02), "better")


def test_the_error_of_a_gap_by_hand() -> None:
    """Items that differ from each other alike in both models say nothing about the gap; what differs in one does."""
    tree, same, wavy = row("tree 8", 2.0, 2.0, wave=0.3), row("same", 2.05, wave=0.3), row("wavy", 2.05, wave=0.5)
    found = {verdict.name: verdict for verdict in verdicts([same, wavy, tree])}
    assert found["same"].error == pytest.approx(0, abs=1e-12)
    assert found["wavy"].error == pytest.approx(0.2 / math.sqrt(399))  # of a mean of 400 numbers, 0.2 off each
    for seeds in ([1.97, 2.0, 2.03], [1.9, 2.0, 2.1, 2.0]):
        of_seeds = statistics.stdev(seeds) / math.sqrt(len(seeds))
        (of_other,) = verdicts([row("flat 8", *seeds), row("tree 8", 2.0, 2.0)])
        (of_tree,) = verdicts([row("flat 8", 2.0, 2.0), row("tree 8", *seeds)])
        (of_both,) = verdicts([row("flat 8", *seeds), row("tree 8", *seeds)])
        assert of_other.error == of_tree.error == pytest.approx(of_seeds)
        assert of_both.error == pytest.approx(of_seeds * math.sqrt(2))


def test_items_of_any_length_count_by_their_symbols() -> None:
    """The textbook's error of a ratio, on items of unlike lengths."""
    draw = np.random.default_rng(1)
    symbols = draw.integers(2, 12, 500)
    tree, other = symbols * draw.normal(2.0, 0.3, 500), symbols * draw.normal(2.1, 0.3, 500)
    rows = [
        Row(name, "hash", "ours", tuple([Trial(1, 8, 1, 1, Scores(nats, symbols), 1, 1)] * 2))
        for name, nats in (("tree 8", tree), ("flat 8", other))
    ]
    (verdict,) = verdicts(rows)
    samples = []
    for _ in range(2000):
        chosen = draw.integers(0, 500, 500)
        samples.append((other - tree)[chosen].sum() / symbols[chosen].sum())
    assert verdict.error == pytest.approx(np.std(samples), rel=0.08)


@pytest.mark.parametrize(
    ("gap", "says"), [(0.0201, "better"), (0.0199, "unclear"), (-0.0199, "unclear"), (-0.0201, "worse")]
)
def test_two_errors_make_a_difference(gap: float, says: str) -> None:
    assert Verdict("flat 8", "hash", gap, 0.01).says == says


def test_verdicts_are_said_plainly() -> None:
    found = [
        Verdict("5-gram", "hash", 0.045, 0.004),
        Verdict("flat 8", "hash", 0.003, 0.004),
        Verdict("tree 16", "hash", -0.003, 0.004),
        Verdict("transformer", "hash", -0.0345, 0.005),
        Verdict("5-gram", "lecture", 0.03, 0.004),
    ]
    rows = [row("tree 8", 1.0, 1.0), row("tree 8", 1.0, 1.0, split="lecture")]
    assert told(found, rows)[:-1] == [
        "hash split, test items: tree 8 is better than 5-gram by 0.0450 +- 0.0040.",
        "hash split, test items: tree 8 is WORSE than transformer by 0.0345 +- 0.0050.",
        "hash split, test items: tree 8 cannot be told apart from flat 8 (better by 0.0030 +- 0.0040), tree 16 (worse "
        "by 0.0030 +- 0.0040).",
        "lecture split, test items: tree 8 is better than 5-gram by 0.0300 +- 0.0040.",
    ]
    assert "one standard error, over the items and the seeds" in told(found, rows)[-1]


def test_one_seed_is_no_verdict() -> None:
    rows = [row("5-gram", 2.5), row("flat 8", 2.2), row("tree 8", 1.9)]
    assert verdicts(rows) == []
    assert told([], rows) == ["one seed tells no model from another: there is no verdict. Take --seeds 3."]


def test_time_that_is_not_as_given_is_told() -> None:
    rows = [
        row("5-gram", 2.0, seconds=0.01, steps=0),
        row("flat 8", 2.0, 2.0, seconds=10.9),
        row("tree 8", 2.0, seconds=11.1),
        row("tree 16", 2.0, seconds=8.9),
    ]
    assert uneven(rows, 10) == [
        "hash split: not at equal seconds. tree 8 11.1 to 11.1 s, tree 16 8.9 to 8.9 s, where 10 were given."
    ]
    assert uneven(rows[:2], 10) == []


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """The settings of everything that the controls train; nothing is."""
    asked: list[Config] = []

    def by_product(_: Bench, config: Config, name: str) -> Trial:
        asked.append(config)
        return trial(2.0)

    monkeypatch.setattr(controls, "by_product", by_product)
    return asked


def test_every_network_gets_the_same_seeds_and_seconds_on_one_core(trained: list[Config]) -> None:
    for kind in ("hash", "lecture"):
        trained.clear()
        rows = list(controls.controls(Bench.on(ITEMS, kind, ignore), seeds=3, seconds=7.5))
        assert [row.split for row in rows] == [kind] * len(CONTROLS)
        networks = [control for control in CONTROLS if not isinstance(control.how, NgramConfig)]
        assert [config.train.seed for config in trained] == [1, 2, 3] * len(networks)
        assert {config.train.seconds for config in trained} == {7.5}
        assert {config.train.threads for config in trained} == {1}
        assert {config.train.optimiser for config in trained} == {"muon"}
        assert {config.data.split for config in trained} == {kind}
        assert {(config.train.schedule, config.train.checks) for config in trained} == {("linear", 3)}


def test_the_recipes_are_those_of_the_log(trained: list[Config]) -> None:
    """docs/log.md, "controls, tuned alike": the best of five for each."""
    rows = list(controls.controls(Bench.on(ITEMS, "hash", ignore), seeds=1, seconds=1))
    networks = [row.name for row in rows if row.recipe == "ours"]
    found = {
        name: (config.train.learning_rate, config.train.batch_items, config.train.weight_decay)
        for name, config in zip(networks, trained, strict=True)
    }
    assert found == {
        "flat 8": (0.02, 512, 0.15),
        "flat 8, 3 layers": (0.012, 256, 0.15),
        "tree 8": (0.02, 512, 0.15),
        "tree 16": (0.012, 256, 0.1),
        "transformer": (0.008, 64, 0.05),
    }
    counted = {control.name: control.how for control in CONTROLS if isinstance(control.how, NgramConfig)}
    assert counted == {
        "bigram": NgramConfig(order=2),
        "5-gram": NgramConfig(order=5, discount=0.75),
        "6-gram": NgramConfig(order=6, discount=0.9),
    }


def test_controls_have_as_many_parameters_as_the_tree() -> None:
    bench = Bench.on(embedded_names(), "hash", ignore)
    counts = {
        control.name: parameter_count(build(our_config(bench, control.how, 1).model, 27, 1))
        for control in CONTROLS
        if not isinstance(control.how, NgramConfig)
    }
    assert counts.pop("tree 8") == 76_579
    assert all(abs(count / 76_579 - 1) < 0.006 for count in counts.values()), counts


def test_a_comparison_of_controls_says_what_came_out(trained: list[Config], monkeypatch: pytest.MonkeyPatch) -> None:
    small = [control for control in CONTROLS if control.name in {"flat 8", "tree 8", "tree 16"}]
    monkeypatch.setattr(controls, "CONTROLS", small)
    twice = make_list([*ITEMS.items, *ITEMS.items[:30]])
    done = compare(twice, plan("controls", seeds=2, seconds=2.0), ignore, ignore)
    document = done.to_json()
    assert [verdict.name for verdict in done.verdicts] == ["flat 8", "tree 16"] * 2
    made: Any = document["verdicts"]
    assert made[0] == {"name": "flat 8", "split": "lecture", "gap": 0.0, "error": 0.0, "says": "unclear"}
    leaks: Any = document["leaks"]
    for kind in ("lecture", "hash"):
        split = Bench.on(twice, kind, ignore).split
        leaked = sum(item in split.train for item in split.validation)
        assert leaks[kind] == {
            "leaked_validation": leaked,
            "validation": len(split.validation),
            "share": leaked / len(split.validation),
        }
    assert leaks["lecture"]["leaked_validation"] > 0 == leaks["hash"]["leaked_validation"]
    assert f"{leaks['lecture']['leaked_validation']} of 11 validation items" in done.notes[0]


def test_a_ladder_is_read_beside_what_was_published(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(*losses: float, digest: str = ITEMS.digest) -> list[str]:
        rows = [
            Row(f"rung {k}", "lecture", "ours", (Trial(1, 8, 1, loss, scores(1), 1, 1),), Published(1.9, 2.0))
            for k, loss in enumerate(losses)
        ]
        monkeypatch.setattr(comparison, "climb", lambda *_: rows)
        monkeypatch.setattr(comparison, "LIST_DIGEST", digest)
        return list(compare(ITEMS, plan(), ignore, ignore).notes)

    assert said(2.0, 1.99) == ["every rung is at least as good as published."]
    assert said(2.01, 1.99, 2.5) == ["above the published validation loss: rung 0 by 0.0100, rung 2 by 0.5000."]
    (other,) = said(2.01, digest="another")
    assert "the two do not compare" in other


def test_a_plan_has_every_choice_made() -> None:
    assert (plan().splits, plan().seeds, plan().steps) == (("lecture",), 1, 200_000)
    assert (plan("controls").splits, plan("controls").seeds) == (("lecture", "hash"), 3)
    assert plan("controls").seconds == 10
    assert plan("context", contexts=[64, 8]).contexts == (8, 64)


def test_a_slope_is_the_exponent() -> None:
    assert slope([(x, 3 * x**1.5) for x in (8, 16, 64, 512)]) == pytest.approx(1.5)
    assert slope([(3, 7), (10, 7)]) == pytest.approx(0)


NAMES = ("flat", "tree, dense", "tree, window", "tree, incremental")


def test_slopes_begin_at_8_symbols_and_are_read_out() -> None:
    rows = [
        ContextRow(name, 2**level, level, 2**level, 1, (level if "tree" in name else 2**level) if level > 2 else 99.0)
        for level in range(1, 11)
        for name in NAMES
    ]
    found = slopes(rows)
    assert found["tree, dense: time against levels"] == pytest.approx(1)
    assert found["flat: time against context"] == pytest.approx(1)
    assert slopes(rows[:4]) == {}
    first, *words = readings(rows)
    assert "fitted from 8 symbols on" in first
    assert "flat: twice the context, 2.00 times the time (power 1.00)." in words
    assert "tree, dense: twice the levels, 2.00 times the time (power 1.00)." in words
    assert readings(rows[:4]) == []


def test_a_symbol_costs_what_the_longer_of_two_runs_took_more() -> None:
    assert context._a_symbol({1000: 1.0, 5000: 3.0}) == pytest.approx(500)
    assert context._a_symbol({5000: 3.0, 1000: 1.0}) == pytest.approx(500)
    assert context._a_symbol({50: 0.01}) == pytest.approx(200)


def test_each_way_to_run_a_context_runs_what_its_name_says() -> None:
    """Every work is run, and beside it what it must have run, from the same seeds."""
    works = {row.name: work for row, work in context._works(8)}
    assert tuple(works) == ("flat", "tree, window", "tree, dense", "tree, incremental")
    shape: dict[str, Any] = {"embedding": context.WIDTH, "hidden": context.WIDTH}
    tree = build(context.TreeConfig(levels=3, **shape), context.VOCAB, seed=1)
    flat = build(context.FlatConfig(context=8, **shape), context.VOCAB, seed=1)
    assert isinstance(tree, Tree)
    assert isinstance(flat, Flat)
    ids = torch.from_numpy(np.random.default_rng(1).integers(1, context.VOCAB, (1, context.ROW)))
    windows = ids[0].unfold(0, 8, 1)[: context.WINDOWS]
    with evaluating(tree), evaluating(flat):
        assert torch.equal(works["flat"][context.WINDOWS](), flat.window(windows))  # type: ignore[arg-type]
        assert torch.equal(works["tree, window"][context.WINDOWS](), tree.window(windows))  # type: ignore[arg-type]
        for symbols in (context.SHORT_ROW, context.ROW):
            assert torch.equal(works["tree, dense"][symbols](), tree.dense(ids[:, :symbols]))  # type: ignore[arg-type]
        stepped: Any = works["tree, incremental"][context.WINDOWS]()
        assert torch.equal(stepped[0], tree.step(ids[0, : context.WINDOWS], tree.start())[0])
