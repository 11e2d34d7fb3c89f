"""Tree and Next as a person uses them, by mouse and by keys, on a desk and on a phone; axe finds nothing serious."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from tests.export.runs import run_of

from wavetree.export.document import model_document
from wavetree.export.page import export_page

SIZES = {"desktop": (1280, 900, "dark"), "phone": (390, 844, "light")}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = run_of("tree", tmp_path_factory)
    (path,) = export_page(model_document(run), run.folder.path.with_suffix(".html"))
    return path.as_uri()


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    width, height, scheme = SIZES[request.param]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, offline=True, reduced_motion="reduce"
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: said.type in {"error", "warning"} and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}#tree?text=maria")
    page.wait_for_function("globalThis.wavetree?.view")
    yield page
    found = Axe().run(page).response["violations"]
    assert [
        (each["id"], each["nodes"][0]["html"][:200]) for each in found if each["impact"] in {"serious", "critical"}
    ] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
    assert complaints == []


def node(page: Page, row: int, position: int) -> str:
    return f'.stage [data-node="{row}.{position}"]'


def places(page: Page) -> list[str]:
    """Every node with what it is and where it stands, in reading order."""
    found = page.evaluate(
        "[...document.querySelectorAll('.stage [data-node]')].map((node) => "
        "`${node.dataset.node} ${node.getAttribute('class')} ${node.style.transform}`)"
    )
    return [str(each).replace(" fresh", "") for each in found]


def state(page: Page) -> str:
    return str(page.evaluate("location.hash"))


def test_a_fusion_by_mouse(page: Page) -> None:
    page.hover(node(page, 2, 5))
    lit = page.locator(".node.lit")
    expect(lit).to_have_count(7)  # itself, the two below, their four symbols
    page.hover(node(page, 0, 4))
    expect(lit).to_have_count(4)  # its path to the root
    page.click(node(page, 2, 5))
    expect(page.locator(".fusion h2")).to_have_text("Level 1, position 5")
    assert "node=2.5" in state(page)
    assert page.locator(".fusion .joins code").all_inner_texts() == ["ar", "ia", "aria"]
    page.click(".fusion .close")
    expect(page.locator(".fusion h2")).to_have_text("Open a fusion")


def test_everything_by_keys(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("anna")
    expect(page.locator(".place")).to_have_text("4 of 4")
    page.focus(".stage [tabindex='0']")
    for key in ("ArrowDown", "ArrowDown", "Home", "ArrowUp", "End", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.dataset.node") == "2.0"
    page.keyboard.press("Enter")
    expect(page.locator(".fusion h2")).to_have_text("Level 1, position 0")
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    expect(page.locator(".place")).to_have_text("3 of 4")
    page.keyboard.press("n")
    expect(page.locator(".place")).to_have_text("4 of 4")
    assert page.locator(".node.fresh").count() == 3  # one a level, and all else stays
    for layout in ("dilated", "rings"):
        page.keyboard.press("l")
        assert f"layout={layout}" in state(page)
    page.keyboard.press("l")
    page.focus(node(page, 0, 2))
    page.keyboard.press("z")
    expect(page.locator(".verdict")).to_contain_text("3 of the 7 fusions")
    assert page.locator(".node.moved.fused").count() == 3
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.focus("#tab-tree")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-next")).to_be_focused()


def test_a_later_symbol_moves_nothing(page: Page) -> None:
    page.click("[aria-label='Slide one symbol back']")
    page.click(node(page, 0, 5))
    page.select_option("#flip-to", "z")
    expect(page.locator(".verdict")).to_contain_text("0 of 7 nodes move")
    assert page.locator(".node.moved.fused").count() == 0


def test_a_view_is_shared_by_its_address(page: Page) -> None:
    page.evaluate("location.hash = '#tree?text=maria&layout=dilated&at=3&flip=2:z&node=1.3'")
    expect(page.locator(".place")).to_have_text("3 of 5")
    expect(page.locator(".fusion h2")).to_have_text("Level 0, position 3")
    before = places(page)
    assert len(before) > 20
    page.reload()
    page.wait_for_function("globalThis.wavetree?.view")
    assert places(page) == before


def test_next_by_mouse_and_by_keys(page: Page) -> None:
    page.keyboard.press("2")
    expect(page.locator(".sample")).to_have_count(12)
    page.fill("#next-text", "ann")
    expect(page.locator(".scored")).to_have_count(4)
    page.click(".chance:enabled >> nth=0")
    expect(page.locator(".scored")).to_have_count(5)
    page.focus("#temperature")
    page.keyboard.press("Home")
    page.focus("#top-k")
    page.keyboard.press("Home")
    assert "t=0" in state(page)
    assert "k=1" in state(page)
    expect(page.locator(".chance:not(.never)")).to_have_count(1)
    page.focus("#tab-next")
    page.keyboard.press("s")
    assert "seed=2" in state(page)
    page.keyboard.press("Backspace")
    expect(page.locator(".scored")).to_have_count(4)
    page.keyboard.press("/")
    page.keyboard.type("Ä")
    expect(page.locator(".card >> nth=0")).to_contain_text("never met")
