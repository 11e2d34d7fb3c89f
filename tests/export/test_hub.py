"""A published run: it is loaded and used like any other, and has nothing of the list but what its card says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.streams import verses

import wavetree
from wavetree.cli import main
from wavetree.errors import DamagedError, RunError
from wavetree.export.hub import export_hub

SMALL = {"model.hidden": 16, "model.embedding": 8, "train.batch_items": 32, "train.steps": 20}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = wavetree.embedded_names().items[:1500]
    path = tmp_path_factory.mktemp("hub") / "run"
    wavetree.fit(names, path, settings=SMALL)
    return path


@pytest.fixture(scope="module")
def hub(run: Path) -> Path:
    out = run.parent / "few-names"
    export_hub(wavetree.load(run), out)
    return out


def test_it_samples_what_the_run_samples(run: Path, hub: Path) -> None:
    assert sorted(path.name for path in hub.iterdir()) == [
        "README.md",
        "calibration.json",
        "codec.json",
        "config.json",
        "model.safetensors",
    ]
    expected = [drawn.item for drawn in wavetree.sample(run, 12, seed=3)]
    found = wavetree.sample(hub, 12, seed=3)
    assert [drawn.item for drawn in found] == expected
    assert {drawn.mark for drawn in found} == {"unmarked"}
    assert all(finding.passed for finding in wavetree.verify(wavetree.load(hub).model))


def test_it_holds_none_of_the_items_and_no_place(run: Path, hub: Path) -> None:
    card = (hub / "README.md").read_text()
    everything = b"".join(path.read_bytes() for path in hub.iterdir() if path.name != "README.md")
    assert str(run.parent).encode() not in everything + card.encode()
    assert not [
        name for name in (run / "train.txt").read_text().split() if len(name) > 7 and name.encode() in everything
    ]


def test_the_card_has_the_figures_of_the_run(run: Path, hub: Path) -> None:
    card = (hub / "README.md").read_text()
    head, body = re.fullmatch(r"---\n(.*?)\n---\n(.*)", card, re.DOTALL).groups()  # type: ignore[union-attr]
    assert 'model_name: "few-names"' in head
    assert "library_name: wavetree" in head
    losses = wavetree.losses(run)
    for side in ("validation", "test"):
        assert f"| {side} | {losses[side].mean:.4f} | {losses[side].symbols:,} |" in body
    marks = [drawn.mark for drawn in wavetree.sample(run, 1000, seed=1)]
    assert f"{marks.count('new') / 1000:.1%} new, {marks.count('held out') / 1000:.1%} held out" in body
    trained = wavetree.load(run)
    assert f"{sum(p.numel() for p in trained.model.parameters()):,} parameters" in body
    assert "a list that is not part of this folder. It was trained for 20 steps." in body
    commands = re.findall(r"^wavetree (\w+)", body, re.MULTILINE)
    assert commands == ["sample", "inspect", "verify", "score"]


def test_what_needs_the_list_says_so(run: Path, hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunError, match="was published without the items"):
        wavetree.losses(hub)
    with pytest.raises(RunError, match="is a published run, which is there to be used"):
        wavetree.resume(hub)
    with pytest.raises(RunError, match="what is new cannot be told"):
        wavetree.sample(hub, 3, novel=True)
    with pytest.raises(RunError, match="is a published run already: copy the folder"):
        export_hub(wavetree.load(hub), tmp_path / "again")
    with pytest.raises(RunError, match="is there already"):
        export_hub(wavetree.load(run), hub)
    lines = tmp_path / "lines.txt"
    lines.write_text("maria\nqqqqq\n")
    assert main(["score", str(hub), str(lines)]) == 0
    scored = capsys.readouterr().out
    assert main(["score", str(run), str(lines)]) == 0
    assert capsys.readouterr().out == scored
    assert main(["sample", str(hub), "-n", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["marks"] == {"unmarked": 2}


def test_a_flipped_byte_is_noticed(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "hub"
    export_hub(wavetree.load(run), out)
    weights = out / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(DamagedError, match="is damaged"):
        wavetree.load(out)


def test_a_text(tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_text(verses(300))
    small = {"model.levels": 3, "model.channels": 8, "model.hidden": 8, "model.skip": 8, "train.steps": 2}
    small |= {"train.rows": 4, "train.length": 32, "train.seconds": None}
    wavetree.fit(book, tmp_path / "run", preset="text", settings={k: v for k, v in small.items() if v is not None})
    export_hub(wavetree.load(tmp_path / "run"), tmp_path / "hub")
    found = "".join(map(str, wavetree.stream(tmp_path / "hub", 60, seed=2)))
    assert found == "".join(map(str, wavetree.stream(tmp_path / "run", 60, seed=2)))
    card = (tmp_path / "hub" / "README.md").read_text()
    assert "trained with wavetree on running text" in card
    assert "The first 200 symbols with seed 1" in card
    assert str(tmp_path) not in card + (tmp_path / "hub" / "config.json").read_text()
