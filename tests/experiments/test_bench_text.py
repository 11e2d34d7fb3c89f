"""Which preset `bench text` takes, and what it tells: a tiny text, learnt for a moment."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.streams import TEXT, verses

from wavetree.config import PRESETS
from wavetree.experiments import bench_text
from wavetree.experiments.bench_text import BY_WORK, text_preset


def test_the_preset_is_what_there_is_time_for() -> None:
    found = [text_preset(seconds, 1e11) for seconds in (1, 150, 599, 601, 900, 2499, 2501, 1e9)]
    assert found == ["text-small"] * 3 + ["text"] * 3 + ["text-large"] * 2
    assert text_preset(150, 2.04e11) == "text-small"
    assert text_preset(900, 2.04e11) == "text"
    assert set(BY_WORK) == {name for name in PRESETS if name.startswith("text")}


@pytest.mark.slow
def test_a_text_is_learnt_for_so_long(tmp_path: Path) -> None:
    """By the smallest preset, unless another is asked for; the last tenth is judged."""
    book, said = tmp_path / "book.txt", []
    book.write_text(verses(), "utf-8")
    tiny = [change for change in TEXT if not change.startswith("train.steps")]
    for asked, taken in ((None, "text-small"), ("text", "text")):
        found = bench_text(book, 1.0, asked, 2, said.append, tiny)
        assert found["preset"] == taken
        assert found["val_symbols"] == pytest.approx(len(verses()) / 10, abs=2)
        assert found["curve"][-1]["val_nll"] == pytest.approx(found["val_nll"], abs=0.05)
        assert found["train"]["seed"] == 2
    assert len(said) == 4
