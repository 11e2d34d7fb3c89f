"""The docs as a site: `make docs`, or python scripts/make_docs.py FOLDER.

Its pages are docs/*.md, the README, the lesson, the changelog, SECURITY.md, and a reference made of the docstrings of
all public names. They look like those of `wavetree learn export` and load nothing from anywhere. Strict: a link that
leads nowhere, a group of which a page is missing, a public name without words is an error, and nothing is written.
"""

from __future__ import annotations

import inspect
import re
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cached_property
from html import unescape
from pathlib import Path
from typing import Any

import wavetree
from wavetree.learn.pages import page
from wavetree.learn.text import lesson, to_html

ROOT = Path(__file__).parents[1]
TOP = {
    "index.html": "Start",
    "quickstart.html": "Quickstart",
    "lesson.html": "Lesson",
    "api.html": "Python",
    "formats.html": "Files",
    "contents.html": "All pages",
}
"""What stands at the top of every page."""
GROUPS = {
    "Begin": ["index", "quickstart", "readme"],
    "For": ["learners", "practitioners", "researchers"],
    "Learn": ["lesson", "laws", "design"],
    "Look up": ["api", "formats", "scoring", "speech", "samples"],
    "Measured": ["performance", "scale", "log"],
    "The project": ["learning", "changelog", "security", "contributing"],
}
"""The pages by what they are for. A page of docs/ that is in none comes last, under "More"."""
LATER = {"performance", "scale"}
"""Pages that may be missing: they are written when there is something to say."""


class BrokenError(Exception):
    """The docs are not whole."""


def texts() -> dict[str, str]:
    """The Markdown of every page by its name."""
    found = {path.stem: path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
    outside = {
        "README.md": "readme",
        "CHANGELOG.md": "changelog",
        "SECURITY.md": "security",
        "CONTRIBUTING.md": "contributing",
    }
    found |= {name: (ROOT / file).read_text("utf-8") for file, name in outside.items()}
    return found | {"lesson": lesson(), "api": reference()}


def build() -> dict[str, str]:
    """Every page of the site by its file name. Raises BrokenError."""
    pages = texts()
    pages["contents"] = contents(pages)
    if lost := [name for group in GROUPS.values() for name in group if name not in pages.keys() | LATER]:
        raise BrokenError(f"there is no page {lost[0]!r}, and GROUPS names it.")
    made = {
        f"{name}.html": page(
            f"{name}.html", title_of(text), _pictured(to_html(_linked(text, set(pages)))), layout="wide", site=TOP
        )
        for name, text in pages.items()
    }
    check_links(made)
    return made


def title_of(markdown: str) -> str:
    """The first heading."""
    found = re.search(r"^# (.+)$", markdown, flags=re.MULTILINE)
    if not found:
        raise BrokenError(f"a page has no title: {markdown[:60]!r}.")
    return found[1].replace("`", "")


def contents(pages: dict[str, str]) -> str:
    """The list of all pages."""
    more = sorted(set(pages) - {name for group in GROUPS.values() for name in group})
    parts = ["# All pages\n"]
    for group, names in {**GROUPS, "More": more}.items():
        there = [name for name in names if name in pages]
        parts += (
            [f"## {group}\n", *(f"- [{title_of(pages[name])}]({name}.html)" for name in there), ""] if there else []
        )
    return "\n".join(parts)


def _linked(markdown: str, pages: set[str]) -> str:
    """Where a text names a page as a file of the project, a link to it."""

    def link(found: re.Match[str]) -> str:
        name = found[1].lower()
        return f"[{found[0]}]({name}.html)" if name in pages else found[0]

    text = re.sub(r"(?<!\[)`(?:docs/)?([\w-]+)\.md`", link, markdown)
    return re.sub(
        r"\]\((?:docs/|\.\./)?([\w-]+)\.md(#[\w-]+)?\)", lambda m: f"]({m[1].lower()}.html{m[2] or ''})", text
    )


def _pictured(html: str) -> str:
    """With the pictures of docs/ in the page itself."""

    def held(found: re.Match[str]) -> str:
        file = ROOT / "docs" / found[1].removeprefix("docs/")
        if not file.is_file():
            return found[0]
        return f'src="data:image/{file.suffix[1:]};base64,{b64encode(file.read_bytes()).decode()}"'

    return re.sub(r'src="([\w./-]+)"', held, html)


def check_links(made: dict[str, str]) -> None:
    """Raises BrokenError for a link that leads nowhere, and for anything that a page would load."""
    anchors = {file: set(re.findall(r' id="([^"]+)"', html)) for file, html in made.items()}
    for file, html in made.items():
        if loads := re.findall(r'<(?:script|img|iframe|source)[^>]*\ssrc="((?!data:)[^"]+)"', html):
            raise BrokenError(f"{file} loads {loads[0]}: a page loads nothing.")
        for target in map(unescape, re.findall(r'<a [^>]*href="([^"]+)"', html)):
            where, _, anchor = target.partition("#")
            if where.startswith(("https://", "mailto:")):
                continue
            if (where or file) not in made or (anchor and anchor not in anchors[where or file]):
                raise BrokenError(f"{file} has a link to {target}, which is not there.")


def reference() -> str:
    """Every public name with its signature and its words, as Markdown."""
    parts = [
        "# Python\n",
        "What `import wavetree` offers; anything else may change. Losses are in nats. Errors are one tree, of which "
        "`WavetreeError` is the root.\n",
    ]
    for name in sorted(wavetree.__all__, key=str.lower):
        if not name.startswith("__"):
            parts += described(name, getattr(wavetree, name))
    return "\n".join(parts)


def described(name: str, thing: Any) -> list[str]:
    """A public name: a heading, how it is called, what it says of itself, and the same of what it has."""
    if not callable(thing):
        return [f"## {name}\n", f"{' '.join(f'`{key}`' for key in thing)}\n"]
    parts = [f"## {name}\n", *_signature(name, thing), _words(name, thing)]
    if inspect.isclass(thing):
        for member, inside in members(thing):
            parts += [f"### {name}.{member}\n", *_signature(member, inside), _words(f"{name}.{member}", inside)]
    return parts


def members(thing: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties of a class that it defines itself."""
    own = {field.name for field in fields(thing)} if is_dataclass(thing) else set()
    for name, inside in vars(thing).items():
        if not name.startswith("_") and name not in own | {"model_config", "training"}:
            plain = inside.__func__ if isinstance(inside, classmethod | staticmethod) else inside
            plain = plain.func if isinstance(plain, cached_property) else plain
            if isinstance(plain, property) or inspect.isfunction(plain):
                yield name, plain.fget if isinstance(plain, property) and name else plain


def _signature(name: str, thing: Callable[..., Any]) -> list[str]:
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        return [f"`{name}`, exit code {getattr(thing, 'exit_code', 1)}\n"]
    try:
        signature = str(inspect.signature(thing))
    except ValueError:
        return []
    short = re.sub(r"<factory>|<object object at \w+>", "...", signature).replace("'", "")
    return [f"```python\n{name}{short}\n```\n"]


def _words(name: str, thing: object) -> str:
    words = inspect.getdoc(thing)
    if not words:
        raise BrokenError(f"{name} is public and has no docstring.")
    return re.sub(r"^(?=#)", "\\\\", words, flags=re.MULTILINE) + "\n"


def main(arguments: list[str]) -> int:
    """Writes the site. 1 if the docs are not whole."""
    if len(arguments) != 1:
        print("usage: python scripts/make_docs.py FOLDER", file=sys.stderr)
        return 2
    try:
        made = build()
    except BrokenError as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, html in made.items():
        (folder / name).write_text(html, "utf-8")
    print(f"{len(made)} pages in {folder}: open {folder / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
