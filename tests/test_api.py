"""The functions for Python programs: from a list to a run, and what a run is for."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

import wavetree
from wavetree.data.audio import write_wav
from wavetree.errors import SettingError

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


def test_local_conditions_come_with_what_is_made(tmp_path: Path) -> None:
    """Clips whose frames say how loud they are: trained, and made under frames of one's own."""
    rng = np.random.default_rng(1)
    (tmp_path / "clips").mkdir()
    for number in range(3):
        loud = rng.integers(0, 2, 10).astype(np.float32)  # one frame for every 100 samples
        samples = np.sin(np.arange(1000) / 3) * np.repeat(0.1 + 0.8 * loud, 100)
        write_wav(tmp_path / "clips" / f"{number}.wav", samples, 2000)
        np.save(tmp_path / "clips" / f"{number}.npy", loud[:, None])
    settings = {
        "data.rate": 2000,
        "data.local": 1,
        "data.hop": 100,
        "model.levels": 3,
        "model.stacks": 1,
        "model.channels": 8,
        "model.hidden": 8,
        "model.skip": 8,
        "train.steps": 3,
        "train.rows": 2,
        "train.length": 200,
        "train.checks": 1,
    }
    wavetree.fit(tmp_path / "clips", tmp_path / "run", preset="audio-small", settings=settings)
    frames = np.zeros((3, 1), dtype=np.float32)
    made = [np.concatenate(list(wavetree.stream(tmp_path / "run", 250, frames=f))) for f in (frames, frames + 9)]
    assert made[0].shape == (250,)
    assert not np.array_equal(*made)
    with pytest.raises(SettingError, match=r"250 samples need \(3, 1\): one frame of 1 numbers for every 100 samples"):
        list(wavetree.stream(tmp_path / "run", 250, frames=frames[:2]))
    with pytest.raises(SettingError, match="need"):
        list(wavetree.stream(tmp_path / "run", 250))
