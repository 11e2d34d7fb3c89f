"""`score` and `rank`: lines in, lines out."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Command
from tests.streams import text_run, tone

from wavetree.data.audio import write_wav
from wavetree.train import train

ITEMS = ["kamilo", "xxxx", "renta", "ka", "kâ", "shibo"]


@pytest.fixture
def items(tmp_path: Path) -> Path:
    path = tmp_path / "items.txt"
    path.write_text("\n".join(ITEMS) + "\n", "utf-8")
    return path


def rows(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_line_for_each_item(command: Command, run: Path, items: Path) -> None:
    ran = command("score", run, items)
    assert ran.code == 0
    table = [line.split("\t") for line in ran.out.splitlines()]
    assert [row[0] for row in table] == ITEMS
    assert table[1][4] == table[4][4] == "flagged"
    assert table[1][5].startswith("x inf")
    assert table[2][4] == "ok"
    assert "6 items, " in ran.err
    assert "confidence" in ran.err


def test_json_lines_agree_with_python(command: Command, run: Path, items: Path) -> None:
    from wavetree.runs import load
    from wavetree.score import scores

    found = rows(command("score", run, items, "--json-lines").out)
    assert [row["item"] for row in found] == ITEMS
    trained = load(run)
    for row, nats in zip(found, scores(trained.model, trained.alphabet, ITEMS).nats.tolist(), strict=True):
        assert row["nats"] is None or row["nats"] == pytest.approx(nats, abs=2e-4)
    assert found[1]["unknown"] == "x"
    assert set(found[0]) == {"item", "nats", "bits_per_symbol", "percentile", "flagged", "surprisal"}


def test_standard_input(command: Command, run: Path, items: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = command("score", run, items, "--json-lines").out
    for file in ((), ("-",)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(items.read_bytes())))
        assert command("score", run, *file, "--json-lines").out == expected
    monkeypatch.setattr(sys, "stdin", None)
    assert "no standard input" in command("score", run).sentence


def test_the_most_surprising_first(command: Command, run: Path, items: Path) -> None:
    found = rows(command("score", run, items, "--json-lines", "--top", 4).out)
    assert {row["item"] for row in found[:2]} == {"xxxx", "kâ"}
    percentiles = [row["percentile"] for row in found]
    assert percentiles == sorted(percentiles, reverse=True)
    assert len(command("score", run, items, "--top", 4).out.splitlines()) == 4
    assert "top cannot be 0" in command("score", run, items, "--top", 0).sentence


def test_rank(command: Command, run: Path, items: Path) -> None:
    ran = command("rank", run, items)
    table = [line.split("\t") for line in ran.out.splitlines()]
    assert [float(row[0]) for row in table] == sorted(float(row[0]) for row in table)
    assert {row[2] for row in table[-2:]} == {"xxxx", "kâ"}
    found = command("rank", run, items, "--json").document["items"]
    assert [one["item"] for one in found] == [row[2] for row in table]
    assert command("rank", run, items, "--reverse").out.splitlines()[0].split("\t")[2] in {"xxxx", "kâ"}


def test_faults_are_told_and_the_stream_goes_on(command: Command, run: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(b"kami\n\xff\xfe\n" + b"a" * 10_000_000 + b"\n\nta\x00\nlast")
    ran = command("score", run, path, "--json-lines")
    assert ran.code == 2
    assert [row["item"] or row["line"] for row in rows(ran.out)] == ["kami", 2, 3, "ta\x00", "last"]
    assert "line 2 is not valid UTF-8 at byte 1 (0xff)" in ran.err
    assert "line 3 has more than 65,536 bytes" in ran.err
    plain = command("score", run, path)
    assert (plain.code, len(plain.out.splitlines())) == (2, 3)
    assert command("score", run, path, "--summary").code == 2
    assert command("rank", run, path).code == 2
    path.write_bytes(b"\xff\n" * 30)
    ran = command("score", run, path)
    assert "and 10 lines more" in ran.err
    assert ran.code == 2


def test_nothing_to_score(command: Command, run: Path, tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.write_bytes(b"\n \n")
    for options in ((), ("--json-lines",), ("--top", 3)):
        ran = command("score", run, path, *options)
        assert (ran.code, ran.out) == (0, "")
        assert "no items" in ran.err
    assert "no items to compare" in command("score", run, path, "--summary").out


def test_summary(command: Command, run: Path, items: Path, tmp_path: Path) -> None:
    good = command("score", run, run / "test.txt", "--summary", "--json").document
    assert good["reasons"] == []
    assert good["unknown_items"] == 0
    assert good["items"] == len((run / "test.txt").read_text().splitlines())
    strange = tmp_path / "strange.txt"
    strange.write_text("".join(f"{line[::-1]}{line}\n" for line in (run / "train.txt").read_text().split()))
    bad = command("score", run, strange, "--summary", "--json").document
    assert bad["distance"] > good["distance"]
    assert "longer" in bad["verdict"]
    assert "more surprising" in bad["verdict"]
    assert "differs" in command("score", run, strange, "--summary").out
    items.write_text("".join(f"ka{chr(number)}mi\n" for number in range(0x400, 0x420)), "utf-8")
    assert "32 items hold symbols that the model never met" in command("score", run, items, "--summary").out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--fpr", 0), "fpr cannot be 0"),
        (("--json",), "--json goes with --summary"),
        (("--summary", "--top", 3), "--summary is about all lines together, and --top about each"),
        (("--summary", "--json-lines"), "and --json-lines about each"),
        (("--block", 10), "--block is for text and sound"),
        (("--condition", "sex=F"), "no field 'sex'"),
    ],
)
def test_what_does_not_fit(
    command: Command, run: Path, items: Path, options: tuple[object, ...], sentence: str
) -> None:
    ran = command("score", run, items, *options)
    assert ran.code == 2
    assert sentence in ran.sentence


def test_a_short_list_says_what_it_cannot_tell(command: Command, run: Path, items: Path) -> None:
    assert "too few to tell 0.1%" in command("score", run, items, "--fpr", 0.001).err


def test_a_missing_file(command: Command, run: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path):
        ran = command("score", run, path)
        assert ran.code == 2
        assert "cannot be read" in ran.sentence


def test_a_reader_that_leaves(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("kamilo\n" * 100_000)
    script = f"{sys.executable} -m wavetree score {run} {path} --json-lines | head -1; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=120)
    first, code = ran.stdout.splitlines()
    assert json.loads(first)["item"] == "kamilo"
    assert code == "141"
    assert ran.stderr == ""


def test_colours_on_a_terminal(run: Path, items: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from wavetree.cli import scoring_lists
    from wavetree.runs import load

    scoring = scoring_lists.Scoring.of(load(run), 0.01, "")
    text, flagged = scoring_lists._lines(scoring, scoring.scored(["kamilo", "x\x1b", "ta"]), terminal=True)
    assert "\x1b[1;37;41mx" in text
    assert "\\x1b" in text
    assert flagged >= 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_COLOR", "1")
        assert "\x1b" not in scoring_lists._lines(scoring, scoring.scored(["kamilo"]), terminal=True)[0]


# --- running text and sound


def test_blocks_on_a_terminal_stand_under_their_heads() -> None:
    from wavetree.cli import scoring_streams as streams
    from wavetree.score.along import BlockScore

    heads = streams._columns(("begin", "end", "nats", "bits each"))
    for block, after in [
        (BlockScore(0, 1000, 2609.454, 0), "======="),
        (BlockScore(12_000_000, 12_001_000, 9.0, 4), f"{'=' * 24}  4 unknown"),
    ]:
        line = streams._line(block, 0, as_json=False, terminal=True)
        figures, more = line[: len(heads) - 1], line[len(heads) - 1 :]
        assert figures.split() == [
            str(block.begin),
            str(block.end),
            f"{block.nats:.3f}",
            f"{block.bits_per_symbol:.4f}",
        ]
        assert more.strip() == after


def test_running_text(command: Command, tmp_path: Path) -> None:
    folder = text_run(tmp_path / "run")
    train(folder)
    text = tmp_path / "more.txt"
    text.write_bytes(b"to be or not " * 30 + b"\xff\n" + "Ж river".encode())
    ran = command("score", folder.path, text, "--json-lines", "--block", 50)
    assert ran.code == 2
    assert "1 byte" in ran.err
    assert "the first in line 1." in ran.err
    found = rows(ran.out)
    assert [row["end"] for row in found] == [*range(50, 400, 50), 399]
    whole = rows(command("score", folder.path, text, "--json-lines", "--block", 350).out)
    parts = [float(str(row["nats"])) for row in found[:7]]
    assert sum(parts) == pytest.approx(float(str(whole[0]["nats"])), abs=1e-3)
    assert whole[1]["unknown"] == 2
    assert whole[1]["nats"] is None
    assert command("score", folder.path, text).out.count("\n") == 1
    assert "399 symbols: 2 unknown ('Ж'), the others " in ran.err
    assert float(ran.err.split("the others ")[1].split()[0]) < 20
    assert command("score", folder.path, text, "--block", 350).out.splitlines()[1].endswith("\t2 unknown")
    for options, sentence in (
        (("--summary",), "--summary is for lists"),
        (("--fpr", 0.1), "--fpr is for lists"),
        (("--json",), "--json is for lists"),
        (("--block", 0), "block cannot be 0"),
    ):
        assert sentence in command("score", folder.path, text, *options).sentence
    assert "learnt a stream" in command("rank", folder.path, text).sentence
    empty = tmp_path / "empty.txt"
    empty.touch()
    assert command("score", folder.path, empty).code == 0


def test_sound(command: Command, tmp_path: Path) -> None:
    from tests.streams import RATE, SOUND, voices

    from wavetree.api import begin
    from wavetree.config import configure

    folder = begin(voices(tmp_path / "voices"), tmp_path / "run", configure("audio", [*SOUND, "train.steps=4"]))
    train(folder)
    clip = tmp_path / "clip.wav"
    write_wav(clip, tone(0.5), RATE)
    found = rows(command("score", folder.path, clip, "--json-lines", "--block", 1000).out)
    assert [row["seconds"] for row in found] == [[0, 0.25], [0.25, 0.5]]
    (whole,) = rows(command("score", folder.path, clip, "--json-lines").out)
    assert sum(float(str(row["nats"])) for row in found) == pytest.approx(float(str(whole["nats"])), rel=1e-5)
    assert len(command("score", folder.path, clip).out.splitlines()[0].split("\t")) == 6
    assert "name it" in command("score", folder.path, "-").sentence
    text = tmp_path / "text.txt"
    text.write_text("hello")
    assert command("score", folder.path, text).code == 2


def test_a_model_for_scoring_is_small(tmp_path: Path) -> None:
    """What the help of `score` says: less than 1 MB, and 311 KB for preset lecture."""
    import wavetree

    names = wavetree.embedded_names().items
    wavetree.fit(names, tmp_path / "run", preset="lecture", settings={"train.steps": 1, "train.checks": 1})
    best = (tmp_path / "run/best").read_text().strip()
    model = tmp_path / "run/checkpoints" / best / "model.safetensors"
    assert round(model.stat().st_size / 1000) == 311
    assert model.stat().st_size + (tmp_path / "run/calibration.json").stat().st_size < 1_000_000
