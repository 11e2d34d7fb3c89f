"""scripts/simulate_scaling.py: its arithmetic by hand, and that it reads what is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.checkout


def simulated(checkout: Path, tmp_path: Path, laps: list[float]) -> list[str]:
    about = {"alone": 0.01, "laps": laps, "parameters": 1_250_000, "symbols": 2000, "messages": [5_000_000, 1000]}
    (tmp_path / "speed.json").write_text(json.dumps({"names": about}))
    call = [sys.executable, str(checkout / "scripts" / "simulate_scaling.py"), str(tmp_path / "speed.json")]
    done = subprocess.run([*call, "--latency", "0.0001"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_step_is_the_work_and_the_messages(checkout: Path, tmp_path: Path) -> None:
    """8 workers, 10 Gbit/s: 2 messages, 3 doublings there and back, 0.1 ms each; 2 x 7/8 x 5.001 MB at 1.25 GB/s."""
    head, one, eight, *_ = simulated(checkout, tmp_path, [0.02, 0.02, 0.02])
    assert head.startswith("names: 5.00 MB of gradients, 10.00 ms a step")
    assert "10.00 ms a step, of which waiting   0.00 and messages   0.00" in one
    messages = 2 * 2 * 3 * 0.1 + 2 * 7 / 8 * 5.001e6 / 1.25e9 * 1e3
    assert f"messages {messages:6.2f}" in eight
    assert f"{8 * 2000 / (10 + messages) * 1e3:14,.0f} symbols/s" in eight


def test_all_wait_for_the_slowest(checkout: Path, tmp_path: Path) -> None:
    """One step in four takes twice as long: alone that costs a quarter, and with 1,024 workers every step has one."""
    *_, many = simulated(checkout, tmp_path, [1, 1, 1, 2])
    assert "1,024 workers, 100 Gbit/s" in many
    assert "waiting   7.50" in many
