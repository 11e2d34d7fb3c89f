"""A page that stands alone: one file, style and pictures in it, nothing to fetch; light or dark as the reader likes."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Sequence
from importlib.resources import files


def page(title: str, parts: Iterable[str]) -> str:
    """The whole document. `parts` are HTML already."""
    style = files("wavetree.report").joinpath("page.css").read_text("utf-8")
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{shown(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<h1>{shown(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def shown(text: str) -> str:
    """Text that came from outside, as HTML that shows it and does nothing else; what has no shape is escaped."""
    kept = (
        c if c.isprintable() or unicodedata.category(c) == "Zs" else c.encode("unicode_escape").decode() for c in text
    )
    return html.escape("".join(kept))


def heading(text: str) -> str:
    """The head of a section."""
    return f"<h2>{shown(text)}</h2>"


def paragraph(text: str) -> str:
    """A sentence or some."""
    return f"<p>{shown(text)}</p>"


def listed(sentences: Sequence[str]) -> str:
    """What the first sentence announces, as a list under it."""
    first, *rest = sentences or [""]
    points = "\n".join(f"<li>{shown(sentence)}</li>" for sentence in rest)
    return f"{paragraph(first)}\n<ul>\n{points}\n</ul>" if rest else paragraph(first)


def charts(figures: Iterable[tuple[str, str]]) -> str:
    """Charts, each with what it shows in words: side by side where there is room."""
    inside = "\n".join(f"<figure>{svg}<figcaption>{shown(words)}</figcaption></figure>" for svg, words in figures)
    return f'<div class="charts">\n{inside}\n</div>'


def passage(text: str) -> str:
    """A text with its own line ends."""
    return f'<div class="passage">{"<br>".join(map(shown, text.split(chr(10))))}</div>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a head that begins with `>` stands over numbers, and with none there is no row of heads."""
    marks = [' class="number"' if head.startswith(">") else "" for head in heads]

    def line(cells: Sequence[str], tag: str) -> str:
        inside = "".join(f"<{tag}{mark}>{cell}</{tag}>" for cell, mark in zip(cells, marks, strict=True))
        return f"<tr>{inside}</tr>"

    names = [head.lstrip("<>") for head in heads]
    top = f"<thead>{line([shown(name) for name in names], 'th')}</thead>" if any(names) else ""
    body = "\n".join(line([shown(cell) for cell in row], "td") for row in rows)
    return f'<div class="wide"><table>{top}<tbody>\n{body}\n</tbody></table></div>'


def folded(title: str, inside: str) -> str:
    """What is shown when asked for."""
    return f"<details><summary>{shown(title)}</summary>\n{inside}\n</details>"
