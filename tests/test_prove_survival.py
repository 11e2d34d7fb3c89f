"""scripts/prove_survival.py in its short form: kills, deaths within a save, faults, flips."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.checkout, pytest.mark.slow]


def test_nothing_is_lost_and_the_twins_are_caught(checkout: Path) -> None:
    call = [sys.executable, str(checkout / "scripts" / "prove_survival.py"), "--kills", "2", "--flips", "80"]
    done = subprocess.run([*call, "--cuts", "16"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert set(said) == {"kills", "deaths", "faults", "flips"}
    assert all(re.search(r"(lost|unseen) 0\b", line) for line in said.values())
    assert all(re.search(r"twins caught ([1-9]\d*), twins \1\b", line) for line in said.values())
