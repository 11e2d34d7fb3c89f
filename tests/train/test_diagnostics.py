"""Looks inside: what they say is what is there, and they change nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from tests.streams import verses

from wavetree.config import Config, configure
from wavetree.data import make_list
from wavetree.data.corpus import CorpusSettings, open_corpus
from wavetree.models import build
from wavetree.runs import RunFolder, given_size, sides_of
from wavetree.train import start, start_stream, train
from wavetree.train.batches import batches_of
from wavetree.train.diagnostics import Answers, diagnosed_step, levels_of, look_at_units, units_of
from wavetree.train.training import Shape, Training

NAMES = [
    first + last
    for first in ("an", "bo", "car", "do", "e", "lo", "mi", "no")
    for last in ("na", "bi", "la", "ra", "mil", "ta", "ka")
]
SMALL = ["train.batch_items=8", "train.steps=6", "train.threads=1", "train.checks=1", "train.diagnose_every=2"]
KINDS = {
    "tree": ["model.levels=2", "model.embedding=4", "model.hidden=8"],
    "flat": ["model.kind=flat", "model.context=2", "model.hidden=8", "model.layers=2"],
    "transformer": ["model.kind=transformer", "model.width=8", "model.heads=2", "model.layers=1", "model.context=4"],
    "wavenet": ["model.kind=wavenet", "model.levels=2", "model.channels=8", "model.hidden=8", "model.skip=8"],
}


def begun(path: Path, kind: str) -> tuple[RunFolder, Config]:
    config = configure("names", [*KINDS[kind], *SMALL])
    return start(make_list(NAMES), path, config), config


@pytest.mark.parametrize("kind", KINDS)
def test_a_diagnosed_step_is_a_step(kind: str, tmp_path: Path) -> None:
    folder, config = begun(tmp_path / "run", kind)
    batches = batches_of(sides_of(folder).train, config)
    shape = Shape(folder.codec().vocab_size, given_size(folder))
    plain, watched = (Training.begin(config, shape, 6, 1) for _ in range(2))
    for step in range(3):
        before = [p.detach().clone() for p in watched.model.parameters()]
        plain.advance(batches[step], config)
        found = diagnosed_step(watched, batches[step], config)
    for name, tensor in plain.model.state_dict().items():
        assert torch.equal(tensor, watched.model.state_dict()[name]), name
    levels = levels_of(watched.model)
    assert found.gradients.keys() == found.updates.keys() == levels.keys()
    moved = [(p - old).detach() for p, old in zip(watched.model.parameters(), before, strict=True)]
    size = torch.stack([each.norm() for each in moved]).norm()
    told = [
        found.updates[name] * torch.cat([p.detach().flatten() for p in level]).norm() for name, level in levels.items()
    ]
    assert torch.stack(told).norm() == pytest.approx(size.item(), rel=0.15), "shares of norms that have moved by now"
    assert all(value > 0 for value in found.gradients.values())
    tanhs = sum(name.startswith("tanh") for name in found.units)
    assert tanhs == {"tree": 2, "flat": 2, "transformer": 0, "wavenet": 2}[kind]


def test_a_run_keeps_its_looks_and_shows_them(tmp_path: Path) -> None:
    from wavetree.report import report_run

    folder, _ = begun(tmp_path / "run", "tree")
    summary = train(folder)
    looks = [line for line in folder.metrics() if "diagnostics" in line]
    assert [line["step"] for line in looks] == [2, 4, 6]
    assert set(looks[0]["diagnostics"]) == {"gradients", "updates", "units"}
    assert report_run(folder, summary) == ""
    page = (folder.path / "report.html").read_text("utf-8")
    assert "The norm of the gradient of each level." in page
    assert "The share of tanh answers beyond 0.97" in page


def test_rows_of_a_stream(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(verses(300))
    corpus = open_corpus([tmp_path / "book.txt"], CorpusSettings("text"))
    small = ["model.levels=2", "model.channels=8", "model.hidden=8", "model.skip=8", "train.rows=4", "train.length=32"]
    config = configure("text", [*small, "train.steps=2", "train.checks=1", "train.threads=1", "train.diagnose_every=1"])
    folder = start_stream(corpus, [tmp_path / "book.txt"], tmp_path / "run", config)
    train(folder)
    looks = [line["diagnostics"] for line in folder.metrics() if "diagnostics" in line]
    assert len(looks) == 2
    assert {"tanh 0", "tanh 1", "relu 0", "relu 1"} == set(looks[0]["units"])


def test_saturated_and_dead_units_are_seen(tmp_path: Path) -> None:
    folder, config = begun(tmp_path / "run", "tree")
    piece = batches_of(sides_of(folder).train, config)[0]
    model = build(config.model, folder.codec().vocab_size, 1)
    healthy = look_at_units(model, piece)
    with torch.no_grad():
        model.fusions[0].norm.weight.mul_(100)
        model.fusions[1].norm.bias[:4] = 50.0
    broken = look_at_units(model, piece)
    assert healthy["tanh 0"].saturated < 0.3
    assert broken["tanh 0"].saturated > 0.8
    assert (healthy["tanh 1"].dead, broken["tanh 1"].dead) == (0.0, 0.5)
    with Answers() as answers:
        torch.nn.functional.relu(torch.tensor([[-1.0, 2.0], [-3.0, -1.0]]))
    assert dataclasses.astuple(units_of(dict(answers.by_name()))["relu 0"]) == (0.0, 0.5)
