"""The pages of the site. Each is complete in itself: style and script are in it, and nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from wavetree.learn.cards import cards
from wavetree.learn.practice import Question
from wavetree.learn.text import cheatsheet, lesson, packaged, sections, to_html, to_inline_html

PAGES = {
    "index.html": "Start",
    "lesson.html": "Lesson",
    "cheatsheet.html": "Cheat sheet",
    "practice.html": "Practice",
    "cards.html": "Cards",
    "print.html": "Cards to print",
}

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'"
"""What a page may load: nothing but what is written in it. The browser enforces it."""


def index_page(for_anki: Sequence[str]) -> str:
    """What there is, and in which order to take it. Anki reads any one of the files `for_anki`."""
    decks = " or ".join(f"[{name}]({name})" for name in for_anki)
    return page(
        "index.html",
        "Learn wavetree",
        to_html(
            "# A tree that reads\n\n"
            "How a network predicts the next character by joining two neighbours at a time: from the flat network to "
            "the tree, from the tree to the convolution, with every claim run in Python. You need Python and a little "
            "linear algebra.\n\n"
            "1. [The lesson](lesson.html), about 12 minutes. The same as a notebook: [lesson.ipynb](lesson.ipynb).\n"
            "2. [Practice](practice.html), about 18 minutes. The answers stay hidden until you ask. "
            "`wavetree learn practice` asks in the terminal and grades what you type; `--seed 2` has other numbers.\n"
            f"3. [{len(cards())} cards](cards.html) to turn over, now and in a week. "
            f"[To print](print.html), one a page; for Anki, import {decks}.\n"
            "4. [The cheat sheet](cheatsheet.html), for afterwards.\n\n"
            "Everything here works without a network."
        ),
    )


def lesson_page(questions: Sequence[Question]) -> str:
    """The lesson, with its table of contents after the title, and links to the questions that it names."""
    title, rest = to_html(lesson()).split("</h1>\n", 1)
    for question in questions:
        name = to_inline_html(f"`{question.id}`")
        rest = rest.replace(name, f'<a href="practice.html#{question.id}">{name}</a>')
    links = "".join(f'<li><a href="#{s.anchor}">{s.title}</a></li>\n' for s in sections(lesson()))
    contents = f'<nav class="contents" aria-label="Sections">\n<ol>\n{links}</ol>\n</nav>\n'
    return page("lesson.html", "Lesson", f"{title}</h1>\n{contents}{rest}")


def cheatsheet_page() -> str:
    """The cheat sheet."""
    paper = "<style>@page { size: A4 landscape; margin: 9mm; }</style>\n"
    return page("cheatsheet.html", "Cheat sheet", to_html(cheatsheet()), head=paper, layout="sheet")


def practice_page(questions: Sequence[Question], seed: int) -> str:
    """The questions with the numbers of `seed`, and what the product answers, behind a reveal."""
    anchors = {section.title.split(".")[0]: section.anchor for section in sections(lesson())}
    parts = [
        "<h1>Practice</h1>\n"
        + to_html(
            "Work each one out before you open its answer. The answers were computed, when this page was made, by "
            "running the networks that they are about.\n\nTo be asked with other numbers and have your answer graded: "
            f"`wavetree learn practice --question {questions[0].id} --seed {seed + 1}`. The name of a question stands "
            "under it."
        )
    ]
    for number, question in enumerate(questions, 1):
        asked = question.asked(seed)
        parts.append(
            f'<article id="{question.id}">\n<h2>{number}. {escape(question.title)}</h2>\n{to_html(asked.text)}'
            f"<details>\n<summary>Hint</summary>\n{to_html(asked.hint)}</details>\n"
            "<details>\n<summary>Answer</summary>\n"
            f'<p class="answer"><strong>{escape(asked.answer.shown)}</strong></p>\n{to_html(asked.why)}</details>\n'
            f'<p class="soft"><a href="lesson.html#{anchors[question.section]}">Section {question.section}</a>, '
            f"{to_inline_html(f'`{question.id}`')}</p>\n</article>\n"
        )
    return page("practice.html", "Practice", "".join(parts))


def cards_page() -> str:
    """Cards that turn over. Without scripts both faces are shown."""
    items = "".join(
        '<li><button type="button" class="card" aria-pressed="false">'
        f'<span class="face front" aria-hidden="false"><small>{number} of {len(cards())}, question</small>'
        f"<span>{to_inline_html(card.front)}</span></span>"
        f'<span class="face back" aria-hidden="true"><small>{number} of {len(cards())}, answer</small>'
        f"<span>{to_inline_html(card.back)}</span></span></button></li>\n"
        for number, card in enumerate(cards(), 1)
    )
    both = "<noscript><style>.face { grid-area: auto; } .back { transform: none; }</style></noscript>\n"
    body = (
        "<h1>Cards</h1>\n"
        '<div class="keys"><button type="button" id="turn-all">Turn all over</button>'
        '<span class="soft">Click, or Enter, turns a card; arrow keys go from card to card.</span></div>\n'
        f'<ul class="cards">\n{items}</ul>\n<p class="unseen" id="heard" aria-live="polite"></p>\n'
        f"<script>\n{packaged('cards.js')}</script>\n"
    )
    return page("cards.html", "Cards", body, head=both, layout="wide")


def print_page() -> str:
    """The cards for paper, one a page: the question above the fold, the answer below it."""
    items = "".join(
        f'<section class="card"><small>{number} of {len(cards())}</small>'
        f'<p class="question">{to_inline_html(card.front)}</p>'
        f"<small>answer</small><p>{to_inline_html(card.back)}</p></section>\n"
        for number, card in enumerate(cards(), 1)
    )
    body = (
        '<h1 class="screen">Cards to print</h1>\n<p class="screen">Print this page: one card a page, A6, landscape. '
        f"Fold at the line, or cover the answer.</p>\n<div>\n{items}</div>\n"
    )
    return page("print.html", "Cards to print", body, head=f"<style>\n{packaged('print.css')}</style>\n")


def page(
    name: str, title: str, body: str, head: str = "", layout: str = "text", site: Mapping[str, str] = PAGES
) -> str:
    """The HTML of the file `name` of a site, whose files and their labels stand at its top."""
    links = "".join(f'<a href="{file}"{_HERE if file == name else ""}>{label}</a>\n' for file, label in site.items())
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n'
        f'<style>\n{packaged("style.css")}</style>\n{head}</head>\n<body class="{layout}">\n'
        '<a class="skip screen" href="#content">Skip to the content</a>\n'
        f'<nav class="site screen" aria-label="Pages">\n{links}</nav>\n'
        f'<main id="content">\n{body}</main>\n</body>\n</html>\n'
    )


_HERE = ' aria-current="page"'
