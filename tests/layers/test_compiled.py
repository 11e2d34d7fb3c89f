"""Where compiled code is kept, so that only the first process of a machine has to wait for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wavetree.layers import compiled

PROBE = """
import sys, warnings
warnings.simplefilter("error")
import numpy as np
import wavetree, wavetree.generate.engine as engine, wavetree.experiments
assert not {"numba", "llvmlite"} & set(sys.modules), "numba is imported before it is needed"
from wavetree.config import TreeConfig
from wavetree.generate import Choice
from wavetree.models import build
made = engine.Engine.of(build(TreeConfig(levels=2, hidden=3), 5, seed=1))
made.run(np.array([1]), made.start(1), np.zeros((1, 4)), Choice())
run = engine.load_kernels("wavetree.generate.kernels", *engine.PARTS).run
print(sum(run.stats.cache_hits.values()), sum(run.stats.cache_misses.values()))
"""


@pytest.mark.slow
def test_the_second_process_finds_what_the_first_compiled() -> None:
    """Where it is kept by itself. The first may find it as well, from a test before; it takes most of a minute."""
    told = [
        subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert told[0] in ("0 1\n", "1 0\n")
    assert told[1] == "1 0\n"


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
