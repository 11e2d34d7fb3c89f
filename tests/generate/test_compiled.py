"""Where compiled code is kept, and when it is worth having."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.laws.cases import MODELS

from wavetree.config import PRESETS
from wavetree.generate import compiled
from wavetree.generate import engine as engine_module
from wavetree.generate.engine import worth_compiling
from wavetree.models import Tree, WaveNet, build

PROBE = """
import sys, warnings
warnings.simplefilter("error")
import numpy as np
import wavetree, wavetree.generate.engine as engine, wavetree.experiments
assert not {"numba", "llvmlite"} & set(sys.modules), "numba is imported before it is needed"
from wavetree.config import PRESETS, TreeConfig
from wavetree.generate import Choice, compiled
from wavetree.models import build
made = engine.Engine.of(build(TreeConfig(levels=2, hidden=3), 5, seed=1))
made.run(np.array([1]), made.start(1), np.zeros((1, 4)), Choice())
run = compiled.load_kernels().run
print(sum(run.stats.cache_hits.values()), sum(run.stats.cache_misses.values()))
"""


@pytest.mark.slow
def test_the_second_process_finds_what_the_first_compiled(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    told = [
        subprocess.run(
            [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert told == ["0 1\n", "1 0\n"]


def test_a_folder_for_what_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is told, and for each content of the sources another; beside the source; at the user's; or nowhere."""
    told = Path(compiled._folder(str(tmp_path)))
    assert told.parent == tmp_path
    monkeypatch.setattr(compiled, "SOURCES", compiled.SOURCES[1:])
    assert Path(compiled._folder(str(tmp_path))).name != told.name
    (tmp_path / "file").write_text("")
    assert compiled._folder(str(tmp_path / "file" / "inside")) == ""
    assert Path(compiled._folder("")).parent == Path(compiled.__file__).parent / "__pycache__"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert not compiled.is_kept()
    (Path(compiled._folder(str(tmp_path))) / "something.nbc").write_text("")
    assert compiled.is_kept()


@pytest.mark.parametrize(
    ("preset", "symbols", "batch", "kept", "new"),
    [  # what is expected where compiled code is on disk, and where it is not
        ("lecture", 20 * 8, 20, False, False),  # a list of names
        ("lecture", 20_000 * 8, 4096, False, False),
        ("lecture", 100_000 * 8, 4096, True, False),
        ("text", 200, 1, False, False),
        ("text", 2_000, 1, True, False),
        ("text", 20_000, 1, True, True),
        ("audio", 16_000, 1, True, True),  # a second of sound
        ("audio", 400, 1, True, False),
    ],
)
def test_when_an_engine_is_worth_its_start(
    preset: str, symbols: int, batch: int, kept: bool, new: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build(PRESETS[preset].model, 256, seed=1)
    compiled.load_kernels.cache_clear()
    for on_disk, expected in ((True, kept), (False, new)):
        monkeypatch.setattr(engine_module, "is_kept", lambda on_disk=on_disk: on_disk)
        assert worth_compiling(model, symbols, batch) is expected
    compiled.load_kernels()
    assert worth_compiling(model, symbols, batch)  # it is there already


def test_models_without_an_engine_are_not_worth_one() -> None:
    others = [model for case in MODELS if not isinstance(model := case.build(), Tree | WaveNet)]
    assert others
    assert not any(worth_compiling(model, 10**9, 1) for model in others)
