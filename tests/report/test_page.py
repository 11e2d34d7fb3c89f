"""Pages stand alone, and show what came from outside without obeying it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from wavetree.api import fit, resume
from wavetree.cli import main
from wavetree.data import make_list
from wavetree.report.charts import ROLES, Series, bar_chart, line_chart
from wavetree.report.page import page, shown, table
from wavetree.runs import RunFolder
from wavetree.train import Watch

WORDS = make_list([f"{a}{b}{c}" for a in "bdk<&" for b in "aeiou" for c in "lmnr"])
SMALL = {"model.hidden": 8, "model.embedding": 4, "train.batch_items": 16, "train.checks": 3, "train.threads": 1}


def stands_alone(document: str) -> bool:
    """Whether it fetches nothing: no address, no file, no script; links lead within the page."""
    references = re.findall(r"""(?:href|src)\s*=\s*["']([^"']*)|url\(([^)]*)\)""", document)
    inside = all((a or b).startswith(("#", "data:,")) for a, b in references)
    return inside and "//" not in document and not re.search(r"<script|@import|<iframe|<object", document)


def test_the_judge_of_pages_notices() -> None:
    assert stands_alone("<p>fine</p><use href='#a'/><link href='data:,'>")
    for bad in ('<img src="a.png">', "https://example.org", '<link href="//a">', "url(x.woff)", "<script>"):
        assert not stands_alone(bad)


def test_a_chart_has_the_colours_of_the_page_and_its_words() -> None:
    svg = line_chart([Series("one", [1, 2], [3, 4]), Series("two", [1, 2], [4, 3], "faint")], "across", "up", log="xy")
    assert svg.startswith("<svg ")
    assert "var(--s1)" in svg
    assert "var(--soft)" in svg
    assert not any(colour in svg for colour in ROLES)
    for word in ("one", "two", "across", "up"):
        assert f">{word}</text>" in svg
    assert stands_alone(svg)
    assert svg == line_chart(
        [Series("one", [1, 2], [3, 4]), Series("two", [1, 2], [4, 3], "faint")], "across", "up", log="xy"
    )


def test_a_curve_of_few_points_has_a_mark_for_each_and_its_whole_range() -> None:
    x, y = [0.4, 0.7, 1.0], [3, 2, 1]
    marked, plain = (
        line_chart([Series("one", x, y, look)], "share", "loss", x_range=(0, 1)) for look in ("marked", "line")
    )
    assert marked.count("<use ") == plain.count("<use ") + 3
    assert ">0.0</text>" in plain
    assert ">1.0</text>" in plain
    assert ">0.0</text>" not in line_chart([Series("one", x, y)], "share", "loss")


def test_matplotlib_waits_until_a_chart_is_drawn() -> None:
    """The front, every model and the command's verbs do without it."""
    rooms = "wavetree.api, wavetree.cli.train, wavetree.cli.compare, wavetree.cli.sample, wavetree.experiments.compare"
    probe = f"import sys, {rooms}; from wavetree.report import charts; before = 'matplotlib' in sys.modules; "
    draw = "charts.line_chart([], '', ''); print(before, 'matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe + draw], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_bars_say_their_values() -> None:
    svg = bar_chart(["a", "b"], [2.0, 2.125], [(1.9, 2.1), (2.125, 2.125)], [2.05, None], "loss", "theirs")
    assert ">2.000 (theirs 2.050)</text>" in svg
    assert ">2.125</text>" in svg
    assert stands_alone(svg)


def test_outside_text_is_shown_and_nothing_else() -> None:
    assert shown("<b>\x1b[2J&\u202e") == "&lt;b&gt;\\x1b[2J&amp;\\u202e"
    assert "<i>" not in page("<i>", [table(["<i>"], [["<i>"]])])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "small"
    fit(WORDS, path, settings={**SMALL, "train.steps": 120})
    return path


def test_the_report_of_a_run(run: Path) -> None:
    document = (run / "report.html").read_text("utf-8")
    folder = RunFolder.open(run)
    checks = [line for line in folder.metrics() if "val_nll" in line]
    assert stands_alone(document)
    assert document.count("<svg ") == 5  # two of losses, and three of what happens inside, every so many steps
    for line in checks:
        assert f"{line['val_nll']:.4f}" in document
        samples = line["samples"]
        assert isinstance(samples, list)
        assert all(shown(sample) in document for sample in samples)
    for said in ("mean of 2 steps", "training, raw", "learning rate", "train.batch_items", "symbols a second"):
        assert said in document
    assert "prefers-color-scheme: dark" in document
    assert "width=device-width" in document


def test_it_is_drawn_again_when_a_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run"
    seen: list[int] = []
    stopping = Watch(progress=lambda p: seen.append(p.step), stop=lambda: len(seen) >= 17)
    assert fit(WORDS, path, settings={**SMALL, "train.steps": 40}, watch=stopping).stopped
    assert "stopped after 17 steps" in (path / "report.html").read_text("utf-8")
    resume(path)
    assert "after 40 steps" in (path / "report.html").read_text("utf-8")


def test_what_cannot_be_drawn_is_told_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run"
    fit(WORDS, path, settings={**SMALL, "train.steps": 5})
    (path / "report.html").unlink()
    (path / "report.html").mkdir()
    with pytest.warns(UserWarning, match=r"report\.html could not be written .* The run itself is good\."):
        assert resume(path).steps == 5


def test_the_command_tells_and_still_reports_the_losses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run"
    fit(WORDS, path, settings={**SMALL, "train.steps": 5})
    (path / "report.html").unlink()
    (path / "report.html").mkdir()
    assert main(["train", "--out", str(path), "--resume"]) == 0
    printed = capsys.readouterr()
    assert "warning: " in printed.err
    assert "The run itself is good." in printed.err
    assert "validation" in printed.out
