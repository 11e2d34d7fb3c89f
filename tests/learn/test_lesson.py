"""The texts: every block of the lesson runs and prints what stands below it, and what a text names is there."""

from __future__ import annotations

import contextlib
import io
import json
import re
from itertools import pairwise
from typing import Any

import pytest

from wavetree.cli import main
from wavetree.config import TreeConfig
from wavetree.inspect import layer_table
from wavetree.learn.cards import cards
from wavetree.learn.notebook import notebook
from wavetree.learn.practice import QUESTIONS
from wavetree.learn.text import blocks, cheatsheet, lesson, packaged, sections
from wavetree.models import Tree, parameter_count

TEXTS = {"lesson.md": lesson(), "cheatsheet.md": cheatsheet(), "cards.md": packaged("cards.md")}
WORDS_A_MINUTE = 220
"""At which an adult reads a text that is not a novel."""
COLUMNS = 78
"""What a terminal of 80 shows of a block of code without breaking its lines."""


def run(document: str) -> int:
    """Runs the cells of a notebook from top to bottom, in one namespace; each prints what its outputs say.

    Returns how many there were.
    """
    cells = [cell for cell in json.loads(document)["cells"] if cell["cell_type"] == "code"]
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells:
        printed = io.StringIO()
        source = "".join(cell["source"])
        with contextlib.redirect_stdout(printed):
            exec(compile(source, cell["id"], "exec"), names)
        promised = "".join(text for output in cell["outputs"] for text in output["text"])
        assert printed.getvalue() == promised, f"{cell['id']}:\n{source}"
    return len(cells)


@pytest.mark.slow
def test_the_lesson_runs_from_top_to_bottom() -> None:
    assert run(notebook(lesson())) >= 15


@pytest.mark.parametrize(
    "broken",
    ["```python\nassert 1 == 2\n```", "```python\nprint(1)\n```\n\n```text output\n2\n```", "```python\nx\n```"],
)
def test_a_broken_lesson_does_not_run(broken: str) -> None:
    with pytest.raises((AssertionError, NameError)):
        run(notebook(broken))


def test_the_notebook_holds_every_block() -> None:
    found = blocks(lesson())
    cells = json.loads(notebook(lesson()))["cells"]
    assert ["".join(cell["source"]) for cell in cells] == [b.text.rstrip("\n") for b in found if b.kind != "output"]
    outputs = ["".join(output["text"]) for cell in cells for output in cell.get("outputs", [])]
    assert outputs == [block.text for block in found if block.kind == "output"]
    assert all(before.kind == "code" for before, after in pairwise(found) if after.kind == "output")
    assert found[0].text.startswith("# ")


def test_the_notebook_is_nbformat() -> None:
    document = json.loads(notebook(lesson()))
    assert set(document) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in document["cells"]}) == len(document["cells"])
    for cell in document["cells"]:
        wanted = {"cell_type", "id", "metadata", "source"}
        if cell["cell_type"] == "code":
            wanted |= {"execution_count", "outputs"}
            assert cell["execution_count"] is None
            for output in cell["outputs"]:
                assert (set(output), output["name"]) == ({"name", "output_type", "text"}, "stdout")
        assert set(cell) == wanted
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell["id"])
        assert all(isinstance(line, str) for line in cell["source"])


def test_it_takes_about_as_long_to_read_as_it_says() -> None:
    words = sum(len(block.text.split()) for block in blocks(lesson()) if block.kind == "prose")
    assert 10 <= words / WORDS_A_MINUTE <= 13
    assert "about 12 minutes" in lesson()


def test_every_question_is_named_in_its_section_and_no_other() -> None:
    for part in lesson().split("\n## ")[1:]:
        number = part.partition(".")[0]
        (line,) = re.findall(r"\*Practice: (.*)", part) or [""]
        named = re.findall(r"`([a-z-]+)`", line)
        assert named == [question.id for question in QUESTIONS if question.section == number], part[:40]


def test_every_command_that_a_text_names_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    named = [command.split()[1:] for text in TEXTS.values() for command in re.findall(r"`(wavetree [^`]*)`", text)]
    assert len(named) > 15
    for words in named:
        verb = words[: 2 if words[0] in {"learn", "bench"} else 1]
        main([*verb, "--help"])
        usage = capsys.readouterr().out
        assert usage.startswith(f"Usage: wavetree {' '.join(verb)}")
        for option in (word for word in words if word.startswith("-")):
            assert f"{option} " in usage, f"{' '.join(words)}: there is no {option}"


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_fit_to_be_shown(name: str) -> None:
    text = TEXTS[name]
    fenced = re.findall(r"```(?:python|text|text output)\n(.*?)```", text, re.DOTALL)
    assert text.count("```") == 2 * len(fenced)
    assert [line for block in fenced for line in block.split("\n") if len(line) > COLUMNS] == []
    assert "//" not in re.sub(r" // ", "", text), "no addresses: the site goes nowhere"
    assert text.startswith("# ")
    assert text.endswith("\n")


def test_equations_are_whole_in_a_narrow_terminal_and_column() -> None:
    """A terminal of 40 columns leaves 38 to a block; a line broken there would read as two."""
    (equations,) = re.findall(r"```text\n(.*?)```", cheatsheet(), re.DOTALL)
    assert max(map(len, equations.splitlines())) <= 40 - 2


def test_the_cheat_sheet_counts_as_the_product_does() -> None:
    for levels, embedding, hidden, symbols in ((3, 24, 128, 27), (1, 3, 5, 7), (4, 10, 68, 96)):
        model = Tree(TreeConfig(levels=levels, embedding=embedding, hidden=hidden), symbols)
        L, E, H, V = levels, embedding, hidden, symbols
        assert "`V E + 2 E H + 2 (L - 1) H H + 2 L H + H V + V`" in cheatsheet()
        assert parameter_count(model) == V * E + 2 * E * H + 2 * (L - 1) * H * H + 2 * L * H + H * V + V
    rows = re.findall(r"\| ([\d,]+)(?: \+ (\d+))? \|$", cheatsheet(), re.MULTILINE)
    parts = [int(part.replace(",", "")) for row in rows for part in row if part]
    assert sum(parts) == 76_579
    assert "76,579" in cheatsheet()


def test_levels_are_counted_as_the_command_counts_them() -> None:
    model = Tree(TreeConfig(levels=3, embedding=10, hidden=68), 27)
    counted = {found for row in layer_table(model) for found in re.findall(r"level (\d+)", row.name)}
    told = re.findall(r"level (\d+)", lesson())
    assert len(told) > 10
    assert set(told) == counted == {"0", "1", "2"}


def test_sections_are_numbered() -> None:
    assert [heading.title.partition(".")[0] for heading in sections(lesson())] == [str(i) for i in range(1, 15)]
    assert sections(lesson())[1].anchor == "2-the-flat-network"


def test_cards() -> None:
    assert len(cards()) >= 7
    assert len({card.front for card in cards()}) == len(cards())
    assert len({card.name for card in cards()}) == len(cards())
    for card in cards():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", card.name)
        assert card.front.endswith("?")
        assert card.back.endswith(".")
        assert not set("\t\n") & set(card.front + card.back)
        assert len(card.back) < 300, "a card is read at a glance"
