"""Rates that are promised are kept: on made-up scores, and on those of a real model."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import wavetree
from wavetree.errors import RunError, SettingError
from wavetree.generate import Choice, sample_block
from wavetree.runs import load
from wavetree.score import Calibration, Expected, calibration_of, scores
from wavetree.score.intervals import exceedance, exceedances
from wavetree.score.stored import FILE, MOST_FITTED, TOLD, _digest, calibrate

RATES = (0.001, 0.01, 0.1)
SIZES = (200, 2000, 20_000)
RESAMPLES = 200
PLAIN = Expected(0.0, 0.0, 1.0, 0.0, 1.0)
"""The score is the nats themselves."""
Wide = npt.NDArray[np.float64]


def by(scores: Wide) -> Calibration:
    return Calibration.of(PLAIN, scores, np.full(len(scores), 5))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree that learnt names for a moment."""
    path = tmp_path_factory.mktemp("calibration") / "run"
    steps = {"model.hidden": 32, "model.embedding": 12, "train.steps": 60, "train.checks": 2, "train.threads": 1}
    wavetree.fit(wavetree.embedded_names().items[::3], path, preset="lecture", settings=steps)
    return path


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resamples ask for the same few intervals over and over, and each takes a while."""
    monkeypatch.setattr("wavetree.score.calibration.exceedance", functools.cache(exceedance))


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("size", SIZES)
def test_the_rate_of_fresh_scores_is_in_the_interval(size: int) -> None:
    """The true rate, which for this distribution is known, and the one observed in 5,000 fresh scores."""
    draw = np.random.default_rng(size)
    held, counted = dict.fromkeys(RATES, 0), dict.fromkeys(RATES, 0)
    for _ in range(RESAMPLES):
        calibration, fresh = by(draw.gamma(4.0, size=size)), draw.gamma(4.0, size=5000)
        for rate in RATES:
            found = calibration.threshold(rate)
            x = found.score
            true_rate = float(np.exp(-x) * (1 + x + x**2 / 2 + x**3 / 6))  # of a gamma with shape 4 above x
            held[rate] += found.low <= true_rate <= found.high
            low, high = exceedances(found.rank, found.of, 5000)
            counted[rate] += low <= (fresh > x).sum() <= high
            assert found.too_short == (rate * (size + 1) < 1)
            assert found.expected <= rate or found.too_short
    assert min(held.values()) >= 0.95 * RESAMPLES, held
    assert min(counted.values()) >= 0.95 * RESAMPLES, counted


@pytest.mark.usefixtures("kept")
def test_the_rate_of_a_real_model_is_in_the_interval(run: Path) -> None:
    """Good items are what the model itself makes up: as many as one likes, with ties as real ones have."""
    trained = load(run)
    made = [
        trained.alphabet.decode(sampled.ids)
        for first in range(0, 40_000, 4000)
        for sampled in sample_block(trained.model, 3, Choice(), (), first, 4000)
    ]
    found = scores(trained.model, trained.alphabet, made)
    expected = calibrate(trained)[TOLD].expected
    nats, symbols = found.nats, found.symbols
    every = expected.score(nats, symbols)
    draw = np.random.default_rng(8)
    for size in SIZES:
        inside = dict.fromkeys(RATES, 0)
        for _ in range(RESAMPLES):
            order = draw.permutation(len(nats))
            good, fresh = order[:size], every[order[size : size + 5000]]
            calibration = Calibration.of(expected, nats[good], symbols[good])
            for rate in RATES:
                threshold = calibration.threshold(rate)
                low, high = exceedances(threshold.rank, threshold.of, 5000)
                inside[rate] += low <= (fresh > threshold.score).sum() <= high
        assert min(inside.values()) >= 0.95 * RESAMPLES, (size, inside)


def test_a_promise_without_the_rank_is_broken() -> None:
    """A threshold at the quantile itself, its share taken as exact: what the interval is for."""
    draw = np.random.default_rng(3)
    close = 0
    for _ in range(RESAMPLES):
        x = float(np.quantile(draw.random(200), 0.99))
        close += abs((1 - x) - 0.01) < 0.002
    assert close < 0.5 * RESAMPLES


def test_a_short_list_says_so() -> None:
    held = by(np.arange(50.0))
    few, enough = held.threshold(0.001), held.threshold(0.1)
    assert few.too_short
    assert (few.rank, few.score, few.low) == (1, 49.0, 0.0)
    assert few.high == pytest.approx(1 - 0.01 ** (1 / 50))
    assert "too few" in few.sentence
    assert "About 1,000" in few.sentence
    assert (enough.too_short, enough.rank) == (False, 5)
    assert "too few" not in enough.sentence
    assert (np.arange(50) > enough.score).sum() == 4
    for wrong in (0, 1, -0.1, float("nan")):
        with pytest.raises(SettingError, match="fpr cannot be"):
            held.threshold(wrong)


def test_ties_only_lower_the_share() -> None:
    """What equals the threshold is not flagged, and a percentile counts what equals it."""
    held = by(np.repeat([1.0, 2.0, 3.0, 4.0], 25))
    assert held.threshold(0.1).score == 4.0
    assert held.ranks(np.array([0.5, 1.0, 2.5, 4.0, 9.0])).tolist() == [0, 25, 50, 100, 100]


def test_no_length_has_next_to_no_variance() -> None:
    """Where the fitted line of the variance falls below zero, a quarter of the mean variance stands in its place."""
    draw = np.random.default_rng(2)
    symbols = np.repeat([4, 5, 6, 7], 200)
    nats = 2.0 * symbols + draw.normal(size=len(symbols)) * np.where(symbols == 4, 3.0, 0.1)
    found = Expected.fit(nats, symbols)
    assert found.variance + found.variance_a_symbol * 12 < 0
    assert found.least_variance == pytest.approx(0.25 * (nats - 2 * symbols).var(), rel=0.1)
    step = found.score(np.array([30.0, 31.0]), np.array([12, 12]))
    assert step[1] - step[0] == pytest.approx(found.least_variance**-0.5)


def test_held_out_items_judge_and_learnt_ones_draw_the_line(run: Path) -> None:
    """Neither side does the other's work: both, again, item by item."""
    trained = load(run)
    made = calibrate(trained)[TOLD]
    learnt, held = (
        scores(trained.model, trained.alphabet, trained.folder.items(side)) for side in ("train", "validation")
    )
    if len(learnt) > MOST_FITTED:
        chosen = np.unique(np.linspace(0, len(learnt) - 1, MOST_FITTED).astype(np.int64))
        line = Expected.fit(learnt.nats[chosen], learnt.symbols[chosen])
    else:
        line = Expected.fit(learnt.nats, learnt.symbols)
    assert made.expected.nats == pytest.approx(line.nats, abs=1e-3)
    assert made.expected.nats_a_symbol == pytest.approx(line.nats_a_symbol, abs=1e-3)
    assert Expected.fit(held.nats, held.symbols).nats_a_symbol != pytest.approx(line.nats_a_symbol, abs=1e-3)
    np.testing.assert_allclose(made.scores, np.sort(made.expected.score(held.nats, held.symbols)), atol=1e-3)
    assert made.mean_symbols == pytest.approx(held.symbols.mean(), abs=1e-6)


def test_lengths_are_dealt_with() -> None:
    """Long items have more nats, and vary more: their scores do not."""
    draw = np.random.default_rng(1)
    symbols = draw.integers(3, 15, 20_000)
    nats = 5 + 1.5 * symbols + draw.normal(size=len(symbols)) * np.sqrt(1 + 0.5 * symbols)
    found = Expected.fit(nats, symbols).score(nats, symbols)
    for length in (3, 8, 14):
        some = found[symbols == length]
        assert some.mean() == pytest.approx(0, abs=0.1)
        assert some.std() == pytest.approx(1, abs=0.1)
    assert Expected.fit(np.array([3.0, np.inf]), np.array([2, 3])).score(np.array([np.inf]), np.array([4])) == np.inf
    alike = Expected.fit(np.full(20, 6.0), np.full(20, 4))
    assert np.isfinite(alike.score(np.array([6.0]), np.array([4]))).all()
    assert np.isfinite(Expected.fit(np.zeros(0), np.zeros(0, np.int64)).score(np.array([6.0]), np.array([4]))).all()


# --- what a run keeps


def test_training_keeps_it(run: Path) -> None:
    trained = load(run)
    held, note = calibration_of(trained)
    assert note == ""
    assert len(held.scores) == len(trained.folder.items("validation"))
    assert (np.diff(held.scores) >= 0).all()
    assert held.to_json() == calibrate(trained)[TOLD].to_json()
    assert Calibration.from_json(json.loads(json.dumps(held.to_json()))).to_json() == held.to_json()


@pytest.mark.parametrize(
    "change", ["gone", "altered", "of other weights", "not JSON", "of a newer format", "sealed, and empty"]
)
def test_what_does_not_belong_is_made_again(run: Path, change: str, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    whole = (copy / FILE).read_bytes()
    about = json.loads(whole)
    if change == "gone":
        (copy / FILE).unlink()
    elif change == "altered":
        about["told"]["scores"][0] -= 1
    elif change == "of other weights":
        about["weights"] = "0" * 64
    elif change == "of a newer format":
        about["format"] = 99
    elif change == "sealed, and empty":
        about = {name: about[name] for name in ("format", "weights")}
        about["sha256"] = _digest(about)
    if change != "gone":
        (copy / FILE).write_text("{" if change == "not JSON" else json.dumps(about))
    held, note = calibration_of(load(copy))
    assert "holds no calibration" in note
    assert (copy / FILE).read_bytes() == whole
    assert calibration_of(load(copy))[1] == ""
    assert held.to_json() == json.loads(whole)["told"]


def test_a_run_with_conditions_keeps_two(tmp_path: Path) -> None:
    items = [(f"{a}{b}{c}", a if a in "ab" else "c") for a in "abcd" for b in "abcdef" for c in "abcdef"]
    steps = {"data.fields": "kind", "train.epochs": 20, "model.hidden": 16, "model.embedding": 8, "train.threads": 1}
    wavetree.fit(wavetree.make_list(items, fields=["kind"]), tmp_path / "run", preset="decades", settings=steps)
    trained = load(tmp_path / "run")
    told, untold = calibration_of(trained, told=True)[0], calibration_of(trained)[0]
    assert told.to_json() != untold.to_json()
    validation = trained.folder.items("validation")
    nobody = np.sort(untold.expected.score((s := scores(trained.model, trained.alphabet, validation)).nats, s.symbols))
    np.testing.assert_allclose(untold.scores, nobody, atol=1e-4)


def test_only_lists_that_hold_out_items(run: Path) -> None:
    trained = load(run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wavetree.runs.RunFolder.items", lambda self, side: ("anna",) if side == "train" else ())
        with pytest.raises(RunError, match="holds out no validation items"):
            calibrate(trained)
