"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples every time, so that a test never fails by chance; `--hypothesis-profile=search` looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None, max_examples=60, database=None)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.register_profile(  # `make fuzz`: tests/fuzz, with limits of time and memory
    "long", deadline=None, max_examples=10_000, database=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("steady")


# Where one is set pytest writes out how two lists differ, line by line: for a broken twin that takes seconds, or hours.
for name in ("CI", "BUILD_NUMBER"):
    os.environ.pop(name, None)


UNTRACED = {"browser", "fuzz", "laws"}
"""What these rooms run other tests run as well, and being traced would cost them as much time again."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Coverage is not measured in UNTRACED."""
    for item in items:
        if UNTRACED & set(item.path.relative_to(Path(__file__).parent).parts):
            item.add_marker("no_cover")


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The project's folder. Mark the tests that use it `checkout`: where only the wheel is tested they are left out."""
    folder = Path(__file__).resolve().parent.parent
    assert (folder / "pyproject.toml").is_file(), "a test that uses `checkout` needs the mark `checkout`"
    return folder


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the tests keep what is made of texts and sounds: never with the user's own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAVETREE_CACHE", str(folder))
        yield folder
