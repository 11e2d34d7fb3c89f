"""Networks that are broken on purpose, each diagnosed for what it is; and whole ones, of which nothing is said.

Must-show 3: the faults are those of the issue, in the networks that they are known from.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.streams import verses

from wavetree.codecs import AlphabetCodec
from wavetree.config import configure
from wavetree.data import embedded_names, embedded_names_by_decade, make_list, split_items
from wavetree.data.corpus import CorpusSettings, open_corpus
from wavetree.data.packing import PackedRow
from wavetree.evaluate import Piece
from wavetree.experiments.doctor import Examination, Fault, Run, Windows, examine, faults, trained_faults
from wavetree.experiments.doctor.trained import Trained, look_at_trained
from wavetree.experiments.lecture import WindowTraining, tree_network, windows
from wavetree.models import AnyModel, Tree
from wavetree.runs import RunFolder
from wavetree.train import start, start_stream, train
from wavetree.train.batches import Batches

STEPS = 24
NAMES = embedded_names().items[:6000]
SMALL = ["model.hidden=64", "train.batch_items=128"]


def names_run(path: Path, *changes: str, preset: str = "lecture") -> Run:
    return Run(start(make_list(NAMES), path, configure(preset, [*SMALL, *changes])))


def found(patient: Run | Windows) -> tuple[list[str], Examination]:
    seen = examine(patient, STEPS)
    return [fault.name for fault in faults(seen)], seen


class Confident(Run):
    """The last layer is as large as any other."""

    def model(self) -> AnyModel:
        model = super().model()
        assert isinstance(model, Tree)
        with torch.no_grad():
            model.output.weight.mul_(10)
        return model


class LooksAhead(Tree):
    """Its dense run takes for the left child the one on the right."""

    def stream(self, ids, state, given=None):  # type: ignore[no-untyped-def]
        logits, after = super().stream(ids, state, given)
        return torch.cat([logits[:, 1:], logits[:, :1]], dim=1), after


class Ahead(Run):
    def model(self) -> AnyModel:
        model = super().model()
        assert isinstance(model, Tree)
        ahead = LooksAhead(model.config, self.vocab_size)
        ahead.load_state_dict(model.state_dict())
        return ahead


@dataclass(frozen=True)
class Changed:
    """Batches in which something went wrong."""

    whole: Batches
    change: Callable[[PackedRow], PackedRow]

    @property
    def epoch(self) -> float:
        return self.whole.epoch

    def __getitem__(self, step: int) -> Piece:
        row = self.whole[step]
        assert isinstance(row, PackedRow)
        return self.change(row)


def shuffled(row: PackedRow) -> PackedRow:
    return dataclasses.replace(row, targets=np.random.default_rng(0).permutation(row.targets))


def leaked(row: PackedRow) -> PackedRow:
    return dataclasses.replace(row, ids=row.targets)


def with_batches(patient: Run, change: Callable[[PackedRow], PackedRow]) -> Run:
    patient.batches = Changed(patient.batches, change)
    return patient


def in_windows(norm_dims: tuple[int, ...] | None) -> Windows:
    """The lecture's tree, and how the lecture trains it; or with its mistake in batch norm."""
    split = split_items(make_list(NAMES[:1500]), "hash")
    codec = AlphabetCodec.of(NAMES)

    def make(rate: Callable[[], float]) -> WindowTraining:
        draws = torch.Generator().manual_seed(1)
        network = tree_network(codec.vocab_size, draws, embedding=10, hidden=68, norm_dims=norm_dims)

        def descend(loss: torch.Tensor, _: int) -> None:
            parameters = network.parameters()
            with torch.no_grad():
                for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                    parameter.sub_(gradient, alpha=rate())

        return WindowTraining(network, draws, descend, batch=128)

    return Windows(make, windows(split.train, codec), windows(split.validation, codec), codec.vocab_size, rate=0.3)


def test_a_last_layer_that_is_too_sure(tmp_path: Path) -> None:
    patient = names_run(tmp_path / "run")
    names, seen = found(Confident(patient.folder))
    assert names == ["too sure at first"]
    (fault,) = faults(seen)
    assert "Scale the weights of the last layer by 0.1" in fault.says


@pytest.mark.parametrize(("dims", "wanted"), [((0,), ["batch-norm statistics"]), (None, [])])
def test_batch_norm_over_the_wrong_axes(dims: tuple[int, ...] | None, wanted: list[str]) -> None:
    seen = examine(in_windows(dims), 3 * STEPS)
    assert [fault.name for fault in faults(seen)] == wanted
    if dims:
        (fault,) = faults(seen)
        assert "of shape (1, 4, 68) for 68 channels" in fault.says
        assert "the shape is then (1, 1, 68)" in fault.says


@pytest.mark.parametrize(("times", "wanted"), [(1, None), (100, "rate too high"), (0.01, "rate too low")])
def test_learning_rates(times: float, wanted: str | None, tmp_path: Path) -> None:
    names, seen = found(names_run(tmp_path / "run", f"train.learning_rate={0.03 * times}"))
    assert names == ([wanted] if wanted else [])
    if wanted:
        (fault,) = faults(seen)
        told = float(fault.change.partition("train.learning_rate=")[2].partition(",")[0])
        assert 0.003 <= told <= 0.3
    assert seen.baselines.ngram < seen.baselines.unigram < seen.baselines.alike == pytest.approx(math.log(27))


@pytest.mark.parametrize(("change", "wanted"), [(shuffled, "shuffled targets"), (leaked, "leaked target")])
def test_targets(change: Callable[[PackedRow], PackedRow], wanted: str, tmp_path: Path) -> None:
    names, _ = found(with_batches(names_run(tmp_path / "run"), change))
    assert names == [wanted]


def test_a_network_that_sees_ahead(tmp_path: Path) -> None:
    names, _ = found(Ahead(names_run(tmp_path / "run").folder))
    assert names == ["sees ahead"]


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["names", "lecture", "decades"])  # of the larger ones: docs/log.md
def test_nothing_is_said_of_the_presets_of_lists(preset: str, tmp_path: Path) -> None:
    items = embedded_names_by_decade() if preset == "decades" else embedded_names()
    assert faults(examine(Run(start(items, tmp_path / "run", configure(preset))), 16)) == []


@pytest.mark.slow
def test_nothing_is_said_of_the_preset_of_texts(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(verses(1500))
    corpus = open_corpus([tmp_path / "book.txt"], CorpusSettings("text"))
    config = configure("text", ["train.precision=float32"])
    seen = examine(Run(start_stream(corpus, [tmp_path / "book.txt"], tmp_path / "run", config)), 16)
    assert faults(seen) == []
    assert seen.baselines.order == 5


def symptoms(**changes: object) -> list[Fault]:
    """The faults of an examination in which nothing is wrong but this."""
    whole = Examination(
        baselines=in_windows_baselines(),
        first=3.3,
        steps=50,
        rate=0.01,
        learnt={0.1: 2.6, 1.0: 2.1, 10.0: 2.9},
        held_out=2.2,
        by_heart=0.3,
        least=0.2,
        in_training=2.1,
        in_evaluation=2.1,
        followed=1.0,
        shown=0.03,
        sees_ahead=False,
        updates={"level 0": 0.01},
        gradients={"level 0": 0.1, "output": 0.1},
        units={},
        statistics={},
    )
    assert faults(whole) == []
    return faults(dataclasses.replace(whole, **changes))  # type: ignore[arg-type]


def in_windows_baselines():  # type: ignore[no-untyped-def]
    from wavetree.experiments.doctor.patients import Baselines

    return Baselines(3.3, 2.8, 2.0, 5)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"learnt": {1.0: 2.79}}, "learns nothing"),
        ({"by_heart": 1.2}, "cannot learn by heart"),
        ({"in_evaluation": 4.0}, "batch-norm drift"),
        ({"gradients": {"level 0": 1e-9, "output": 0.1}}, "no gradient"),
        ({"learnt": {0.01: 2.1, 0.1: math.inf, 1.0: math.inf}}, "rate too high"),
    ],
)
def test_symptoms(changes: dict[str, object], wanted: str) -> None:
    (fault,) = symptoms(**changes)
    assert fault.name == wanted
    assert fault.says.count(".") >= 2


def test_few_steps_prove_little() -> None:
    """As of `audio` and of `text-large`, which are sound: 16 steps of a slow machine."""
    assert symptoms(learnt={1.0: 2.79}, steps=16) == []
    assert [f.name for f in symptoms(learnt={1.0: 2.79}, steps=16, by_heart=1.2)] == ["learns nothing"]
    assert symptoms(learnt={1.0: 2.5, 10.0: 1.95}) == []
    assert [f.name for f in symptoms(learnt={1.0: 2.5, 10.0: 1.7})] == ["rate too low"]


def test_units_that_are_stuck() -> None:
    from wavetree.train.diagnostics import Units

    assert [f.name for f in symptoms(units={"tanh 0": Units(0.95, 0.5)})] == ["saturated units", "dead units"]


def test_a_run_that_went_on_for_too_long(tmp_path: Path) -> None:
    few = ["model.hidden=64", "train.batch_items=32", "train.weight_decay=0", "train.steps=120", "train.checks=6"]
    folder = start(make_list(NAMES[:80]), tmp_path / "run", configure("lecture", few))
    before = sorted(path.name for path in (tmp_path / "run").iterdir())
    train(folder)
    patient = Run(RunFolder.open(tmp_path / "run"))
    seen = look_at_trained(patient)
    assert seen.gap > 0
    names = [fault.name for fault in trained_faults(seen, in_windows_baselines())]
    assert "overfits" in names
    assert set(before) < {path.name for path in (tmp_path / "run").iterdir()}


@pytest.mark.parametrize(
    ("validation", "wanted"), [(2.05, []), (2.2, ["behind an n-gram"]), (2.79, ["learns nothing"])]
)
def test_a_run_that_counting_does_better_than(validation: float, wanted: list[str]) -> None:
    """By frequencies 2.8 nats, by a 5-gram 2.0."""
    seen = Trained(1.9, validation, ((10, validation),), {})
    assert [fault.name for fault in trained_faults(seen, in_windows_baselines())] == wanted
