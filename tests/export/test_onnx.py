"""The graphs, run by a runtime of ONNX: they say what torch says, and the check notices where they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.laws.cases import MODELS, Case, tree, wavenet

import wavetree
from wavetree.errors import RunError, SettingError, WavetreeError
from wavetree.export import graphs, onnx
from wavetree.models import Tree, WaveNet, evaluating

MADE = {"start": graphs.start_graph, "step": graphs.step_graph, "score": graphs.score_graph}
EXPORTED = [case for case in MODELS if case.name.startswith(("tree", "wavenet"))]


def files(model: Tree | WaveNet) -> dict[str, bytes]:
    return {f"{name}.onnx": make(model).SerializeToString() for name, make in MADE.items()}


@pytest.mark.parametrize("case", EXPORTED, ids=str)
def test_agree_with_torch(case: Case) -> None:
    model = case.build()
    assert isinstance(model, Tree | WaveNet)
    found = onnx.check(model, files(model.eval()))
    assert found.batches == (1, 2, 5, 17)
    assert found.difference <= onnx.TOLERANCE


def test_the_check_refuses_other_weights_and_zeros_before_the_beginning() -> None:
    model, other = tree(levels=3).eval(), tree(levels=3).eval()
    with torch.no_grad():
        other.fusions[0].weight[0, 0] += 0.01
    assert onnx.check(model, files(other)).difference > onnx.TOLERANCE
    with torch.no_grad():
        other.embedding.weight[0] = 0
    broken = files(model) | {"start.onnx": graphs.start_graph(other).SerializeToString()}
    assert onnx.check(model, broken).difference > onnx.TOLERANCE


def test_the_check_refuses_what_is_no_number() -> None:
    model, other = wavenet(levels=2).eval(), wavenet(levels=2).eval()
    with torch.no_grad():
        other.output.bias[1] = float("nan")
    assert not onnx.check(model, files(other)).difference <= onnx.TOLERANCE


def test_a_state_of_one_holds_for_any_batch_and_time_is_free() -> None:
    """What `start` gives is fed as it is; a row is scored in pieces of any length."""
    model = tree(levels=2).eval()
    sessions = {name: onnx._session(make(model).SerializeToString()) for name, make in MADE.items()}
    start = dict(zip(["state_0", "state_1"], sessions["start"].run(None, {}), strict=True))
    assert [value.shape for value in start.values()] == [(1, 1, 4), (1, 2, 6)]
    rng = np.random.default_rng(0)
    ids = rng.integers(0, model.vocab_size, (3, 9))
    state, nats = start, []
    for begin, end in [(0, 1), (1, 3), (3, 8)]:
        feed = {"ids": ids[:, begin:end], "targets": ids[:, begin + 1 : end + 1], **state}
        values, *after = sessions["score"].run(["nats", "state_0_after", "state_1_after"], feed)
        nats.append(values)
        state = dict(zip(["state_0", "state_1"], after, strict=True))
    with evaluating(model):
        logits = model.dense(torch.from_numpy(ids[:, :-1]))
    expected = -logits.log_softmax(-1).gather(-1, torch.from_numpy(ids[:, 1:, None])).squeeze(-1)
    np.testing.assert_allclose(np.concatenate(nats, axis=1), expected.numpy(), atol=1e-5)


def test_a_folder_is_written_only_if_all_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [f"{a}{b}{c}" for a in "abcd" for b in "efgh" for c in "ijkl"]
    small = {"model.hidden": 8, "train.steps": 3}
    run = wavetree.fit(items, tmp_path / "run", settings=small).run
    trained = wavetree.load(run)
    written, checked = onnx.export_onnx(trained, tmp_path / "onnx")
    assert [path.name for path in written] == ["start.onnx", "step.onnx", "score.onnx", "codec.json"]
    assert checked.difference <= onnx.TOLERANCE
    assert (tmp_path / "onnx" / "codec.json").read_text() == (
        '{"kind": "alphabet", "symbols": "abcdefghijkl", "pad": 0}'
    )
    with pytest.raises(RunError, match="is there already"):
        onnx.export_onnx(trained, tmp_path / "onnx")
    monkeypatch.setattr(onnx, "TOLERANCE", 0.0)
    with pytest.raises(WavetreeError, match=r"the graphs differ from torch by .*nothing was written"):
        onnx.export_onnx(trained, tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    flat = wavetree.fit(items, tmp_path / "flat", settings={"model.kind": "flat", "train.steps": 1}).run
    with pytest.raises(SettingError, match=r"takes a tree or a wavenet, and .* is a flat model"):
        onnx.export_onnx(wavetree.load(flat), tmp_path / "refused")
