"""Training on another device than the CPU: everything follows the weights, and what is kept is the CPU's.

There is no GPU where these run. A device that is not there stands in for it (elsewhere.py), on which a run has to end
with the numbers of the CPU; whatever is left behind is refused there, as the broken twins show.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from tests.laws.cases import MODELS, VOCAB, Case
from tests.streams import SOUND, text_run, voices
from tests.train.elsewhere import ELSEWHERE, Elsewhere
from tests.train.test_loop import begin, stop_after, syllables
from torch import Tensor

from wavetree.api import begin as begin_any
from wavetree.api import resume
from wavetree.codecs import PAD
from wavetree.config import Config, configure
from wavetree.data import make_list
from wavetree.errors import SettingError
from wavetree.evaluate import exact_loss
from wavetree.evaluate import predictions as of_piece
from wavetree.generate import continuing, samples_along_the_way
from wavetree.inspect.laws import Model
from wavetree.layers import BatchNorm
from wavetree.models import moved
from wavetree.models.history import HistoryModel
from wavetree.runs import RunFolder, load, sides_of
from wavetree.train import Processes, Watch, devices, processes, settled, train
from wavetree.train.batches import batches_of
from wavetree.train.loop import planned
from wavetree.train.optimisers import Optimiser
from wavetree.train.start import refuse_too_large
from wavetree.train.training import Shape, Training

pytestmark = pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
"""Of torch's `load_state_dict`, which takes the device for empty."""
SHORT = ("train.steps=6", "train.checks=2", "train.diagnose_every=4")
Begin = Callable[[Path], RunFolder]


def names(*changes: str) -> Begin:
    return lambda path: begin(path, *SHORT, *changes)


def decades(path: Path) -> RunFolder:
    """A tree that is told sex and decade."""
    rows = [(word, "FM"[k % 2], str(1900 + 10 * (k % 3))) for k, word in enumerate(syllables())]
    tiny = ["model.hidden=12", "model.embedding=6", "train.batch_items=16", "train.threads=1", *SHORT]
    return begin_any(make_list(rows, fields=("sex", "decade")), path, configure("decades", tiny))


def text(path: Path) -> RunFolder:
    """Without dropout, which draws otherwise there."""
    return text_run(path, *SHORT, "train.precision=float32", "model.dropout=0")


def sound(path: Path) -> RunFolder:
    """With voices that are told."""
    settings = [*SOUND, *SHORT, "train.precision=float32", "data.fields=voice"]
    return begin_any(voices(path.with_name(f"{path.name}-clips")), path, configure("audio-small", settings))


RUNS: dict[str, Begin] = {
    "tree": names(),
    "averaged": names("train.average=0.9", "train.optimiser=adamw"),
    "flat": names("model.kind=flat", "model.hidden=12"),
    "transformer": names("model.kind=transformer", "model.width=8", "model.heads=2", "model.layers=2"),
    "wavenet": names("model.kind=wavenet", "model.channels=6", "model.hidden=6", "model.skip=6", "model.levels=2"),
    "decades": decades,
    "text": text,
    "sound": sound,
}


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    """In a test that has this, runs can go elsewhere."""
    monkeypatch.setattr(devices, "THERE", {**devices.THERE, ELSEWHERE: lambda: True})
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda: None)
    monkeypatch.setattr(continuing, "CHECK_SYMBOLS", 20)  # in there every operation takes its time
    with Elsewhere() as place:
        yield place


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS)
def test_a_run_elsewhere_ends_as_on_the_cpu(run: str, tmp_path: Path, elsewhere: Elsewhere) -> None:
    here, there = RUNS[run](tmp_path / "here"), RUNS[run](tmp_path / "there")
    wanted = train(here)
    assert elsewhere.calls == 0
    found = train(there, device=ELSEWHERE)
    assert elsewhere.calls > 0
    assert (found.val_nll, found.train_nll) == pytest.approx((wanted.val_nll, wanted.train_nll), abs=1e-5)
    (weights, made), (others, _) = (folder.load("latest", ["model", "training"]) for folder in (there, here))
    assert made["made_with"]["device"] == ELSEWHERE  # type: ignore[index]
    for group, held in weights.items():
        for name, tensor in held.items():
            assert (tensor.device.type, tensor.dtype) == ("cpu", torch.float32)
            torch.testing.assert_close(tensor, others[group][name], atol=1e-4, rtol=1e-4)
    trained = load(there.path)
    kind, last = there.config().data.kind, there.metrics()[-1]
    assert last["samples"] == samples_along_the_way(trained.model, trained.codec, kind)
    looks = [[line["diagnostics"] for line in folder.metrics() if "diagnostics" in line] for folder in (here, there)]
    assert looks[0][0]["gradients"] == pytest.approx(looks[1][0]["gradients"], rel=1e-3)


def step_elsewhere(folder: RunFolder) -> Training:
    """A training after two steps, with averaged weights, that was saved and taken up again between them."""
    config = on(folder.config(), average=0.9)
    shape, batches = Shape(folder.codec().vocab_size), batches_of(sides_of(folder).train, config)
    first, second = (Training.begin(config, shape, 10, 1) for _ in range(2))
    first.advance(batches[0], config)
    second.restore(first.tensors(), first.numbers())
    second.advance(batches[1], config)
    return second


def on(config: Config, **changes: object) -> Config:
    return config.model_copy(update={"train": config.train.model_copy(update={"device": ELSEWHERE, **changes})})


def left_at_home(original: Callable[..., Any]) -> Callable[..., Any]:
    """What the original makes, on the CPU."""
    return lambda *args, **named: original(*args, **named).cpu()


def buffers_at_home(self: Optimiser, state: dict[str, Tensor]) -> None:
    for name, buffer in state.items():
        self.groups[int(name.partition(".")[0])].buffers[name.partition(".")[2]] = buffer.clone()


def statistics_at_home(self: BatchNorm, *args: Any) -> Tensor:
    self.running_mean = self.running_mean.cpu()
    return FORWARD(self, *args)


FORWARD = BatchNorm.forward
PREDICTIONS = importlib.import_module("wavetree.evaluate.predictions")
BROKEN: dict[str, tuple[Any, str, Callable[..., Any], Begin]] = {
    "a piece": (PREDICTIONS, "moved", lambda prepared, device: prepared, names()),
    "what the optimiser remembers": (Optimiser, "restore", buffers_at_home, names()),
    "statistics of a norm": (BatchNorm, "forward", statistics_at_home, RUNS["flat"]),
    "averaged weights": (copy, "deepcopy", left_at_home(copy.deepcopy), names()),
    "distances": (torch, "arange", left_at_home(torch.arange), RUNS["transformer"]),
    "what begins a row": (torch, "full", left_at_home(torch.full), text),
}


def test_a_training_goes_along(tmp_path: Path, elsewhere: Elsewhere) -> None:
    training = step_elsewhere(names()(tmp_path / "run"))
    held = [training.model.state_dict(), training.judged.state_dict(), training.optimiser.state]
    assert {tensor.device.type for tensors in held for tensor in tensors.values()} == {ELSEWHERE}


@pytest.mark.parametrize("left", BROKEN)
def test_what_is_left_behind_is_refused(
    left: str, tmp_path: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, broken, run = BROKEN[left]
    folder = run(tmp_path / "run")
    monkeypatch.setattr(owner, name, broken)
    with pytest.raises(RuntimeError, match="was given tensors of two devices"):
        step_elsewhere(folder)


@pytest.mark.parametrize("case", MODELS, ids=str)
def test_every_run_of_a_model_goes_along(case: Case, elsewhere: Elsewhere) -> None:
    model = case.build().eval()
    away = copy.deepcopy(model).to(ELSEWHERE)
    with torch.no_grad():
        for here, there in zip(answers(model), answers(away), strict=True):
            assert there.device.type == ELSEWHERE
            torch.testing.assert_close(there.cpu(), here)


def answers(model: Model) -> list[Tensor]:
    """Logits by every run, where the model is."""
    draw = np.random.default_rng(2)
    ids = torch.from_numpy(draw.integers(1, VOCAB, (3, model.receptive_field)))
    ids[:, 0] = PAD
    ids = ids.to(model.device)
    row = np.array([PAD, 2, 3, PAD, 4, PAD])
    prepared = moved(model.prepare(row, np.array([0, 1, 2, 0, 1, 0])), model.device)
    dense, state = model.stream(ids, model.start())
    kept = model.select(state, torch.tensor([2, 0]).to(model.device))
    return [
        model.window(ids),
        dense,
        model.rows(ids, seed=1),
        model.step(ids[:, 0], model.start())[0],
        model.step(ids[:2, 0], kept)[0],
        model.packed(prepared),
    ]


def test_a_share_of_a_batch_is_normed_there(tmp_path: Path, elsewhere: Elsewhere) -> None:
    """With the sums of a norm over several processes, and nodes that others count."""
    folder = names()(tmp_path / "run")
    config, shape = folder.config(), Shape(folder.codec().vocab_size)
    piece = batches_of(sides_of(folder).train, config, Processes(1, 2))[0]
    assert piece.others > 0  # type: ignore[union-attr]
    found = []
    for settings in (config, on(config)):
        state = Training.begin(settings, shape, 5, 1)
        for norm in (module for module in state.model.modules() if isinstance(module, BatchNorm)):
            norm.total = lambda numbers: numbers
        found.append([gradient.cpu() for gradient in state.advance(piece, settings)])
    for here, there in zip(*found, strict=True):
        torch.testing.assert_close(there, here)


@pytest.mark.slow
def test_dropout_there_follows_from_seed_and_step(tmp_path: Path, elsewhere: Elsewhere) -> None:
    """By torch, which draws otherwise than the fused stack of the CPU."""
    found = []
    for name in ("one", "other"):
        folder = text_run(tmp_path / name, *SHORT, "train.precision=float32", "model.dropout=0.3")
        found.append(train(folder, device=ELSEWHERE).val_nll)
    assert found[0] == found[1]


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then"), [("cpu", ELSEWHERE), (ELSEWHERE, "cpu")])
def test_a_run_goes_on_on_another_device(first: str, then: str, tmp_path: Path, elsewhere: Elsewhere) -> None:
    straight, run = names()(tmp_path / "straight"), names()(tmp_path / "run")
    wanted = train(straight)
    assert train(run, stop_after(3), device=first).stopped
    said: list[str] = []
    found = resume(run.path, Watch(note=said.append), device=then)
    assert found.val_nll == pytest.approx(wanted.val_nll, abs=1e-5)
    assert said == [
        f"this run goes on under other conditions, and may differ in its last digits: device is {then} and was {first}."
    ]


def test_the_clock_waits_for_the_device(tmp_path: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lap ends when its step has; and how many threads the processor takes is no question there."""
    folder = names("train.seconds=1", "train.threads=0")(tmp_path / "run")
    config, sides = on(folder.config()), sides_of(folder)
    waited: list[str] = []
    monkeypatch.setattr("wavetree.train.loop.settle", waited.append)
    _, threads, _ = planned(config, Shape(folder.codec().vocab_size), batches_of(sides.train, config), sides.validation)
    assert threads == 1
    assert set(waited) == {ELSEWHERE}
    assert 2 <= len(waited) <= 6  # once before the clock runs


@pytest.mark.slow
@pytest.mark.parametrize("device", [name for name, here in devices.THERE.items() if here()])
@pytest.mark.parametrize(("kind", "precision"), [("names", "float32"), ("text", "float32"), ("text", "bfloat16")])
def test_every_device_that_is_here_learns(device: str, kind: str, precision: str, tmp_path: Path) -> None:
    """The CPU always; a GPU where there is one."""
    changes = (*SHORT, f"train.device={device}", f"train.precision={precision}")
    folder = begin(tmp_path / "run", *changes) if kind == "names" else text_run(tmp_path / "run", *changes)
    summary = train(folder)
    assert 0 < summary.val_nll < 4
    judged = exact_loss(load(folder.path).model, sides_of(folder).validation)
    assert judged.mean == pytest.approx(summary.val_nll, abs=1e-5)


def test_a_device_that_is_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "THERE", {**devices.THERE, "cuda": lambda: False})
    absent = r"train\.device is cuda, and torch .* finds none on this machine: .* --set train\.device=cpu"
    with pytest.raises(SettingError, match=absent) as refused:
        begin(tmp_path / "run", "train.device=cuda")
    assert refused.value.exit_code == 2
    assert not (tmp_path / "run").exists()
    folder = begin(tmp_path / "run", *SHORT)
    with pytest.raises(SettingError, match=absent):
        train(folder, device="cuda")
    with pytest.raises(SettingError, match=r"train\.device cannot be 'abacus': it is one of cpu, cuda, mps"):
        train(folder, device="abacus")
    with pytest.raises(SettingError, match=r"train\.device cannot be 'tpu': it must be 'cpu', 'cuda' or 'mps'"):
        configure("names", ["train.device=tpu"])
    assert train(folder).steps == 6


def test_what_depends_on_a_gpu_is_asked_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its units for bfloat16, its memory, its name."""
    monkeypatch.setattr(devices, "THERE", dict.fromkeys(devices.THERE, lambda: True))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: not including_emulation)
    found = {name: settled(configure("text", [f"train.device={name}"])).train.precision for name in ("cuda", "mps")}
    assert found == {"cuda": "bfloat16", "mps": "float32"}
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(total_memory=number << 20))
    with pytest.raises(SettingError, match=r"and the GPU has 0\.0 GB: lower"):
        refuse_too_large(configure("text", ["train.device=cuda"]), 60, 3072)


def test_processes_with_gpus_add_up_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes the GPU of its place; what lies on it goes by nccl, and nothing else does."""
    made: list[object] = []
    sent: list[object] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", made.append)
    monkeypatch.setattr(dist, "new_group", lambda backend, timeout: made.append((backend, timeout)) or "their GPUs")
    monkeypatch.setattr(dist, "all_reduce", lambda numbers, group: sent.append(group))
    monkeypatch.setenv("TORCH_NCCL_BLOCKING_WAIT", "1")
    ours = Processes(rank=5, count=6, local=2, patient="patience", place=1)
    assert ours.on("cpu") is ours
    with_gpus = ours.on("cuda")
    assert made == [1, ("nccl", processes.SILENCE)]
    with_gpus.totals([torch.zeros(2, device=ELSEWHERE), torch.zeros(3, device=ELSEWHERE)])
    with_gpus.total(torch.zeros(2))
    with_gpus.total_patiently(torch.zeros(2))
    assert sent == ["their GPUs", None, "patience"]
    with pytest.raises(
        SettingError, match=r"there are 4 processes on a machine that has 2 GPUs: start one process for each"
    ):
        Processes(rank=7, count=8, local=4, place=2).on("cuda")
    with pytest.raises(SettingError, match=r"2 processes cannot share a run on mps"):
        Processes(count=2).on("mps")


def test_a_fused_stack_is_the_cpus(elsewhere: Elsewhere) -> None:
    """Were it asked elsewhere, there would be no numbers to compile for."""
    model = next(case for case in MODELS if case.name == "wavenet-1-stack").build().to(ELSEWHERE)
    ids = torch.zeros(2, 4, dtype=torch.int64, device=ELSEWHERE)
    assert torch.equal(model.rows(ids, seed=0).cpu(), model.dense(ids).cpu())


def test_a_history_begins_where_the_model_is(elsewhere: Elsewhere) -> None:
    histories = [model for model in (case.build() for case in MODELS) if isinstance(model, HistoryModel)]
    assert {model.to(ELSEWHERE).start().device.type for model in histories} == {ELSEWHERE}


def test_a_piece_follows_the_model(tmp_path: Path, elsewhere: Elsewhere) -> None:
    folder = decades(tmp_path / "run")
    config = on(folder.config())
    piece = batches_of(sides_of(folder).train, config)[0]
    training = Training.begin(config, Shape(folder.codec().vocab_size, folder.fields().width), 5, 1)
    assert {tensor.device.type for tensor in of_piece(training.model, piece)} == {ELSEWHERE}
