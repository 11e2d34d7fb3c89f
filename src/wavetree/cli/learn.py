"""`wavetree learn`: the lesson, practice that is graded, cards, and all of it as an offline site."""

from __future__ import annotations

import io
import os
import pydoc
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from wavetree.cli.output import content, flush, say
from wavetree.cli.wording import plural
from wavetree.errors import SettingError

if TYPE_CHECKING:
    from wavetree.learn.practice import Asked, Question

QUIT, ANOTHER, HINT = "q", "n", ("h", "?")
AGAIN, KNOWN = "1", "2"


def lesson() -> None:
    """The lesson, page by page on a terminal."""
    from wavetree.learn.text import lesson as text

    _show_text(text())


def cheatsheet() -> None:
    """The cheat sheet."""
    from wavetree.learn.text import cheatsheet as text

    _show_text(text())


def practice(
    *,
    question: Annotated[str | None, Parameter(help="Only this question, by its id.")] = None,
    seed: Annotated[int, Parameter(help="Other numbers in the questions. Same seed, same numbers.")] = 1,
) -> None:
    """Asks, grades, and gives hints, until the questions are done or the learner has enough."""
    if seed < 0:
        raise SettingError(f"seed cannot be {seed}: give a whole number from 0.")
    from wavetree.learn.practice import QUESTIONS, find

    chosen = QUESTIONS if question is None else [find(question)]
    content("Type your answer. h gives a hint, Enter alone shows the answer, n asks with other numbers, q quits.")
    score = Score()
    for number, one in enumerate(chosen, 1):
        content("")
        content(f"{number} of {len(chosen)}: {one.title} ({one.id}, section {one.section} of the lesson)")
        if not _pose(one, seed, score):
            break
    content("")
    content(score.told())


@dataclass
class Score:
    """How a session went."""

    right: int = 0
    first_try: int = 0
    shown: int = 0

    def told(self) -> str:
        """In a sentence."""
        asked = plural(self.right + self.shown, "question")
        return f"{asked}: {self.right} right ({self.first_try} at the first try), {self.shown} looked up."


def _pose(question: Question, seed: int, score: Score) -> bool:
    """Asks one question until it is answered or given up. False when the learner quits."""
    from wavetree.learn.practice import grade

    asked, tries = _asked(question, seed), 0
    while True:
        line = _answer("answer: ")
        if line is None or line.lower() == QUIT:
            return False
        if line.lower() == ANOTHER:
            seed, tries = seed + 1, 0
            asked = _asked(question, seed)
            continue
        if line.lower() in HINT:
            _show_text(asked.hint)
            continue
        if not line:
            score.shown += 1
            _show_text(f"**{asked.answer.shown}**\n\n{asked.why}")
            return True
        verdict = grade(asked, line)
        if verdict.right:
            score.right += 1
            score.first_try += not tries
            _show_text(f"**Right.** {verdict.says}")
            return True
        tries += verdict.right is False
        _show_text(verdict.says if verdict.right is None else f"**Not quite.** {verdict.says}")


def _asked(question: Question, seed: int) -> Asked:
    asked = question.asked(seed)
    content("")
    _show_text(asked.text)
    return asked


def cards() -> None:
    """Shows fronts, turns them, and brings back the cards that were not known."""
    from wavetree.learn.cards import cards as deck

    everything = deck()
    waiting, known = list(enumerate(everything, 1)), 0
    content(f"{plural(len(everything), 'card')}. Enter turns a card; then 1: again later, 2: known; q quits.")
    while waiting:
        number, card = waiting.pop(0)
        content("")
        content(f"{number} of {len(everything)}")
        _show_text(f"**{card.front}**")
        line = _answer("Enter turns: ")
        if line is None or line.lower() == QUIT:
            break
        _show_text(card.back)
        line = _answer("1 again, 2 known: ")
        while line is not None and line.lower() not in {AGAIN, KNOWN, QUIT}:
            content("1: again later, 2: known, q: quit.")
            line = _answer("1 again, 2 known: ")
        if line is None or line.lower() == QUIT:
            break
        if line == KNOWN:
            known += 1
        else:
            waiting.append((number, card))
    content("")
    content(f"{known} of {plural(len(everything), 'card')} known.")


def export(
    folder: Annotated[Path, Parameter(name="DIR", help="The folder to make: new, or empty.")],
    /,
    *,
    force: Annotated[bool, Parameter(help="Write into a folder that is not empty, over the site's own files.")] = False,
) -> None:
    """Writes the site and lists its files."""
    from wavetree.learn.site import APKG, write_site

    paths = write_site(folder, force)
    for path in paths:
        content(str(path))
    if folder / APKG not in paths:
        say(f"{APKG}, a deck for Anki, needs genanki: pip install 'wavetree[anki]', then export again with --force")
    say(f"open {folder / 'index.html'} in a browser; it needs no network")


def _show_text(markdown: str) -> None:
    """Markdown, laid out. What is longer than a terminal is paged there."""
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.theme import Theme

    on_terminal = _is_terminal()
    text = io.StringIO()
    own_ground = Theme({"markdown.code": "bold cyan"})  # no patches of black on a light terminal
    console = Console(file=text, force_terminal=on_terminal, theme=own_ground)
    console.print(Markdown(markdown, code_theme="ansi_dark"))
    shown = "\n".join(line.rstrip() for line in text.getvalue().strip("\n").split("\n"))
    if on_terminal and shown.count("\n") >= console.height:
        os.environ.setdefault("LESS", "-R")  # so that `less`, the usual pager, keeps the colours
        flush()
        pydoc.pager(shown)
    else:
        content(shown)


def _is_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _answer(prompt: str) -> str | None:
    """The next line of the learner, without the space around it; None when there is no more."""
    flush()
    if sys.stdin is None:
        return None
    if _is_terminal():
        sys.stderr.write(prompt)
        sys.stderr.flush()
    if isinstance(sys.stdin, io.TextIOWrapper) and sys.stdin.errors != "replace":
        sys.stdin.reconfigure(errors="replace")  # bytes that are no text are no answer either
    line = sys.stdin.readline()
    return line.strip() if line else None
