"""The site in a real browser: pages on paper, cards that turn, nothing wider than a phone. Needs chromium, pdfinfo."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from wavetree.learn.cards import cards
from wavetree.learn.site import write_site

CHROMIUM, PDFINFO = shutil.which("chromium"), shutil.which("pdfinfo")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM or not PDFINFO, reason="needs Debian's packages chromium and poppler-utils"),
]
QUIET = ["quic", "background-networking", "component-update", "sync", "gpu"]
FLAGS = ["--headless", "--no-sandbox", "--no-first-run", "--no-pdf-header-footer", "--virtual-time-budget=4000"]
FLAGS += [f"--disable-{what}" for what in QUIET]
PHONE = 390
"""Pixels across."""


def chromium(page: Path, *flags: str) -> str:
    """Opens a page, does what the flags say, and returns what the browser prints."""
    assert CHROMIUM
    profile = page.parent.parent / "profile"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def with_script(page: Path, script: str) -> Path:
    """The same page with a script at its end, which leaves what it found in the title."""
    tried = page.with_name(f"tried-{page.name}")
    tried.write_text(page.read_text("utf-8").replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    return tried


def title_of(document: str) -> str:
    found = re.search(r"<title>(.*?)</title>", document)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser") / "site"
    write_site(folder, force=False)
    return folder


@pytest.mark.parametrize(("name", "pages", "size"), [("print", len(cards()), "420 x 298"), ("cheatsheet", 1, "841")])
def test_on_paper(site: Path, tmp_path: Path, name: str, pages: int, size: str) -> None:
    paper = tmp_path / "paper.pdf"
    chromium(site / f"{name}.html", f"--print-to-pdf={paper}")
    assert PDFINFO
    about = subprocess.run([PDFINFO, paper], capture_output=True, text=True, timeout=60, check=True).stdout
    assert re.search(rf"^Pages: +{pages}$", about, re.MULTILINE), about
    assert f"Page size:       {size}" in about


def test_cards_turn(site: Path) -> None:
    script = """
        const seen = [], at = () => cards.indexOf(document.activeElement);
        const shown = (card) => [...card.querySelectorAll(".face")].map((face) => face.getAttribute("aria-hidden"));
        const key = (name) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: name}));
        cards[0].focus(); cards[0].click(); seen.push(...shown(cards[0]), cards[0].getAttribute("aria-pressed"));
        seen.push(heard.textContent.includes("answer"));
        key("ArrowRight"); seen.push(at()); key("ArrowLeft"); key("ArrowLeft"); seen.push(at() === cards.length - 1);
        cards[0].click(); seen.push(...shown(cards[0]));
        turnAll.click(); seen.push(cards.every(isTurned)); turnAll.click(); seen.push(cards.some(isTurned));
        document.title = seen.join(" ");
    """
    found = title_of(chromium(with_script(site / "cards.html", script), "--dump-dom"))
    assert found == "true false true true 1 true false true true false"


@pytest.mark.parametrize("name", ["index", "lesson", "cheatsheet", "practice", "cards", "print"])
def test_no_page_is_wider_than_a_phone(site: Path, name: str) -> None:
    """What is wider, code and tables, scrolls within itself. Answers are open, cards turned."""
    script = """
        document.querySelectorAll("details").forEach((part) => { part.open = true; });
        document.querySelector("#turn-all")?.click();
        parent.postMessage(`${innerWidth} ${document.documentElement.scrollWidth}`, "*");
    """
    page = with_script(site / f"{name}.html", script)
    assert width_in_frame(page) == f"{PHONE} {PHONE}"


def test_a_page_that_is_wider_than_a_phone_is_caught(site: Path) -> None:
    script = """
        document.querySelector("main").append("x".repeat(80)); document.querySelector("main").style.whiteSpace = "pre";
        parent.postMessage(`${innerWidth} ${document.documentElement.scrollWidth}`, "*");
    """
    found = width_in_frame(with_script(site / "index.html", script))
    assert found.startswith(f"{PHONE} ")
    assert found != f"{PHONE} {PHONE}"


def width_in_frame(page: Path) -> str:
    """How wide a phone finds the page: "of the window, of the content". A window cannot be so narrow, a frame can."""
    frame = page.with_name("frame.html")
    frame.write_text(
        "<!DOCTYPE html><title>silent</title><script>onmessage = (heard) => { document.title = heard.data; }</script>"
        f'<iframe src="{page.name}" style="width: {PHONE}px; height: 800px; border: 0"></iframe>'
    )
    return title_of(chromium(frame, "--hide-scrollbars", "--dump-dom"))
