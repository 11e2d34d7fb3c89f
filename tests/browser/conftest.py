"""One server over a tiny run and one browser for all of these tests. Needs chromium."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

import wavetree

CHROMIUM = shutil.which("chromium")
QUIET = ["gpu", "quic", "background-networking", "component-update", "sync"]
FLAGS = ["--no-sandbox", "--no-first-run", *(f"--disable-{what}" for what in QUIET)]
Size = Literal["desktop", "phone"]
SIZES: dict[Size, tuple[int, int]] = {"desktop": (1280, 800), "phone": (390, 844)}
DARK: set[Size] = {"desktop"}
"""Where the page is looked at in the dark, so that both schemes are."""
PATIENCE = 60_000
"""Milliseconds: other tests may have the processors."""
expect.set_options(timeout=PATIENCE)
SMALL = {"model.hidden": 12, "model.embedding": 6, "train.batch_items": 32, "train.steps": 30, "train.checks": 3}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.skipif(not CHROMIUM, reason="needs Debian's package chromium"))


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a tree over some of the embedded names, in a folder of runs of its own."""
    path = tmp_path_factory.mktemp("page") / "runs" / "tiny"
    wavetree.fit(wavetree.embedded_names().items[::20], path, settings=SMALL)
    return path


@pytest.fixture(scope="session")
def address(tiny_run: Path) -> Iterator[str]:
    """Where `wavetree serve` answers."""
    command = [sys.executable, "-m", "wavetree", "serve", str(tiny_run), "--runs", str(tiny_run.parent), "--port", "0"]
    untraced = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_PROCESS")}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=untraced) as server:
        assert server.stderr
        said = ""
        while not (found := re.search(r"http://127\.0\.0\.1:\d+/", said)):
            line = server.stderr.readline()
            assert line, f"the server ended: {said}"
            said += line
        yield found[0]
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
        assert server.returncode in {0, 130}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@dataclass
class Watched:
    """A page, and what it did that it should not have."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def go(self, view: str) -> None:
        """Opens a view by its address, such as "learn?view=cards"."""
        self.page.goto(f"{self.address}#{view}")
        self.page.wait_for_selector("#panel > *")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, selector: str, most: int = 60) -> None:
        """Presses Tab until this has the focus: whoever has no mouse gets there."""
        for _ in range(most):
            if self.page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
                return
            self.press("Tab")
        raise AssertionError(f"{most} times Tab, and {selector} was not reached")

    def check(self, by: str = "mouse") -> None:
        """No console error, no foreign request, no wider than the window, nothing serious for axe.

        axe judges what is shown, whoever got it there: it is asked once, where the mouse did.
        """
        assert self.complaints == []
        width = self.page.viewport_size
        assert width
        assert self.page.evaluate("document.documentElement.scrollWidth") <= width["width"]
        if by == "keys":
            return
        found = Axe().run(self.page).response["violations"]
        serious = [each for each in found if each["impact"] in {"serious", "critical"}]
        assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []


Opened = Callable[[Size], Watched]


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Opened]:
    """Opens a page of a size; whatever it complains of is kept, and is nothing at the end."""
    pages: list[Watched] = []

    def make(size: Size) -> Watched:
        width, height = SIZES[size]
        page = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme="dark" if size in DARK else "light",
            reduced_motion="reduce",
            has_touch=size == "phone",
        )
        page.set_default_timeout(PATIENCE)
        watched = Watched(page, address)
        page.on("console", lambda said: said.type == "error" and watched.complaints.append(said.text))
        page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: asked.url.startswith((address, "data:", "blob:")) or watched.complaints.append(asked.url),
        )
        pages.append(watched)
        return watched

    yield make
    for watched in pages:
        watched.page.close()
        assert watched.complaints == []
