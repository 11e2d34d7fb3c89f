"""What decides, besides settings and seed, whether a run repeats to the last bit: versions and the machine."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

SHORT = 10
"""Digits of a git revision that tell it apart."""


def made_with(device: str = "cpu") -> dict[str, str]:
    """The versions, the machine and the device of the steps, which decide whether a run repeats to the last bit."""
    versions = {"wavetree": version("wavetree"), "torch": torch.__version__, "numpy": np.__version__}
    about = {
        **versions,
        "numba": version("numba"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": f"cuda ({torch.cuda.get_device_name()})" if device == "cuda" else device,
    }
    return {**about, "revision": revision} if (revision := _git_revision()) else about


@cache
def here(device: str = "cpu") -> Mapping[str, str]:
    """`made_with` of this process, asked once for each device."""
    return made_with(device)


def differences(before: object, now: Mapping[str, str]) -> str:
    """What is another here than it was `before`, as words; nothing where all is the same, or was not kept.

    What was made before there was a choice of devices was made by the CPU.
    """
    if not isinstance(before, Mapping):
        return ""
    before = {"device": "cpu", **before}
    shared = [name for name in now if name in before and before[name] != now[name]]
    return ", ".join(f"{name} is {_short(now[name])} and was {_short(str(before[name]))}" for name in shared)


def processor() -> str:
    """The name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _short(value: str) -> str:
    return value[:SHORT] if len(value) == 40 else value


def _git_revision() -> str | None:
    """The revision of wavetree itself, where it is used from a checkout."""
    checkout = Path(__file__).parents[3]
    if not (checkout / ".git").exists():
        return None
    try:
        asked = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None
