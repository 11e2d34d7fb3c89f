"""`wavetree export`: the forms by their names."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Command


def test_onnx(run: Path, tmp_path: Path, command: Command) -> None:
    ran = command("export", run, "--to", "onnx", "--out", tmp_path / "onnx")
    assert ran.code == 0
    assert [line.split("  ")[0] for line in ran.out.splitlines()] == [
        str(tmp_path / "onnx" / name) for name in ("start.onnx", "step.onnx", "score.onnx", "codec.json")
    ]
    assert "at batches of 1, 2, 5, 17: at most" in ran.err
    again = command("export", run, "--to", "onnx", "--out", tmp_path / "onnx")
    assert again.code == 2
    assert "is there already" in again.sentence


def test_hub(run: Path, tmp_path: Path, command: Command) -> None:
    ran = command("export", run, "--to", "hub", "--out", tmp_path / "hub", "--json")
    assert ran.code == 0
    assert ran.document["to"] == "hub"
    assert {Path(file["path"]).name: file["bytes"] > 0 for file in ran.document["files"]}["README.md"]
    assert command("sample", tmp_path / "hub", "-n", "3").code == 0


def test_html(run: Path, tmp_path: Path, command: Command) -> None:
    ran = command("export", run, "--to", "html", "--out", tmp_path / "page.html")
    assert ran.code == 0
    size = (tmp_path / "page.html").stat().st_size
    assert ran.out == f"{tmp_path / 'page.html'}  {size / 1000:,.0f} kB\n"
