"""scripts/make_speech.py lets espeak-ng read a text aloud, a folder of clips for each voice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wavetree.data.audio import median_pitch, read_audio

pytestmark = pytest.mark.checkout

WORDS = "The river that we followed to the sea was wide, and slow, and almost without a sound."
TEXT = " ".join(f"{WORDS} That was day {day} of our journey to the south." for day in range(1, 40))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text(TEXT, "utf-8")
    return tmp_path / "text.txt"


def make(checkout: Path, *arguments: object, path: str | None = None) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, str(checkout / "scripts" / "make_speech.py"), *map(str, arguments)]
    environment = os.environ if path is None else os.environ | {"PATH": path}
    return subprocess.run(call, capture_output=True, text=True, check=False, env=environment)


def test_two_voices_read_different_clips_of_the_length_that_is_said(checkout: Path, text: Path, tmp_path: Path) -> None:
    out = tmp_path / "speech"
    done = make(checkout, text, out, "--minutes", 1)
    assert done.returncode == 0, done.stderr
    clips = {voice: [read_audio(path) for path in sorted((out / voice).glob("*.wav"))] for voice in ("low", "high")}
    seconds = [len(clip.samples) / clip.rate for voice in clips.values() for clip in voice]
    assert all(8 <= length <= 15 for length in seconds)
    assert 60 <= sum(seconds) < 60 + 15
    assert len({path.read_bytes() for path in out.rglob("*.wav")}) == len(seconds)
    low, high = (
        [float(median_pitch(clip.samples, clip.rate) or np.nan) for clip in clips[voice]] for voice in ("low", "high")
    )
    assert max(low) * 1.5 < min(high)


def test_the_same_text_makes_the_same_bytes(checkout: Path, text: Path, tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        assert make(checkout, text, tmp_path / name, "--minutes", 0.3, "--voices", "anna=en-gb").returncode == 0
        made.append({path.name: path.read_bytes() for path in (tmp_path / name / "anna").iterdir()})
    assert made[0] == made[1] != {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--minutes", "600"], "fewer --minutes"),
        (["--minutes", "-1"], "--minutes cannot be -1."),
        (["--voices", "anna"], "'anna' is no voice. Write it as low=en-us+m3:30."),
        (["--voices", "anna=en", "anna=en-gb"], "Two voices have the same name."),
        (["--voices", "anna=klingon-of-the-north"], "could not speak as klingon-of-the-north"),
    ],
)
def test_what_does_not_fit_is_a_sentence(
    checkout: Path, text: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = make(checkout, text, tmp_path / "speech", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_bad_places_are_sentences(checkout: Path, text: Path, tmp_path: Path) -> None:
    assert "is there already" in make(checkout, text, tmp_path).stderr
    assert "cannot be read" in make(checkout, tmp_path / "none.txt", tmp_path / "speech").stderr


def test_without_espeak_it_says_how_to_get_it(checkout: Path, text: Path, tmp_path: Path) -> None:
    done = make(checkout, text, tmp_path / "speech", path=str(tmp_path))
    assert done.returncode == 1
    assert "apt-get install espeak-ng" in done.stderr
    assert not (tmp_path / "speech").exists()
