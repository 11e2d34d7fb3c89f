"""The command and running text: learnt, gone on with, measured, looked into; and conditions of a list."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import SMALL, Command
from tests.streams import TEXT, verses

from wavetree.cli import main
from wavetree.cli.wording import one_line
from wavetree.train import loop

SETTINGS = [word for change in TEXT for word in ("--set", change)]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(verses(), "utf-8")
    return path


@pytest.fixture(scope="module")
def run(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "book"
    assert main(["train", str(book), "--preset", "text", "--out", str(path), *SETTINGS]) == 0
    return path


def test_it_says_what_it_learns_and_shows_a_passage(command: Command, book: Path, tmp_path: Path) -> None:
    ran = command("train", book, "--preset", "text", "--out", tmp_path / "run", *SETTINGS)
    assert ran.code == 0
    size = len(book.read_bytes())
    facts = ran.err.split("step ")[0]
    assert facts.count("text") == 1 + facts.count(str(book)) + facts.count("text.")
    for said in (f"1 file, {size:,} bytes: {size:,} symbols", "Split by blocks", "wavenet, ", "sees 8 symbols"):
        assert said in facts
    checks = [line for line in ran.err.splitlines() if line.startswith("step")]
    assert [line.split()[1] for line in checks] == ["12", "24"]
    assert all("↵" in line or len(line) > 60 for line in checks)
    assert "symbols/s" in ran.err
    document = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "could not be written" not in ran.err
    assert "Samples over time" in document


def test_several_files_and_folders(command: Command, book: Path, tmp_path: Path) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "b.txt").write_text(verses(seed=8))
    out = ["--preset", "text", "--out", tmp_path / "run", *SETTINGS, "--steps", 2]
    ran = command("train", book, folder, *out)
    assert ran.code == 0
    assert "2 files" in ran.err


def test_text_goes_on_from_a_prompt(command: Command, run: Path) -> None:
    ran = command("sample", run, "--length", 70, "--prompt", "to be\n", "--seed", 3)
    assert ran.code == 0
    assert ran.out.startswith("to be\n")
    assert len(ran.out) == 6 + 70 + 1
    assert "1 text of 70 symbols, by the compiled engine" in ran.err
    document = command("sample", run, "--length", 70, "--prompt", "to be\n", "--seed", 3, "--json").document
    assert (document["prompt"], document["length"]) == ("to be\n", 70)
    assert ran.out == "to be\n" + document["texts"][0] + "\n"
    several = command("sample", run, "--length", 30, "--prompt", "to be\n", "--seed", 3, "-n", 3, "--json").document
    assert len(set(several["texts"])) == 3
    assert several["texts"][0] == document["texts"][0][:30]
    likeliest = [command("sample", run, "--length", 9, "--temperature", 0, "--seed", seed).out for seed in (1, 2)]
    assert likeliest[0] == likeliest[1]


def test_half_a_thousand_symbols_by_default(command: Command, run: Path) -> None:
    assert len(command("sample", run).out) == 501


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--prefix", "to"], "--prefix is for lists: say --prompt"),
        (["--max-length", 9], "--max-length is for lists: say --length"),
        (["--novel"], "--novel is for lists: leave it out"),
        (["--seconds", 5], "--seconds is for sound: say --length"),
        (["--out", "x.wav"], "--out is for sound: leave it out"),
        (["--prompt", "QUIZ"], "'Q' (character 1 of 'QUIZ')"),
        (["--condition", "sex=F"], "no field 'sex'"),
        (["--length", 0], "ask for 1 or more"),
        (["-n", 0], "ask for 1 or more"),
        (["--top-p", 2], "top-p cannot be 2.0"),
    ],
)
def test_bad_choices(command: Command, run: Path, options: list[object], said: str) -> None:
    ran = command("sample", run, *options)
    assert ran.code == 2
    assert said in ran.sentence


def test_losses_and_the_inside(command: Command, run: Path) -> None:
    ran = command("evaluate", run)
    assert ran.code == 0
    head, *rows = (line.split() for line in ran.out.splitlines())
    assert "items" not in head
    assert [row[0] for row in rows] == ["train", "validation", "test"]
    document = command("evaluate", run, "--json").document
    assert document["validation"]["bits_per_symbol"] == pytest.approx(
        document["validation"]["nats_per_symbol"] / 0.693147
    )
    assert "items" not in document["train"]
    assert command("inspect", run).code == 0
    assert "nats in all" in command("inspect", run, "to be").out
    proof = command("verify", run)
    assert proof.code == 0
    assert "findings hold" in proof.err


def test_bytes_are_never_unknown(command: Command, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(verses().replace("e", "ä"), "utf-8")
    options = ["--preset", "text", "--set", "data.kind=bytes", "--out", tmp_path / "run", *SETTINGS]
    assert command("train", tmp_path / "book.txt", *options).code == 0
    ran = command("sample", tmp_path / "run", "--prompt", "Ω日", "--length", 40)
    assert ran.code == 0
    assert ran.out.startswith("Ω日")
    said = command("inspect", tmp_path / "run", "to be")
    assert said.code == 0 or "is a run of bytes" in said.sentence


def test_a_run_goes_on_with_what_it_was_begun_with(command: Command, book: Path, run: Path, tmp_path: Path) -> None:
    copied = shutil.copy(book, tmp_path / "copy.txt")
    for files in ([], [book], [copied]):
        assert "complete already" in command("train", *files, "--out", run, "--resume", *_as_preset(files)).err
    (tmp_path / "other.txt").write_text(verses(seed=9))
    ran = command("train", tmp_path / "other.txt", "--out", run, "--resume")
    assert ran.code == 2
    assert "other.txt is not what" in ran.sentence


def _as_preset(files: list[object]) -> list[object]:
    return []


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["train", "a.wav"], "a.wav is sound: add --preset audio-small"),
        (["train", "a.wav", "--preset", "text"], "a.wav is sound: add --preset audio-small"),
        (["train", "a.txt", "--preset", "audio"], "a.txt is text, and no sound: add --preset text"),
        (["train", "--preset", "text"], "no file was given to learn running text from"),
        (["train", "--preset", "audio"], "no file was given to learn sound from"),
        (["train", "a.txt", "b.txt"], "if they are running text, add --preset text"),
        (["train", "folder"], "folder is a folder, and a list is a file"),
        (["train", "none.txt", "--preset", "text"], "there is no file or folder none.txt"),
        (["train", "a.txt", "--preset", "text", "--split", "hash"], "text cannot be split by 'hash'"),
        (["data", "a.wav", "--preset", "text"], "a.wav is sound"),
        (["data", "folder"], "holds no"),
    ],
)
def test_what_does_not_fit(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text(verses(4))
    Path("b.txt").write_text("b")
    Path("a.wav").write_bytes(b"RIFF")
    Path("folder").mkdir()
    ran = command(*argv)
    assert ran.code == 2
    assert said in ran.sentence
    assert not Path("runs").exists()


def test_lines_that_are_no_items(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("".join(f"{k} {'to be or not ' * 30}\n" for k in range(80)))
    assert (
        "--preset text learns it as such" in command("train", path, "--out", tmp_path / "r", "--steps", 1, *SMALL).err
    )
    path.write_text("a" * 5000 + "\n")
    assert "--preset text" in command("train", path, "--out", tmp_path / "q").sentence


def test_data_of_a_text(command: Command, book: Path) -> None:
    ran = command("data", book, "--preset", "text")
    assert ran.code == 0
    assert "1 file" in ran.out
    assert "Split by blocks" in ran.out
    assert "Split by tail" in command("data", book, "--preset", "text", "--split", "tail").out
    document = command("data", book, "--preset", "text", "--json").document
    assert document["symbols"] == len(book.read_text())
    assert "Split by blocks" in command("data", book.parent).out  # a folder of texts, found by their names


def test_long_validation_is_measured_in_part(
    command: Command, book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "MEASURED", 100)
    monkeypatch.setattr("wavetree.evaluate.losses.LEAST_ROW", 16)
    ran = command("train", book, "--preset", "text", "--out", tmp_path / "run", *SETTINGS)
    assert ran.code == 0
    whole = command("evaluate", tmp_path / "run", "--json").document["validation"]["symbols"]
    (told,) = [line for line in ran.err.splitlines() if line.startswith("validation over")]
    measured = int(told.split()[2])
    assert 50 < measured < 150 < whole
    assert f"of {whole:,} symbols" in told
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert {(line["measured"], line["held_out"]) for line in lines if "val_nll" in line} == {(measured, whole)}
    assert f"{measured:,} of {whole:,}" in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_a_passage_in_one_line() -> None:
    assert one_line("a\nb\x1b") == "a↵b\\x1b"
    assert one_line("a" * 9, most=4) == "aaaa ..."


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a list whose items have a class."""
    folder = tmp_path_factory.mktemp("told")
    rows = [f"{a}{b}{c}{'a' if k % 2 else 'o'}\t{'FM'[(k + 1) % 2]}" for k, (a, b, c) in enumerate(_triples())]
    (folder / "names.tsv").write_text("\n".join(rows) + "\n")
    argv = [
        "train",
        str(folder / "names.tsv"),
        "--fields",
        "sex",
        "--out",
        str(folder / "run"),
        "--steps",
        "60",
        *SMALL,
    ]
    assert main(argv) == 0
    return folder


def _triples() -> list[tuple[str, str, str]]:
    return [(a, b, c) for a in "bdklmn" for b in "aeiou" for c in "bdklmnrst"]


def test_a_list_with_fields(command: Command, told: Path) -> None:
    assert (
        "sex (2 classes)"
        in command("train", told / "names.tsv", "--fields", "sex", "--out", told / "more", "--steps", 1, *SMALL).err
    )
    assert "sex" in command("data", told / "names.tsv", "--fields", "sex").out
    marked = {
        sex: command("sample", told / "run", "--condition", f"sex={sex}", "-n", 60, "--json").document for sex in "FM"
    }
    assert marked["F"]["condition"] == "sex=F"
    shares = {sex: sum(i["item"].endswith("a") for i in found["items"]) / 60 for sex, found in marked.items()}
    assert shares["F"] > shares["M"] + 0.3
    for condition, said in (("sex=X", "has no class 'X'"), ("age=3", "no field 'age'"), ("F", "names no field")):
        ran = command("sample", told / "run", "--condition", condition)
        assert ran.code == 2
        assert said in ran.sentence
    assert "--prompt is for text and sound: say --prefix" in command("sample", told / "run", "--prompt", "b").sentence
