"""The lesson as a Jupyter notebook: nbformat 4.5, written as plain JSON."""

from __future__ import annotations

import json

from wavetree.learn.text import Block, blocks


def notebook(markdown: str) -> str:
    """A notebook of a lesson: a cell for each block, what a block prints as its output. It runs from top to bottom."""
    cells: list[dict[str, object]] = []
    for block in blocks(markdown):
        if block.kind == "output":
            cells[-1]["outputs"] = [{"name": "stdout", "output_type": "stream", "text": _lines(block.text)}]
        else:
            cells.append(_cell(len(cells), block))
    document = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _cell(number: int, block: Block) -> dict[str, object]:
    cell: dict[str, object] = {"id": f"cell-{number:03}", "metadata": {}, "source": _lines(block.text.rstrip("\n"))}
    if block.kind == "prose":
        return {"cell_type": "markdown", **cell}
    return {"cell_type": "code", "execution_count": None, "outputs": [], **cell}


def _lines(text: str) -> list[str]:
    """As nbformat keeps text: a list of lines, each with its end."""
    return text.splitlines(keepends=True)
