"""Drives the page of `wavetree serve` in Chromium: pictures for the docs, and the time from a list to its samples.

    python scripts/drive_page.py pictures docs/pictures     trains the names, then two pictures
    python scripts/drive_page.py time                       pastes 30,000 names, trains, samples; says how long it took

Needs Debian's chromium, and playwright of the extra `test`.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import wavetree

FLAGS = ["--no-sandbox", "--no-first-run"]
FLAGS += [f"--disable-{what}" for what in ("gpu", "quic", "background-networking", "component-update", "sync")]
SIZE = {"width": 1180, "height": 760}
PHONE = {"width": 390, "height": 760}
MOST_BYTES = 120_000
COLOURS = 160
PATIENCE = 180_000
"""Milliseconds."""
PASTED = 30_000


def main(what: str, folder: str = "") -> None:
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place) / "runs"
        if what == "pictures":
            runs.mkdir()
            with served(runs) as address:
                pictures(address, Path(folder))
        elif what == "time":
            runs.mkdir()
            with served(runs) as address:
                timed(address)
        else:
            sys.exit(f"{what!r} is neither pictures nor time.")


@contextmanager
def served(runs: Path) -> Iterator[str]:
    """Where `wavetree serve` answers about a folder of runs."""
    command = [sys.executable, "-m", "wavetree", "serve", "--runs", str(runs), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        found = None
        while not found:
            line = server.stderr.readline()
            if not line:
                sys.exit("wavetree serve ended before it served.")
            found = re.search(r"http://\S+/", line)
        yield found[0]
        server.send_signal(signal.SIGINT)
        server.communicate()


@contextmanager
def page(address: str, size: dict[str, int]) -> Iterator[Page]:
    """A page of this size in a browser of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        opened = browser.new_page(viewport={"width": size["width"], "height": size["height"]})
        opened.set_default_timeout(PATIENCE)
        opened.goto(address)
        yield opened
        browser.close()


def pictures(address: str, folder: Path) -> None:
    """The pictures of docs/page.md that need a server."""
    with page(address, SIZE) as shown:
        shown.goto(f"{address}#train")
        shown.get_by_label("Seconds").fill("10")
        shown.get_by_role("button", name="Train").click()
        shown.wait_for_selector(".pill.state-done")
        shown.wait_for_selector(".growing-tree .bar")
        take(shown, folder / "page-train.png")
    with page(address, PHONE) as shown:
        shown.goto(f"{address}#learn?view=practice&q=fuse-by-hand")
        shown.wait_for_selector(".practice .prose > p")
        shown.get_by_role("button", name="Hint").click()
        shown.wait_for_selector(".verdict-box .prose")
        take(shown, folder / "page-practice.png")


def take(shown: Page, path: Path) -> None:
    """A picture that is small enough for the repository."""
    shown.wait_for_timeout(800)  # what moves has come to rest
    shown.screenshot(path=path)
    with Image.open(path) as taken:
        taken.quantize(COLOURS).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path}  {size / 1000:,.0f} kB")
    if size > MOST_BYTES:
        sys.exit(f"{path} is larger than {MOST_BYTES / 1000:,.0f} kB.")


def timed(address: str) -> None:
    """From the paste to samples of the trained model on the page."""
    names = wavetree.embedded_names().items
    text = "\n".join([*names, *(f"{name}{name}" for name in names)][:PASTED])
    with page(f"{address}#train", SIZE) as shown:
        shown.context.grant_permissions(["clipboard-read", "clipboard-write"])
        shown.evaluate("text => navigator.clipboard.writeText(text)", text)
        shown.get_by_label("Your list").focus()
        begun = time.perf_counter()
        shown.keyboard.press("Control+V")
        shown.get_by_text(f"{PASTED:,} items, {PASTED:,} distinct").wait_for()
        shown.get_by_role("button", name="Train").click()
        shown.wait_for_selector(".pill.state-done")
        trained = time.perf_counter()
        facts = shown.locator(".facts-line span").all_inner_texts()
        shown.get_by_role("button", name="Sample it").click()
        shown.wait_for_selector("#samples .sample")
        done = time.perf_counter()
        samples = shown.locator("#samples .sample .mono").all_inner_texts()
    print(f"{PASTED:,} names: trained {trained - begun:.1f} s after the paste, sampled {done - begun:.1f} s after it")
    print(f"{', '.join(facts)}; {' '.join(samples[:8])}")


if __name__ == "__main__":
    main(*sys.argv[1:])
