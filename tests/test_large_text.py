"""scripts/large_text.py on a small text: it tells what was in use, and fails above its limit."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.checkout, pytest.mark.slow]


@pytest.mark.parametrize(("limit", "code"), [(4000, 0), (20, 1)])
def test_what_a_text_takes(checkout: Path, limit: int, code: int) -> None:
    call = [sys.executable, str(checkout / "scripts" / "large_text.py"), "--megabytes", "1", "--limit", str(limit)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert len(re.findall(r"^(first|second) +start, 20 steps: [\d.]+ s, \d+ MB at most$", done.stdout, re.M)) == 2
