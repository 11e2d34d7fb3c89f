"""The functions for Python programs: from a list to a run, and what a run is for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import wavetree

SMALL = {"model.hidden": 16, "model.embedding": 8, "train.batch_items": 32, "train.steps": 20}


@pytest.fixture(scope="module")
def items() -> list[str]:
    draw = random.Random(3)
    return sorted({"".join(draw.choices("abcde", k=draw.randint(3, 7))) for _ in range(300)})


@pytest.fixture(scope="module")
def run(items: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "run"
    summary = wavetree.fit(items, path, settings=SMALL)
    assert (summary.run, summary.steps, summary.stopped) == (str(path), 20, False)
    return path


def test_any_source_will_do(items: list[str], tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("\n".join(items))
    sources = [file, str(file), iter(items), wavetree.make_list(items)]
    steps = {**SMALL, "train.steps": 1}
    found = [wavetree.fit(source, tmp_path / str(i), settings=steps).val_nll for i, source in enumerate(sources)]
    assert len(set(found)) == 1
    assert wavetree.fit(None, tmp_path / "names", settings=steps).params > 0
    with pytest.raises(wavetree.ListError):
        wavetree.fit(["anna"], tmp_path / "few")
    with pytest.raises(wavetree.RunError):
        wavetree.fit(items, tmp_path / "0")
    wavetree.fit(items, tmp_path / "0", settings=steps, force=True)


def test_samples(run: Path) -> None:
    trained = wavetree.load(run)
    items = wavetree.sample(trained, 30, seed=5)
    assert items == wavetree.sample(run, 30, seed=5)
    assert items[:10] == wavetree.sample(trained, 10, seed=5)
    assert all(drawn.item.startswith("ab") for drawn in wavetree.sample(run, 10, prefix="ab"))
    cut = wavetree.sample(run, 10, choice=wavetree.Choice(max_length=2))
    assert all(len(drawn.item) <= 2 for drawn in cut)
    assert {drawn.mark for drawn in wavetree.sample(run, 10, novel=True)} == {"new"}
    with pytest.raises(wavetree.SettingError):
        wavetree.sample(run, 0)
    with pytest.raises(wavetree.SymbolError):
        wavetree.sample(run, prefix="z")


def test_losses_and_going_on(run: Path) -> None:
    losses = wavetree.losses(run)
    assert list(losses) == ["train", "validation", "test"]
    again = wavetree.resume(run)
    assert again.steps == 20
    assert losses["validation"].mean == pytest.approx(again.val_nll, abs=1e-6)


def test_a_watch_can_stop_a_run(items: list[str], tmp_path: Path) -> None:
    seen: list[int] = []
    watch = wavetree.Watch(progress=lambda p: seen.append(p.step), stop=lambda: len(seen) >= 5)
    assert wavetree.fit(items, tmp_path / "run", settings=SMALL, watch=watch).stopped
    assert not wavetree.resume(tmp_path / "run").stopped
