"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time, so that a test never fails by chance; `--hypothesis-profile=search` looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None, max_examples=60, database=None)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The project's folder. Mark the tests that use it `checkout`: where only the wheel is tested they are left out."""
    folder = Path(__file__).resolve().parent.parent
    assert (folder / "pyproject.toml").is_file(), "a test that uses `checkout` needs the mark `checkout`"
    return folder
