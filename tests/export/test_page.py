"""The page as one file: it names nothing outside itself, and is small enough to send."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.export.runs import run_of

import wavetree
from wavetree.errors import RunError
from wavetree.export.document import model_document
from wavetree.export.page import export_page, standalone_page


def test_nothing_is_fetched(tmp_path_factory: pytest.TempPathFactory) -> None:
    document = model_document(run_of("wavenet", tmp_path_factory))
    page = standalone_page({**document, "name": "<b>&</script>"})
    assert re.findall(r"\s(?:src|srcset|action|data)=\"", page) == []
    assert [found for found in re.findall(r'href="([^"]*)"', page) if not found.startswith(("#", "data:"))] == []
    assert "<title>&lt;b&gt;&amp;&lt;/script&gt; · wavetree</title>" in page
    assert page.count("</script>") == 2
    (model,) = re.findall(r'<script type="application/json" id="model">(.*?)</script>', page, re.DOTALL)
    assert json.loads(model) == json.loads(json.dumps({**document, "name": "<b>&</script>"}))


def test_the_lectures_network_and_its_list_take_less_than_a_megabyte(tmp_path: Path) -> None:
    names = wavetree.embedded_names().items
    wavetree.fit(names, tmp_path / "run", preset="lecture", settings={"train.steps": 2, "train.threads": 1})
    run = wavetree.load(tmp_path / "run")
    assert sum(p.numel() for p in run.model.parameters()) == 76_579
    (page,) = export_page(model_document(run), tmp_path / "names.html")
    assert page.stat().st_size < 1_000_000
    with pytest.raises(RunError, match="is there already"):
        export_page(model_document(run), page)
