"""Tree and Next in a real browser, on a server's page: by mouse and by keys alone, on a desktop and on a phone."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Opened, Size

By = Literal["mouse", "keys"]
EVERY = [("desktop", "mouse"), ("phone", "keys")]
"""The same tabs in a file are tried in all four ways (test_page_in_hand.py)."""


@pytest.mark.parametrize(("size", "by"), EVERY)
def test_tree(opened: Opened, size: Size, by: By) -> None:
    """A text is typed, the window moves on by one, a fusion is opened."""
    it = opened(size)
    it.go("tree")
    page = it.page
    expect(page.locator(".counters b")).to_have_text(["7", "3", "3"])
    if by == "mouse":
        page.locator("#tree-text").fill("marianne")
        page.get_by_label("Slide one symbol back").click()
        page.get_by_label("Slide one symbol on").click()
        page.locator(".node.fused").first.click()
    else:
        it.tab_to("#tree-text")
        it.press("Control+A")
        page.keyboard.type("marianne")
        it.tab_to("[aria-label='Slide one symbol back']")
        it.press("Enter")
        it.tab_to("[aria-label='Slide one symbol on']")
        it.press("Enter")
        it.tab_to(".node:not(.leaving)")
        it.press("ArrowUp", "Enter")
    expect(page.locator("aside.fusion .strip").first).to_be_visible()
    assert "text=marianne" in page.url
    assert "node=" in page.url
    it.check(by)
    page.reload()
    expect(page.locator("aside.fusion .strip").first).to_be_visible()


@pytest.mark.parametrize(("size", "by"), EVERY)
def test_next(opened: Opened, size: Size, by: By) -> None:
    """A text is scored, a symbol is drawn, other samples are made."""
    it = opened(size)
    it.go("next")
    page = it.page
    if by == "mouse":
        page.locator("#next-text").fill("mari")
        page.locator("#temperature").fill("0.5")
        page.locator(".chance:enabled").first.click()
        page.locator("#again").click()
    else:
        it.tab_to("#next-text")
        it.press("Control+A")
        page.keyboard.type("mari")
        it.tab_to("#temperature")
        it.press(*["ArrowLeft"] * 10)
        it.tab_to(".chance:enabled")
        it.press("Enter")
        it.tab_to("#again")
        it.press("Space")
    expect(page.locator("#next-text")).to_have_value("mari" + page.locator("#next-text").input_value()[4:])
    assert len(page.locator("#next-text").input_value()) == 5
    assert "t=0.5" in page.url
    assert "seed=2" in page.url
    assert page.locator("#samples .sample").count() == 12
    it.check(by)


def test_a_view_is_a_link(opened: Opened) -> None:
    """What a server counts is what the page shows, and the address brings the same view back."""
    it = opened("desktop")
    it.go("next?text=maria&t=0.7&k=5&seed=3")
    asked = {"count": 12, "prefix": "maria", "seed": 3, "temperature": 0.7, "top_k": 5}
    told = it.page.evaluate(
        """body => fetch("api/runs/tiny/sample", {method: "POST", headers: {"Content-Type": "application/json"},
             body: JSON.stringify(body)}).then((answer) => answer.json())""",
        asked,
    )
    shown = it.page.locator("#samples .sample").evaluate_all(
        "all => all.map((each) => each.firstChild.firstChild.data)"
    )
    assert [item["item"] for item in told["items"]] == shown
