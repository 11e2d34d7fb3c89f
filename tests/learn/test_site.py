"""The site: complete pages that ask nothing of a network, in HTML that holds together."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from wavetree.errors import InputError, SaveError
from wavetree.learn.cards import cards
from wavetree.learn.practice import QUESTIONS
from wavetree.learn.site import APKG, SEED, site_files, write_site

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}
REFERENCES = {"src", "href", "srcset", "action", "poster", "data", "cite", "formaction", "xlink:href"}
PHRASING = {"button", "p", "summary", "h1", "h2", "h3", "span"}
"""Elements that may hold only running text."""
BLOCK = {"div", "p", "ul", "ol", "li", "table", "section", "article", "pre", "h1", "h2", "details", "nav", "main"}

SITE = site_files()
FILES = {name: data.decode() for name, data in SITE.items() if name != APKG}
"""All but the deck for Anki, which is no text: see test_anki.py."""


class Page(HTMLParser):
    """Reads a page and fails where its elements do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not (tag in BLOCK and set(self.open) & PHRASING), f"<{tag}> inside {self.open}"
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"<{tag}> has an attribute twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> inside {self.open}"

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open[-1:]):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this name."""
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.tags if "id" in attributes]

    @property
    def references(self) -> list[str]:
        return [str(value) for _, attributes in self.tags for name, value in attributes.items() if name in REFERENCES]


PAGES = {name: Page(text) for name, text in FILES.items() if name.endswith(".html")}


def foreign(text: str) -> list[str]:
    """Everything in a file that could send a browser somewhere else."""
    return re.findall(
        r"https?:|(?<![\w:\"'>] )//(?! )|@import|url\(|XMLHttpRequest|fetch\(|WebSocket|EventSource", text
    )


@pytest.mark.parametrize("name", PAGES)
def test_a_page_holds_together(name: str) -> None:
    page = PAGES[name]
    assert FILES[name].startswith("<!DOCTYPE html>\n")
    assert len(set(page.ids)) == len(page.ids)
    assert [len(page.all(tag)) for tag in ("html", "head", "body", "main", "h1", "title")] == [1] * 6
    assert page.all("html")[0]["lang"] == "en"
    assert page.all("nav")[0]["aria-label"]
    (here,) = [link["href"] for link in page.all("a") if link.get("aria-current")]
    assert here == name


@pytest.mark.parametrize(
    "broken",
    ["<p><div></div></p>", "<p>", "</p>", "<b><i></b></i>", '<p id="a" id="b"></p>', "<button><p></p></button>"],
)
def test_a_broken_page_is_caught(broken: str) -> None:
    with pytest.raises(AssertionError):
        Page(broken)


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_fetched_from_anywhere(name: str) -> None:
    assert foreign(re.sub(r"^\s*// .*$", "", FILES[name], flags=re.MULTILINE)) == []
    if name in PAGES:
        page = PAGES[name]
        assert [link for link in page.references if ":" in link and link != "data:,"] == []
        assert [attributes for attributes in page.all("script") if "src" in attributes] == []
        assert [link["href"] for link in page.all("link")] == ["data:,"]
        policy = page.all("meta")[1]
        assert policy["http-equiv"] == "Content-Security-Policy"
        assert str(policy["content"]).startswith("default-src 'none'; ")


@pytest.mark.parametrize(
    "line", ['<img src="//a.b/c">', "@import 'x';", "background: url(x.png)", '<a href="https://a.b">', "fetch('x')"]
)
def test_a_foreign_reference_is_caught(line: str) -> None:
    assert foreign(line)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    for link in PAGES[name].references:
        if link != "data:,":
            file, _, anchor = link.partition("#")
            assert (file or name) in SITE, link
            assert not anchor or anchor in PAGES[file or name].ids, link


def test_practice_hides_its_answers() -> None:
    page = FILES["practice.html"]
    outside = Page(re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL))
    inside = re.findall(r'<p class="answer"><strong>(.*?)</strong></p>', page)
    assert inside == [question.asked(SEED).answer.shown for question in QUESTIONS]
    assert page.count("<summary>Answer</summary>") == page.count("<summary>Hint</summary>") == len(QUESTIONS)
    assert "open" not in {name for attributes in Page(page).all("details") for name in attributes}
    assert [question.id for question in QUESTIONS if question.id not in outside.ids] == []


def test_cards_can_be_heard_and_turned() -> None:
    page = PAGES["cards.html"]
    turned = [button for button in page.all("button") if button.get("class") == "card"]
    assert len(turned) == len(cards())
    assert {button["aria-pressed"] for button in turned} == {"false"}
    faces = [span for span in page.all("span") if str(span.get("class")).startswith("face")]
    assert [face["aria-hidden"] for face in faces] == ["false", "true"] * len(cards())
    assert [part.get("aria-live") for part in page.all("p") if part.get("id") == "heard"] == ["polite"]
    assert "@media (prefers-reduced-motion: reduce)" in FILES["cards.html"]
    assert "prefers-color-scheme: dark" in FILES["cards.html"]
    assert "<noscript><style>" in FILES["cards.html"]


def test_one_card_a_page_on_paper() -> None:
    """What the style says; tests/learn/test_browser.py counts the pages."""
    text = FILES["print.html"]
    assert len([part for part in Page(text).all("section") if part.get("class") == "card"]) == len(cards())
    assert re.search(r"@page \{ size: 148mm 105mm;", text)
    assert re.search(r"\.card \{[^}]*break-after: page;[^}]*break-inside: avoid;", text)
    assert re.search(r"\.card:last-child \{ break-after: auto; \}", text)


def test_anki_can_read_the_cards() -> None:
    lines = FILES["cards.tsv"].splitlines()
    heads = [line for line in lines if line.startswith("#")]
    assert heads[0] == "#separator:tab"
    assert "#html:true" in heads
    rows = list(csv.reader(lines[len(heads) :], delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) == len(cards())
    for row in rows:
        assert len(row) == 2
        for field in row:
            assert Page(field).text.strip()
    assert "<code>" in rows[0][1]


def test_writing(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "site"
    paths = write_site(folder, force=False)
    assert sorted(paths) == sorted(folder.iterdir())
    assert {path.name: path.read_bytes() for path in paths} == SITE
    (folder / "mine.txt").write_text("mine")
    (folder / "index.html").write_text("old")
    with pytest.raises(InputError, match=r"is not empty.*--force"):
        write_site(folder, force=False)
    assert (folder / "index.html").read_text() == "old"
    write_site(folder, force=True)
    assert (folder / "index.html").read_text("utf-8") == FILES["index.html"]
    assert (folder / "mine.txt").read_text() == "mine"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert len(write_site(tmp_path, force=False)) == len(SITE)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "below", file / "below" / "that"):
        for force in (False, True):
            with pytest.raises(InputError, match=re.escape(f"{file} is a file: give a folder")):
                write_site(folder, force)


def test_what_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "cards.tsv").mkdir()
    with pytest.raises(SaveError, match=r"could not write .*cards\.tsv: is a directory\. Choose another folder\."):
        write_site(tmp_path, force=True)
