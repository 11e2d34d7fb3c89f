"""Lists, symbols and settings work without torch: a help text or a report on a list never waits for it."""

from __future__ import annotations

import subprocess
import sys

LIGHT = ["wavetree", "wavetree.codecs", "wavetree.config", "wavetree.data", "wavetree.errors"]

PROBE = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    if name != "wavetree":
        for found in pkgutil.walk_packages(getattr(module, "__path__", []), name + "."):
            importlib.import_module(found.name)
heavy = sorted(name for name in sys.modules if name.partition(".")[0] == "torch")
sys.exit(f"imported: {heavy[:3]}" if heavy else 0)
"""


def probe(*modules: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROBE, *modules], capture_output=True, text=True, check=False)


def test_no_torch() -> None:
    done = probe(*LIGHT)
    assert done.returncode == 0, done.stderr


def test_the_probe_sees_torch() -> None:
    done = probe("wavetree.errors", "torch.version")
    assert done.returncode == 1
    assert "imported: ['torch" in done.stderr
