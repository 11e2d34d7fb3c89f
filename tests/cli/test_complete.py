"""`complete`, `memory`, and the limits of `sample`."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Command
from tests.streams import text_run

from wavetree.runs import load
from wavetree.score import scores
from wavetree.train import train


def test_complete(command: Command, run: Path) -> None:
    found = command("complete", run, "ka", "-n", 5, "--json").document["items"]
    assert len(found) == 5
    assert all(entry["item"].startswith("ka") for entry in found)
    shares = [entry["probability"] for entry in found]
    assert shares == sorted(shares, reverse=True)
    trained = load(run)
    nats = scores(trained.model, trained.alphabet, [entry["item"] for entry in found]).nats
    ratios = np.exp(nats[0] - nats)  # the probability of the prefix is in all of them
    assert np.array(shares) / shares[0] == pytest.approx(ratios, rel=1e-4)
    plain = command("complete", run, "ka", "-n", 5)
    assert [line.split("\t")[0] for line in plain.out.splitlines()] == [entry["item"] for entry in found]
    assert "of all items that begin so" in plain.err
    assert len(command("complete", run, "-n", 3).out.splitlines()) == 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("kä",), "not in the model's alphabet"),
        (("ka", "-n", 0), "ask for 1 or more"),
        (("ka", "--max-length", 1), "max-length is 1"),
        (("ka", "--condition", "a=b"), "no field 'a'"),
    ],
)
def test_what_cannot_be_completed(command: Command, run: Path, options: tuple[object, ...], sentence: str) -> None:
    ran = command("complete", run, *options)
    assert ran.code == 2
    assert sentence in ran.sentence


def test_a_stream_has_no_items(command: Command, tmp_path: Path) -> None:
    folder = text_run(tmp_path / "run", "train.steps=2")
    train(folder)
    for verb, sentence in (("complete", "learnt a stream"), ("memory", "learnt a stream")):
        ran = command(verb, folder.path)
        assert ran.code == 2
        assert sentence in ran.sentence
    assert "is for lists" in command("sample", folder.path, "--pattern", "a").sentence


def test_samples_within_limits(command: Command, run: Path) -> None:
    found = command("sample", run, "-n", 12, "--min-length", 6, "--pattern", "k.*[ai]", "--json").document["items"]
    assert len(found) == 12
    assert all(len(one["item"]) >= 6 and re.fullmatch("k.*[ai]", one["item"]) for one in found)
    both = command("sample", run, "-n", 5, "--pattern", "k.*", "--novel", "--json").document["items"]
    assert {one["mark"] for one in both} == {"new"}
    assert "pattern cannot be '('" in command("sample", run, "--pattern", "(").sentence
    short = command("sample", run, "--min-length", 6, "--max-length", 6)
    assert (short.code, short.sentence.count("max-length 6 cuts every such item")) == (2, 1)
    hopeless = command("sample", run, "--pattern", "[0-9]")
    assert hopeless.code == 1
    assert "none of 20,000 draws" in hopeless.sentence


def test_memory(command: Command, run: Path) -> None:
    found = command("memory", run, "-n", 60, "--json").document
    assert found["drawn"]["items"] == 60
    assert sum(found["drawn"]["distances"].values()) == 60
    assert found["held_out"]["copies"] == 0
    assert found["pairs"][0]["distance"] >= 1
    learnt = set((run / "train.txt").read_text().split())
    held = [(run / f"{side}.txt").read_text().split() for side in ("validation", "test")]
    assert {pair["nearest"] for pair in found["pairs"]} <= learnt
    assert found["held_out"]["items"] >= min(60, sum(map(len, held)))
    plain = command("memory", run, "-n", 60)
    assert "copies" in plain.out
    assert "are copies" in plain.err
