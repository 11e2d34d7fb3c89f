"""Figures beside brute force, and the whole bench at a tiny size."""

from __future__ import annotations

import itertools
import math
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.experiments.test_anomalies_lists import WORDS

from wavetree.codecs import AlphabetCodec
from wavetree.config import configure
from wavetree.errors import SettingError
from wavetree.experiments import bench_score
from wavetree.experiments.anomalies import bench, rivals
from wavetree.experiments.anomalies.bench import NO_FOREST, measure
from wavetree.experiments.anomalies.figures import Resamples, auroc, aurocs, caught, interval, true_positives
from wavetree.experiments.anomalies.lists import made_lists
from wavetree.experiments.anomalies.rivals import (
    OURS,
    PARAMETERS,
    TREATMENTS,
    Learnt,
    Rival,
    levels_for,
    tries,
)
from wavetree.models import build, parameter_count
from wavetree.score import Expected

# Few different values, so that ties are common; and infinity, which is what a symbol that nobody met is worth.
SCORE = st.one_of(st.integers(-3, 3).map(float), st.just(math.inf))
SCORES = st.lists(SCORE, min_size=1, max_size=12).map(np.array)


def by_pairs(good: Any, bad: Any) -> float:
    pairs = list(itertools.product(good, bad))
    return sum((b > g) + (b == g) / 2 for g, b in pairs) / len(pairs)


def by_thresholds(good: Any, bad: Any, fpr: float) -> float:
    allowed = [t for t in good if np.mean(good > t) <= fpr]
    return float(np.mean(bad > min(allowed)))


@given(good=SCORES, bad=SCORES)
def test_auroc_is_the_share_of_pairs(good: Any, bad: Any) -> None:
    found = auroc(good, bad)
    assert found == pytest.approx(by_pairs(good, bad))
    assert found == pytest.approx(1 - auroc(bad, good))


@given(good=SCORES, bad=SCORES)
def test_auroc_looks_at_order_alone(good: Any, bad: Any) -> None:
    assert auroc(np.exp(good), np.exp(bad)) == pytest.approx(auroc(good, bad))
    assert auroc(good, good) == pytest.approx(0.5)


@given(good=SCORES, bad=SCORES, fpr=st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]))
def test_true_positives_are_those_above_the_least_threshold(good: Any, bad: Any, fpr: float) -> None:
    assert true_positives(good, bad, fpr) == pytest.approx(by_thresholds(good, bad, fpr))


@given(good=SCORES, bad=SCORES)
def test_a_resample_is_the_items_written_out(good: Any, bad: Any) -> None:
    drawn = Resamples.drawn(len(good), len(bad), count=5)
    for number in range(5):
        some, others = (np.repeat(x, times[number].astype(int)) for x, times in ((good, drawn.good), (bad, drawn.bad)))
        assert aurocs(good, bad, drawn)[number] == pytest.approx(by_pairs(some, others))
        assert caught(good, bad, drawn, 0.1)[number] == pytest.approx(by_thresholds(some, others, 0.1))


def test_an_interval_covers_what_it_should() -> None:
    """Of 200 samples from known distributions, the interval holds the true AUROC in about 95%."""
    draw, held = np.random.default_rng(1), 0
    truth = 0.5 * (1 + math.erf(1 / 2))  # of two normal distributions, 1 apart
    for _ in range(200):
        good, bad = draw.normal(0, 1, 80), draw.normal(1, 1, 80)
        low, high = interval(aurocs(good, bad, Resamples.drawn(80, 80, 400)))
        held += low <= truth <= high
    assert 180 <= held <= 199


def test_the_networks_have_the_size() -> None:
    for made in made_lists(WORDS, good=400, bad=20):
        longest = 1 << levels_for(made)
        for kind in ("tree", "transformer"):
            models = [
                build(configure("lecture", changes).model, AlphabetCodec.of(made.good.items).vocab_size, 1)
                for changes in tries(made, kind)
            ]
            assert all(abs(parameter_count(model) / PARAMETERS - 1) < 0.02 for model in models)
            contexts = [longest, longest // 2]
            sees = contexts if kind == "tree" else [2 * (context - 1) + 1 for context in contexts]  # in two layers
            assert [model.receptive_field for model in models] == sees
        assert longest / 2 <= np.mean([len(item) + 1 for item in made.split.train]) <= longest


def test_a_network_sees_as_far_as_is_best_on_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the first seed alone, and no other network is tried with more."""
    made = made_lists(WORDS, good=400, bad=20)[0]
    line = Expected.fit(np.arange(20.0), np.arange(20) % 5 + 1)
    asked: list[tuple[int, float, str]] = []

    def network(made: Any, seed: int, seconds: float, settled: tuple[str, ...]) -> Learnt:
        asked.append((seed, seconds, settled[-2]))
        loss = {"model.levels=4": 2.2, "model.context=8": 2.3}.get(settled[-2], 2.4)
        return Learnt(1, seed, 0.0, 1, loss, lambda items: (np.zeros(1), np.zeros(1)), line)

    monkeypatch.setattr(rivals, "_network", network)
    for kind, setting, wide, near in (("tree", "levels", 4, 3), ("transformer", "context", 16, 8)):
        asked.clear()
        learnt = rivals._networks(made, range(1, 4), 0.5, kind)
        best = wide if kind == "tree" else near
        tried = [(seed, 0.5, f"model.{setting}={size}") for seed, size in ((1, wide), (1, near), (2, best), (3, best))]
        assert asked == tried
        assert [one.sees for one in learnt] == [1, 2, 3]


def test_an_n_gram_has_its_best_discount_and_a_forest_its_best_grams(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the validation side, list by list: a rival is tuned as ours is."""
    made = made_lists(WORDS, good=400, bad=20)[0]
    tried = {}
    for discount in (0.05, 0.75, 0.9):
        monkeypatch.setattr(rivals, "DISCOUNTS", (discount,))
        tried[discount] = rivals._counted(made, 5).loss
    monkeypatch.setattr(rivals, "DISCOUNTS", (0.05, 0.75, 0.9))
    assert rivals._counted(made, 5).loss == min(tried.values()) < tried[0.05]  # type: ignore[type-var]
    monkeypatch.setattr(rivals, "TREES", 8)
    bad = made.bad["necurs"]
    for grams in (((1, 1), (2, 3)), ((2, 3), (1, 1))):
        monkeypatch.setattr(rivals, "GRAMS", grams)
        chosen, by_letters = rivals._forest(made, 1), rivals._forest_of(made, 1, (1, 1))
        np.testing.assert_array_equal(chosen.scores(bad)["total"], by_letters.scores(bad)["total"])


def test_neither_test_items_nor_bad_ones_choose_anything() -> None:
    """The way to score is chosen by validation items and random texts; only then come the good test items."""
    made = made_lists(WORDS, good=300, bad=20)[0]
    seen: list[tuple[str, ...]] = []

    def score(items: Any) -> Any:
        seen.append(tuple(items))
        return np.arange(len(items)) * 1.0, np.zeros(len(items))

    line = Expected.fit(np.arange(20.0), np.arange(20) % 5 + 1)
    judged = bench._judged(
        made, Rival("spy", lambda *_: (Learnt(1, None, 0.0, 1, None, score, line),)), 1, lambda _: None
    )
    assert seen[:2] == [tuple(made.split.validation), made.random]
    assert set(seen[2:]) == {tuple(made.split.test)}
    assert list(judged.good[0]["total"]) == list(range(len(made.split.test)))


def test_a_rival_learns_from_the_train_side_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "TREES", 8)
    whole, other_test, half = (made_lists(WORDS, good=300, bad=20)[0] for _ in range(3))
    split = whole.split
    other_test.__dict__["split"] = replace(split, test=split.train[:40])
    half.__dict__["split"] = replace(split, train=split.train[::2])
    for learn in (lambda made: rivals._counted(made, 3), lambda made: rivals._forest(made, 1)):
        first, second, third = (learn(made).scores(whole.bad["kraken"]) for made in (whole, other_test, half))
        for way in TREATMENTS:
            np.testing.assert_array_equal(first[way], second[way])
            assert (first[way] != third[way]).any()


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rivals, "WARM_UP", 1)
        patch.setattr(rivals, "TIMED", 1)
        patch.setattr(rivals, "TREES", 8)
        found = measure(made_lists(WORDS, good=300, bad=25), 2, 0.05, said.append)
    assert len(said) == 3 * 6
    return found


@pytest.mark.slow
def test_every_model_is_judged_on_every_family(figures: dict[str, Any]) -> None:
    models = {row["model"] for row in figures["rows"]}
    assert models == {OURS, "5-gram", "6-gram", "frequencies", "forest", "transformer"}
    assert len(figures["rows"]) == 6 * (8 + 6 + 2)
    for row in figures["rows"]:
        assert row["auroc_interval"][0] <= row["auroc"] + 1e-9
        assert row["auroc"] <= row["auroc_interval"][1] + 1e-9
        assert len(row["auroc_by_seed"]) == (2 if row["model"] in {OURS, "transformer", "forest"} else 1)
        assert row["every_way"][row["scored"]] == pytest.approx({"auroc": row["auroc"], "tpr": row["tpr"]})
    assert {row["scored"] for row in figures["models"]} <= set(TREATMENTS)
    assert all(row["bytes"] > 100 and row["strings_per_second"] > 0 for row in figures["models"])


@pytest.mark.slow
def test_the_way_to_score_is_chosen_on_validation(figures: dict[str, Any]) -> None:
    for row in figures["models"]:
        by_treatment = {way: row[f"chosen by: {way}"] for way in TREATMENTS}
        assert row["scored"] == max(by_treatment, key=lambda way: by_treatment[way])


@pytest.mark.slow
def test_what_is_not_above_the_5_gram_is_said(figures: dict[str, Any]) -> None:
    by = {(row["list"], row["family"], row["model"]): row["auroc"] for row in figures["rows"]}
    for verdict in figures["verdicts"]:
        where = verdict["list"], verdict["family"]
        assert verdict["difference"] == pytest.approx(by[*where, OURS] - by[*where, "5-gram"])
        named = [note for note in figures["notes"] if note.startswith(f"{where[0]}, {where[1]}:")]
        assert len(named) == (verdict["verdict"] != "above")
        assert all(verdict["verdict"] in note for note in named)
        as_score_has_it = [
            row["every_way"]["for length"]["auroc"]
            for model in (OURS, "5-gram")
            for row in figures["rows"]
            if (row["list"], row["family"], row["model"]) == (*where, model)
        ]
        assert verdict["above_as_score_has_it"] == (as_score_has_it[0] > as_score_has_it[1])


@pytest.mark.slow
def test_random_letters_stand_out(figures: dict[str, Any]) -> None:
    by = {(row["family"], row["model"]): row["auroc"] for row in figures["rows"]}
    assert by["necurs", "5-gram"] > 0.95
    assert by["necurs", "frequencies"] > 0.6


@pytest.mark.slow
def test_without_scikit_learn_the_forest_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    found = measure(made_lists(WORDS, good=400, bad=20)[:1], 1, 0.1, lambda _: None)
    assert "forest" not in {row["model"] for row in found["rows"]}
    assert NO_FOREST in found["notes"]


@pytest.mark.parametrize(("seeds", "seconds", "said"), [(0, 1.0, "--seeds cannot be 0"), (1, math.nan, "--seconds")])
def test_what_cannot_be_is_refused(seeds: int, seconds: float, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        bench_score(seeds, seconds, lambda _: None)
