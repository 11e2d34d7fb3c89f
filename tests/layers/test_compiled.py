"""Where compiled code is kept, so that only the first process of a machine has to wait for it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from wavetree.layers import compiled

HITS = """
import sys, warnings
warnings.simplefilter("error")
import numpy as np
import wavetree, wavetree.generate.engine as engine, wavetree.experiments
assert not {"numba", "llvmlite"} & set(sys.modules), "numba is imported before it is needed"
%s
print(sum(found.stats.cache_hits.values()), sum(found.stats.cache_misses.values()))
"""
SMALL = """
from wavetree.layers.compiled import load_kernels
from wavetree.layers.fused import KERNELS
found = load_kernels(KERNELS).exp_of
found(np.float32(1))
"""
ENGINE = """
from wavetree.config import TreeConfig
from wavetree.generate import Choice
from wavetree.models import build
made = engine.Engine.of(build(TreeConfig(levels=2, hidden=3), 5, seed=1))
made.run(np.array([1]), made.start(1), np.zeros((1, 4)), Choice())
found = engine.load_kernels("wavetree.generate.kernels", *engine.PARTS).run
"""


def two_processes(work: str, **environment: str) -> list[str]:
    """How often each found what it needs compiled, and how often it did not."""
    call = [sys.executable, "-c", HITS % work]
    told = {**os.environ, **environment}
    return [subprocess.run(call, env=told, capture_output=True, text=True, check=True).stdout.strip() for _ in range(2)]


@pytest.mark.slow
def test_the_second_process_finds_what_the_first_compiled(tmp_path: Path) -> None:
    assert two_processes(SMALL, NUMBA_CACHE_DIR=str(tmp_path)) == ["0 1", "1 0"]


@pytest.mark.slow
def test_the_engine_is_found_where_it_is_kept_by_itself() -> None:
    """By the first process, too, if a test before has it compiled: that takes most of a minute."""
    assert two_processes(ENGINE)[1] == "1 0"


def test_threads_that_load_at_once_load_one_thing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """While one thread has numba's settings changed, no other reads them."""
    import numba

    places: list[str] = []

    def slowly(name: str) -> object:
        places.append(numba.config.CACHE_DIR)  # type: ignore[attr-defined]
        time.sleep(0.05)
        return object()

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiled, "importlib", SimpleNamespace(util=importlib.util, import_module=slowly))
    compiled._load.cache_clear()
    try:
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(lambda _: compiled.load_kernels("wavetree.layers.kernels"), range(3)))
    finally:
        compiled._load.cache_clear()
    assert len(set(map(id, found))) == 1
    assert [Path(place).parent for place in places] == [tmp_path]
    assert tmp_path == Path(numba.config.CACHE_DIR)  # type: ignore[attr-defined]


def test_a_folder_for_what_is_compiled(tmp_path: Path) -> None:
    """Where it is told, and for each content of the sources another; beside the source; or nowhere."""
    module = tmp_path / "kernels.py"
    for name, text in (("kernels", "a"), ("parts", "b"), ("others", "c")):
        (tmp_path / f"{name}.py").write_text(text)
    places = [
        compiled._folder(str(tmp_path / "told"), module, sources)
        for sources in (("parts",), ("parts",), ("parts", "others"))
    ]
    assert places[0] == places[1] != places[2]
    assert Path(places[0]).parent == tmp_path / "told"
    (tmp_path / "parts.py").write_text("another")
    assert compiled._folder(str(tmp_path / "told"), module, ("parts",)) != places[0]
    assert Path(compiled._folder("", module, ())).parent == tmp_path / "__pycache__"
    assert compiled._folder(str(tmp_path / "parts.py" / "inside"), module, ()) == ""


def test_the_wait_is_said_where_nothing_is_kept_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import numba

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    caplog.set_level("INFO", logger="wavetree")
    for _ in range(2):  # the second finds what is there
        compiled._load.__wrapped__("wavetree.layers.kernels")
        (next(tmp_path.iterdir()) / "found").touch()
    assert caplog.messages == ["compiling for this processor: half a minute or so, once"]
