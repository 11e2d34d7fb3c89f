"""The report says what is in a corpus, and what is odd about it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from wavetree.data.audio import write_wav
from wavetree.data.corpus import CorpusReport, CorpusSettings, StreamSide, describe_corpus, open_corpus, split_stream


def report(folder: Path, settings: CorpusSettings, fields: tuple[str, ...] = ()) -> CorpusReport:
    corpus = open_corpus([folder / "given"], settings, fields, cache=folder / "cache")
    return describe_corpus(corpus, split_stream(corpus))


def test_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    for number, text in enumerate(("\ufeffone\r\n" * 100, "two é" * 40, "two é" * 40)):
        (tmp_path / "given" / f"{number}.txt").write_bytes(text.encode())
    made = report(tmp_path, CorpusSettings("text"))
    names = [str(tmp_path / "given" / f"{number}.txt") for number in range(3)]
    assert made.sentences(400) == (
        "2 files, 1,040 bytes: 800 symbols, 10 symbols, '\\n\\r enotwé\\ufeff'.",
        "Split by blocks: 640 train, 80 validation, 80 test.",
        "A byte order mark (U+FEFF) is in the text. It is kept, as a symbol.",
        "CR is in the text, most likely from CRLF line ends. It is kept, as a symbol.",
        f"1 file left out, since another holds the same: {names[2]} is {names[1]}.",
        f"1 file shorter than the 400 symbols that a prediction sees: {names[1]}. "
        "Nothing but silence or pad lies before it.",
    )
    assert made.alphabet == "\n\r enotwé\ufeff"
    assert made.seconds is None
    assert made.train == StreamSide(2, 2, 640)
    assert made.shorter_than(200) == ()
    assert made.shorter_than(601) == (names[1], names[0])
    assert not any("prediction" in text for text in made.sentences())
    assert json.loads(json.dumps(made.to_json()))["duplicates"] == [[names[2], names[1]]]


def test_of_bytes(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "a.txt").write_bytes(b"\r\n" * 50)
    assert report(tmp_path, CorpusSettings("bytes")).sentences() == (
        "1 file, 100 bytes: 100 bytes, 256 bytes (UTF-8).",
        "Split by blocks: 80 train, 10 validation, 10 test.",
    )


def test_of_sound(tmp_path: Path) -> None:
    rate, rng = 8000, np.random.default_rng(0)
    for voice, level in (("anna", 0.1), ("bert", 2.0), ("carl", 0.0)):
        (tmp_path / "given" / voice).mkdir(parents=True)
        write_wav(tmp_path / "given" / voice / "a.wav", level * rng.standard_normal(rate), rate)
    made = report(tmp_path, CorpusSettings("audio", rate), ("speaker",))
    told = made.sentences()
    bert, carl = (tmp_path / "given" / voice / "a.wav" for voice in ("bert", "carl"))
    assert told[:3] == (
        "3 files, 48,132 bytes: 24,000 samples (3.0 s), 256 levels (mu-law) at 8,000 Hz.",
        "Split by files: 1.0 s train (1 file), 1.0 s validation (1 file), 1.0 s test (1 file).",
        "speaker: anna (1 file), bert (1 file), carl (1 file).",
    )
    assert [text.split(" is ")[0] for text in told[3:]] == [str(bert), str(carl)]
    assert "clipped" in told[3]
    assert "silent from beginning to end" in told[4]
    assert made.seconds == 3.0
    assert made.to_json()["seconds"] == 3.0
    assert len(made.shorter_than(8001)) == 3


def test_a_split_that_was_not_asked_for_is_told(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    write_wav(tmp_path / "given" / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(8000), 8000)
    made = report(tmp_path, CorpusSettings("audio", 8000))
    assert made.sentences()[1:] == (
        "Split by blocks: 0.8 s train, 0.1 s validation, 0.1 s test.",
        "1 distinct file cannot be split by file: each is cut into blocks, so that what is held out is more of the "
        "same.",
    )


def test_long_lists_are_cut(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    for number in range(20):
        (tmp_path / "given" / f"{number:02d}.txt").write_text("ten signs!" * (1 + number % 9))
    (_, _, copies, short) = report(tmp_path, CorpusSettings("text")).sentences(50)
    assert copies.endswith("04.txt and 6 more.")
    assert copies.startswith("11 files left out")
    assert short.startswith("4 files shorter than the 50 symbols")
