"""The packaged texts, cut into prose and code, and turned into HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

OUTPUT = "text output"
"""The mark of a block that holds what the Python block before it prints."""


SHORT = 16
"""Characters. Code within a sentence is not broken into lines up to here: `(B, T, C)`."""


@dataclass(frozen=True)
class Block:
    """A part of a lesson: prose (Markdown), Python code, or what the code before it prints."""

    kind: Literal["prose", "code", "output"]
    text: str


@dataclass(frozen=True)
class Heading:
    """A section: its title as HTML, and the anchor that leads there."""

    title: str
    anchor: str


def packaged(name: str) -> str:
    """The text of a file of this room."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def lesson() -> str:
    """The lesson, as Markdown."""
    return packaged("lesson.md")


def cheatsheet() -> str:
    """The cheat sheet, as Markdown."""
    return packaged("cheatsheet.md")


def blocks(markdown: str) -> list[Block]:
    """The parts of a lesson in order: nothing is left out but the fences. A diagram is a part of the prose."""
    lines = markdown.split("\n")
    found: list[Block] = []
    end = 0
    for token in _parser().parse(markdown):
        kind = _KINDS.get(token.info) if token.type == "fence" else None
        if kind and token.map:
            found += _prose(lines[end : token.map[0]])
            found.append(Block(kind, token.content))
            end = token.map[1]
    return found + _prose(lines[end:])


_KINDS: dict[str, Literal["code", "output"]] = {"python": "code", OUTPUT: "output"}


def _prose(lines: Sequence[str]) -> list[Block]:
    text = "\n".join(lines).strip("\n")
    return [Block("prose", text)] if text else []


def sections(markdown: str) -> list[Heading]:
    """The second level of headings."""
    tokens = _parser().parse(markdown)
    return [
        Heading(_parser().renderInline(tokens[i + 1].content), _anchor(tokens[i + 1].content))
        for i, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag == "h2"
    ]


def to_html(markdown: str) -> str:
    """A text as HTML: headings with anchors, Python in colours, tables that scroll by themselves where it is narrow."""
    tokens = _parser().parse(markdown)
    for i, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _anchor(tokens[i + 1].content))
    html: str = _parser().renderer.render(tokens, _parser().options, {})
    return html


def to_inline_html(markdown: str) -> str:
    """A single paragraph as HTML, without the paragraph around it."""
    html: str = _parser().renderInline(markdown)
    return html


def _anchor(title: str) -> str:
    """`2. The flat network` becomes `2-the-flat-network`."""
    kept = "".join(c if c.isalnum() else " " for c in title.lower())
    return "-".join(kept.split())


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.add_render_rule("fence", _fence)
    parser.add_render_rule("code_block", _code_block)
    parser.add_render_rule("code_inline", _code_inline)
    parser.add_render_rule(
        "table_open", lambda *_: '<div class="scroll" tabindex="0" role="region" aria-label="table">\n<table>\n'
    )
    parser.add_render_rule("table_close", lambda *_: "</table>\n</div>\n")
    return parser


def _fence(_: RendererHTML, tokens: Sequence[Token], i: int, __: OptionsDict, ___: EnvType) -> str:
    token = tokens[i]
    kind = _KINDS.get(token.info, "diagram")
    inside = _coloured(token.content) if kind == "code" else escape(token.content)
    name = '<p class="label">prints</p>' if kind == "output" else ""
    return f'<div class="{kind}">{name}<pre tabindex="0"><code>{inside}</code></pre></div>\n'


def _code_inline(_: RendererHTML, tokens: Sequence[Token], i: int, __: OptionsDict, ___: EnvType) -> str:
    """Lines break between its words if it is long, and never at a hyphen: `--seed` stays whole."""
    code = escape(tokens[i].content)
    words = [code] if len(code) <= SHORT else code.split(" ")
    return f"<code>{' '.join(f'<span>{word}</span>' for word in words)}</code>"


def _coloured(code: str) -> str:
    html: str = highlight(code, PythonLexer(), HtmlFormatter(nowrap=True))
    return html


def _code_block(_: RendererHTML, tokens: Sequence[Token], i: int, __: OptionsDict, ___: EnvType) -> str:
    return f'<pre tabindex="0"><code>{escape(tokens[i].content)}</code></pre>\n'
