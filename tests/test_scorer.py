"""The Scorer: the conventions of scikit-learn, the sums of the rest, and pickles without torch's classes."""

from __future__ import annotations

import copy
import pickle  # noqa: TID251 - to show that it works
import pickletools
import warnings
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from sklearn.base import clone, is_outlier_detector
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import InputTags, Tags, TargetTags, estimator_checks
from sklearn.utils.validation import check_is_fitted

import wavetree
from wavetree import errors
from wavetree.runs import load
from wavetree.score import calibration_of, scores

SMALL = {"train.epochs": 6, "train.threads": 1, "train.checks": 1, "model.hidden": 16, "model.embedding": 8}
STRANGE = ["xqzvw", "zzzzzz", "a1"]


@pytest.fixture(scope="module")
def names() -> list[str]:
    return list(wavetree.embedded_names().items[:3000])


@pytest.fixture(scope="module")
def scorer(names: list[str]) -> wavetree.Scorer:
    return wavetree.Scorer(settings=SMALL, precision="float64").fit(names)


def test_fit_and_judge(scorer: wavetree.Scorer, names: list[str]) -> None:
    good, bad = scorer.score_samples(names[:500]), scorer.score_samples(STRANGE)
    assert good.shape == (500,)
    assert bad.max() < np.median(good)
    assert bad[2] == -np.inf
    np.testing.assert_array_equal(scorer.decision_function(names), scorer.score_samples(names) - scorer.offset_)
    np.testing.assert_array_equal(scorer.predict(names) == -1, scorer.decision_function(names) < 0)
    assert (scorer.predict(names) == -1).mean() < 0.05
    assert scorer.predict(["a1"]).tolist() == [-1]
    assert scorer.threshold_.low <= 0.01 <= scorer.threshold_.high
    assert scorer.sample(5, seed=3) == scorer.sample(5, seed=3)
    assert scorer.explain("anna1").unknown == "1"


def test_sum_of_steps_one_pass_stream_and_estimator_agree(scorer: wavetree.Scorer, names: list[str]) -> None:
    """To 1e-9 in float64: the estimator, the stream, the one pass and `scores` on the run's own model."""
    for name in [*names[:20], "", "a1b", "é"]:
        bits, state = [], None
        for symbol in [*name, ""]:
            found, state = scorer.score(symbol, state)
            bits.append(found)
        one = scorer.explain(name)
        np.testing.assert_allclose(one.surprisal / np.log(2), bits, atol=1e-9, rtol=0)
        expected = -scorer.calibration_.expected.score(np.array([one.nats]), np.array([one.symbols]))
        np.testing.assert_allclose(scorer.score_samples([name]), expected, atol=1e-9, rtol=0)


def test_from_a_run(tmp_path: Path, names: list[str]) -> None:
    wavetree.fit(names, tmp_path / "run", settings=SMALL)
    trained = load(tmp_path / "run")
    made = wavetree.Scorer.from_run(tmp_path / "run")
    found = scores(trained.model, trained.alphabet, names[:50])
    np.testing.assert_allclose([made.explain(name).nats for name in names[:50]], found.nats, atol=1e-4)
    assert made.threshold_ == wavetree.Scorer(settings=SMALL).fit(names).threshold_
    assert wavetree.Scorer.from_run(tmp_path / "run", contamination=0.3).threshold_.asked == 0.3
    single = copy.deepcopy(made).set_params(precision="float64")
    np.testing.assert_allclose(single.score_samples(names[:50]), made.score_samples(names[:50]), atol=1e-3)


def test_any_batch_and_any_order(scorer: wavetree.Scorer, names: list[str]) -> None:
    """To 1e-9 in float64, alone, together and shuffled; to 1e-4 in float32."""
    some = [*names[:300], "", "a1b", "z" * 40]
    order = np.random.default_rng(4).permutation(len(some))
    judge = copy.deepcopy(scorer)
    for precision, tolerance in (("float64", 1e-9), ("float32", 1e-4)):
        judge.set_params(precision=precision)
        together = judge.score_samples(some)
        shuffled = judge.score_samples([some[i] for i in order])
        alone = np.concatenate([judge.score_samples([item]) for item in some])
        np.testing.assert_allclose(shuffled, together[order], atol=tolerance, rtol=0)
        np.testing.assert_allclose(alone, together, atol=tolerance, rtol=0)
        np.testing.assert_allclose(together, scorer.score_samples(some), atol=tolerance, rtol=0)
    assert (together != scorer.score_samples(some)).any()  # it was another precision


def test_from_a_run_with_conditions(tmp_path: Path) -> None:
    """It judges strings of which nothing is told."""
    items = [(f"{a}{b}{c}", "x" if a in "ab" else "y") for a in "abcd" for b in "abcdef" for c in "abcdef"]
    some = {**SMALL, "data.fields": "kind"}
    wavetree.fit(wavetree.make_list(items, fields=["kind"]), tmp_path / "run", preset="decades", settings=some)
    trained = load(tmp_path / "run")
    made = pickle.loads(pickle.dumps(wavetree.Scorer.from_run(tmp_path / "run")))  # noqa: S301
    found = scores(trained.model, trained.alphabet, ["abc", "dad"])
    assert [made.explain(item).nats for item in ("abc", "dad")] == pytest.approx(found.nats.tolist(), abs=1e-4)
    assert made.calibration_.to_json() == calibration_of(trained, told=False)[0].to_json()


def test_the_parameters_are_heeded(scorer: wavetree.Scorer, names: list[str]) -> None:
    wide = wavetree.Scorer(settings=SMALL, contamination=0.1, random_state=2).fit(names)
    assert wide.threshold_.asked == 0.1
    assert (wide.predict(names) == -1).mean() > 0.05
    assert wide.weights_ != scorer.weights_


def test_a_state_is_a_value(scorer: wavetree.Scorer) -> None:
    _, state = scorer.score("a")
    first = scorer.score("n", state)[0]
    scorer.score("z", state)
    assert scorer.score("n", state)[0] == first
    assert scorer.score("é", state)[0] == np.inf
    for wrong, what in (("an", "a text of 2"), (["a"] * 9000, "a list")):
        with pytest.raises(errors.SettingError, match=f"one symbol at a time, not {what}: .*score_samples"):
            scorer.score(wrong)  # type: ignore[arg-type]


def test_pickles_hold_no_class_of_torch(scorer: wavetree.Scorer, names: list[str]) -> None:
    scorer.predict(names[:2])
    dumped = pickle.dumps(scorer)
    again = pickle.loads(dumped)  # noqa: S301
    np.testing.assert_array_equal(again.score_samples(names[:50]), scorer.score_samples(names[:50]))
    assert pickle.dumps(again) == pickle.dumps(copy.deepcopy(again))
    named = [str(value) for code, value, _ in pickletools.genops(dumped) if code.name == "SHORT_BINUNICODE"]
    assert not [name for name in named if name.startswith("torch")]
    assert len(dumped) < 1_000_000


def test_what_is_no_list_of_strings(scorer: wavetree.Scorer) -> None:
    for wrong in (None, 5, "anna", [1, 2], [b"anna"], np.array([["anna"]]), [["anna"]]):
        with pytest.raises(errors.ListError):
            scorer.score_samples(wrong)  # type: ignore[arg-type]
    np.testing.assert_array_equal(scorer.score_samples(np.array(["anna"])), scorer.score_samples(["anna"]))  # type: ignore[arg-type]
    assert scorer.score_samples([]).shape == (0,)
    with pytest.raises(errors.SettingError, match="-1 cannot be sampled"):
        scorer.sample(-1)
    for params in (
        {"contamination": 0},
        {"contamination": "auto"},
        {"precision": "float16"},
        {"preset": "text"},
        {"preset": "decades"},
    ):
        with pytest.raises(errors.SettingError):
            wavetree.Scorer(**params).fit(["anna"])  # type: ignore[arg-type]
    with pytest.raises(errors.SettingError, match="no parameter 'depth'"):
        scorer.set_params(depth=3)
    with pytest.raises(errors.NotFittedError):
        wavetree.Scorer().predict(["anna"])


def test_clone_and_pipeline(scorer: wavetree.Scorer, names: list[str]) -> None:
    twin = clone(scorer)
    assert twin.get_params() == scorer.get_params()
    with pytest.raises(NotFittedError):
        check_is_fitted(twin)
    check_is_fitted(scorer)
    assert is_outlier_detector(scorer)
    lower = FunctionTransformer(lambda X: [x.lower() for x in X])
    line = Pipeline([("lower", lower), ("scorer", clone(scorer).set_params(precision="float32"))]).fit(names)
    np.testing.assert_array_equal(line.predict(["ANNA"]), line.predict(["anna"]))
    np.testing.assert_allclose(line.score_samples(["ANNA"]), scorer.score_samples(["anna"]), atol=1e-3)
    assert line.set_params(scorer__contamination=0.05).get_params()["scorer__contamination"] == 0.05
    assert clone(line).get_params()["scorer"].contamination == 0.05
    assert repr(wavetree.Scorer()) == "Scorer()"
    assert "contamination=0.05" in repr(line)


# --- scikit-learn's own checks


class Rows(wavetree.Scorer):
    """Takes rows of numbers, which is what the checks of scikit-learn give, and writes each as a string.

    `fit` adds strings of its own to them, since a list of less than 50 is refused.
    """

    BASE = tuple("abcdefghijklmnopqrst"[i:] + "abcdefghijklmnopqrst"[:i] + end for i in range(20) for end in "abcd")

    @staticmethod
    def written(X: Any) -> list[str]:
        table = np.asarray(X, dtype=float).round(9)
        return ["".join(chr(97 + crc32(float(x).hex().encode()) % 20) for x in row) for row in table]

    def fit(self, X: Any, y: object = None) -> Rows:
        super().fit([*self.written(X), *self.BASE], y)
        return self

    def score_samples(self, X: Any) -> Any:
        return super().score_samples(self.written(X))

    def fit_predict(self, X: Any, y: object = None) -> Any:
        return self.fit(X, y).predict(X)

    def __sklearn_tags__(self) -> Tags:
        return Tags("outlier_detector", TargetTags(required=False), input_tags=InputTags(two_d_array=True))


NUMBERS = "is about tables of numbers: a text has no columns, no NaN and no imaginary part, and is not sparse"
OWN_SCORE = "calls score(X, y): here score(symbol, state) goes along a stream"
OWN_SHARE = (
    "takes contamination for the share of bad items in fit(X): here it is the share of good ones that are flagged"
)
SKIPPED = {
    "check_fit_score_takes_y": OWN_SCORE,
    "check_pipeline_consistency": OWN_SCORE,
    "check_estimators_unfitted": "wants the very class NotFittedError of scikit-learn, which is not imported; ours has "
    "the same bases",
    "check_outliers_fit_predict": OWN_SHARE,
    "check_outliers_train": NUMBERS,
    "check_n_features_in": NUMBERS,
    "check_n_features_in_after_fitting": NUMBERS,
    "check_complex_data": NUMBERS,
    "check_estimators_empty_data_messages": NUMBERS,
    "check_estimators_nan_inf": NUMBERS,
    "check_estimator_sparse_tag": NUMBERS,
    "check_estimator_sparse_array": NUMBERS,
    "check_estimator_sparse_matrix": NUMBERS,
    "check_fit1d": NUMBERS,
    "check_fit2d_predict1d": NUMBERS,
    "check_array_api_input": NUMBERS,
    "check_classifier_data_not_an_array": NUMBERS,
}
"""Every check of scikit-learn for outlier detectors that is not made, and why it does not apply."""
TINY = {"train.steps": 3, "train.threads": 1, "train.checks": 1, "model.hidden": 8, "model.embedding": 4}


def rows() -> Rows:
    return Rows(settings=TINY, precision="float64")


def test_the_checks_of_scikit_learn_that_apply() -> None:
    """All but the listed ones, on text made of the numbers that they give."""
    made = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about data of one column, or that BaseEstimator is not inherited from
        for check in estimator_checks._yield_all_checks(rows(), legacy=True):
            name = getattr(check, "func", check).__name__
            made.add(name)
            if name not in SKIPPED:
                check("Rows", rows())
    assert set(SKIPPED) <= made
    assert len(made - set(SKIPPED)) >= 20


@pytest.mark.parametrize(
    "check",
    """check_no_attributes_set_in_init check_estimator_cloneable check_estimator_repr check_estimator_tags_renamed
    check_valid_tag_types check_parameters_default_constructible check_get_params_invariance check_set_params
    check_do_not_raise_errors_in_init_or_set_params check_mixin_order""".split(),  # noqa: SIM905
)
def test_the_checks_without_data(check: str) -> None:
    getattr(estimator_checks, check)("Scorer", wavetree.Scorer(settings=SMALL))
