"""A run that an earlier version made still loads, samples and goes on. See scripts/make_old_run.py."""

from __future__ import annotations

import json
import shutil
from itertools import islice
from pathlib import Path

import pytest
import torch

from wavetree.api import sample
from wavetree.runs import RunFolder, load
from wavetree.runs.folder import FORMAT
from wavetree.train import Watch, train

OLD = sorted(Path(__file__).parent.glob("format_*"))


def test_there_is_one_of_every_format() -> None:
    assert [path.name for path in OLD] == [f"format_{number}" for number in range(1, FORMAT + 1)]


@pytest.mark.parametrize("place", OLD, ids=lambda path: path.name)
def test_an_old_run_answers_as_it_did(place: Path) -> None:
    known = json.loads((place / "logits.json").read_text())
    with torch.no_grad():
        logits = load(place / "run").model.dense(torch.tensor([known["ids"]]))[0]
    assert torch.allclose(logits, torch.tensor(known["logits"]), atol=1e-5)


@pytest.mark.parametrize("place", OLD, ids=lambda path: path.name)
def test_an_old_run_is_sampled_and_goes_on(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "run", tmp_path / "run")
    assert len(list(islice(sample(tmp_path / "run", 5), 5))) == 5
    said: list[str] = []  # that it goes on under other conditions, where it does
    summary = train(RunFolder.open(tmp_path / "run"), Watch(note=said.append))
    assert all("may differ in its last digits" in sentence for sentence in said)
    assert (summary.steps, summary.stopped) == (20, False)
