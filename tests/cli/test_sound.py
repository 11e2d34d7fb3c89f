"""The command and sound: learnt, gone on with, measured, and every way in which a file can be wrong."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.cli.conftest import Command
from tests.data.wav_files import wav
from tests.report.test_page import stands_alone
from tests.streams import RATE, SOUND, tone, voices

from wavetree.cli import main, sounding
from wavetree.data.audio import read_audio, write_wav
from wavetree.report import sound

SETTINGS = ["--preset", "audio-small", *(word for change in SOUND for word in ("--set", change)), "--steps", "12"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return voices(tmp_path_factory.mktemp("sound") / "voices")


@pytest.fixture(scope="module")
def run(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "voices"
    assert main(["train", str(clips), "--fields", "voice", "--out", str(path), *SETTINGS]) == 0
    return path


def test_it_says_what_it_learns(command: Command, clips: Path, tmp_path: Path) -> None:
    ran = command("train", clips, "--fields", "voice", "--out", tmp_path / "run", *SETTINGS)
    assert ran.code == 0
    for said in ("8 files", "at 4,000 Hz", "Split by files", "voice: anna (4 files), bert (4 files)"):
        assert said in " ".join(ran.err.split())
    assert re.search(r"sees 15 samples, 3\.\d ms", ran.err)  # 2 x (1 + 2 + 4) + 1 samples
    assert re.search(r"samples/s, [\d.,]+x real time", ran.err)
    assert "sample " in ran.err.splitlines()[-1]
    assert ran.err.splitlines()[-1].endswith("--out sound.wav")


def test_the_report_is_seen_and_heard(run: Path) -> None:
    document = (run / "report.html").read_text("utf-8")
    assert stands_alone(re.sub(r"data:(image/png|audio/wav);base64,[\w+/=\s]*", "data:,", document))
    assert document.count("<audio ") == document.count("data:image/png") == 3
    assert document.count("<svg ") == 5
    assert ">prompt </text>" in document or "prompt" in document
    for said in ("What it sounds like", "Made from nothing", "times as fast as it sounds", "3.8 ms"):
        assert said in document
    assert len(document) < 1_000_000


def test_a_spectrogram_shows_the_pitch() -> None:
    at = np.arange(8000) / 8000
    levels = sound.spectrogram(np.sin(2 * np.pi * 1000 * at).astype(np.float32), 8000)
    assert levels.shape[1] <= sound.FRAMES + 1
    peak = levels[:, levels.shape[1] // 2].argmax() / (levels.shape[0] - 1) * 4000
    assert peak == pytest.approx(1000, abs=20)
    assert levels.max() <= 0
    assert np.isfinite(sound.spectrogram(np.zeros(50, dtype=np.float32), 8000)).all()
    _, low, high = sound.envelope(np.array([0.1, -0.2, 0.3], dtype=np.float32), 8000)
    assert (low.tolist(), high.tolist()) == (pytest.approx([0.1, -0.2, 0.3]), pytest.approx([0.1, -0.2, 0.3]))


def test_sound_is_written_as_it_is_made(command: Command, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "made.wav"
    ran = command("sample", run, "--seconds", 0.1, "--out", out, "--condition", "voice=anna")
    assert ran.code == 0
    assert ran.out == ""
    assert re.search(r"made\.wav: 0\.1 s of sound, made in .* s by the compiled engine: [\d.]+x real time", ran.err)
    clip = read_audio(out)
    assert (clip.rate, len(clip.samples)) == (RATE, RATE // 10)
    document = command("sample", run, "--seconds", 0.1, "--out", tmp_path / "b.wav", "--json").document
    assert (document["samples"], document["rate"], document["seconds"]) == (RATE // 10, RATE, 0.1)
    assert document["realtime"] > 0
    assert not np.array_equal(read_audio(tmp_path / "b.wav").samples, clip.samples)  # it was told nothing
    command("sample", run, "--seconds", 0.1, "--out", tmp_path / "c.wav", "--condition", "voice=anna")
    assert np.array_equal(read_audio(tmp_path / "c.wav").samples, clip.samples)


def test_a_prompt_comes_first(command: Command, run: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "start.wav", tone(0.05), RATE)
    ran = command("sample", run, "--seconds", 0.1, "--prompt", tmp_path / "start.wav", "--out", tmp_path / "made.wav")
    assert ran.code == 0
    assert "after 0.1 s of prompt" in ran.err or "after 0.0 s of prompt" in ran.err
    made, start = (read_audio(tmp_path / name).samples for name in ("made.wav", "start.wav"))
    assert len(made) == len(start) + RATE // 10
    assert np.abs(made[: len(start)] - start).max() < 1e-4
    again = tmp_path / "again.wav"
    assert command("sample", run, "--seconds", 0.1, "--out", again).code == 0
    assert not np.array_equal(made[len(start) :], read_audio(again).samples)


def test_into_a_pipe(run: Path) -> None:
    argv = [sys.executable, "-m", "wavetree", "sample", str(run), "--seconds", "0.05", "--out", "-"]
    done = subprocess.run(argv, capture_output=True, check=True)
    assert done.stdout[:4] == b"RIFF"
    assert len(done.stdout) == 44 + 2 * RATE // 20
    assert b"real time" in done.stderr


def test_playing(command: Command, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounding.shutil, "which", lambda name: None)
    assert "nothing here to --play with" in command("sample", run, "--seconds", 0.05, "--play").sentence
    heard: list[list[str]] = []

    def listen(argv: list[str], check: bool) -> None:
        assert Path(argv[-1]).read_bytes()[:4] == b"RIFF"
        heard.append(argv)

    monkeypatch.setattr(sounding.shutil, "which", lambda name: f"/bin/{name}" if name == "ffplay" else None)
    monkeypatch.setattr(sounding.subprocess, "run", listen)
    assert command("sample", run, "--seconds", 0.05, "--play").code == 0
    assert heard[0][0] == "/bin/ffplay"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give --out sound.wav"),
        (["--out", "-", "--json"], "--out - and --json both go to standard output"),
        (["--out", "--novel"], "--out needs a file before --novel"),
        (["--out", "x.wav", "--seconds", 0], "seconds cannot be 0"),
        (["--out", "x.wav", "--seconds", "nan"], "seconds cannot be nan"),
        (["--out", "x.wav", "--length", 9], "--length is for running text: say --seconds"),
        (["--out", "x.wav", "--prefix", "a"], "--prefix is for lists: say --prompt start.wav"),
        (["--out", "x.wav", "-n", 2], "-n is for lists and text: say --seed"),
        (["--out", "x.wav", "--condition", "voice=carl"], "the field voice has no class 'carl'"),
        (["--out", "x.wav", "--condition", "sex=F"], "there is no field 'sex'"),
        (["--out", "x.wav", "--prompt", "none.wav"], "there is no file none.wav"),
        (["--out", "x.wav", "--prompt", "text.txt"], "is no WAV file"),
        (
            ["--out", "x.wav", "--prompt", "fast.wav"],
            "the prompt fast.wav has 8,000 samples a second, and the run 4,000",
        ),
        (["--out", "fast.wav", "--prompt", "fast.wav"], "would replace the prompt"),
        (["--out", "nowhere/x.wav"], "could not write nowhere/x.wav"),
    ],
)
def test_bad_choices(
    command: Command, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[object], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_wav("fast.wav", tone(0.05, rate=8000), 8000)
    Path("text.txt").write_text("to be or not to be")
    ran = command("sample", run, *options)
    assert ran.code == 2
    assert said in ran.sentence
    assert not Path("x.wav").exists()


def test_losses_and_laws(command: Command, run: Path) -> None:
    ran = command("evaluate", run)
    head, *rows = (line.split() for line in ran.out.splitlines())
    assert head[-1] == "seconds"
    assert "items" not in head
    assert [row[0] for row in rows] == ["train", "validation", "test"]
    document = command("evaluate", run, "--json").document
    assert document["train"]["seconds"] == pytest.approx(document["train"]["symbols"] / RATE)
    assert command("inspect", run).code == 0
    assert "is a run of samples" in command("inspect", run, "a").sentence
    assert command("verify", run).code == 0


def test_data_of_sound(command: Command, clips: Path) -> None:
    ran = command("data", clips, "--fields", "voice")
    assert ran.code == 0
    for said in ("8 files", "Split by files", "voice: anna (4 files)", "at 16,000 Hz"):
        assert said in ran.out
    assert command("data", clips / "anna" / "0.wav", "--json").document["kind"] == "audio"
    assert "at 8,000 Hz" in command("data", clips, "--preset", "audio-small").out


FINE = wav(tone(0.3), rate=RATE)
BAD_SOUNDS = {
    "no WAV": (b"MThd\x00\x00\x00\x06" * 9, "is no WAV file"),
    "empty": (b"", "is empty"),
    "truncated": (FINE[:-100], "is truncated"),
    "no samples": (wav(np.zeros(0), rate=RATE), "holds no samples"),
    "seven channels": (wav(np.zeros((99, 7)), rate=RATE), "7 channels; one or two can be read"),
}


@pytest.mark.parametrize("kind", BAD_SOUNDS)
def test_a_bad_sound(command: Command, clips: Path, tmp_path: Path, kind: str) -> None:
    content, said = BAD_SOUNDS[kind]
    path = tmp_path / "clip.wav"
    path.write_bytes(content)
    for call in (["train", clips, path, "--out", tmp_path / "run", *SETTINGS], ["data", path]):
        ran = command(*call)
        assert ran.code == 2
        assert str(path) in ran.sentence
        assert said in ran.sentence
    assert not (tmp_path / "run").exists()


def test_odd_sounds_are_learnt_and_said(command: Command, clips: Path, tmp_path: Path) -> None:
    """Shorter than the receptive field, at 96 kHz, clipped, silent: none is dropped."""
    pytest.importorskip("soxr")
    (tmp_path / "short.wav").write_bytes(wav(tone(5 / RATE), rate=RATE))
    (tmp_path / "fast.wav").write_bytes(wav(tone(0.2, rate=96_000), rate=96_000))
    (tmp_path / "loud.wav").write_bytes(wav(np.clip(9 * tone(0.2), -1, 1), rate=RATE))
    (tmp_path / "still.wav").write_bytes(wav(np.zeros(900), rate=RATE))
    ran = command("train", clips, tmp_path, "--out", tmp_path / "run", *SETTINGS)
    assert ran.code == 0
    said = "".join(ran.err.split())  # a long path is cut where the line ends, in the middle of a word
    assert "12files" in said
    assert "1fileshorterthanthe15samplesthatapredictionsees" in said
    assert "loud.wavisclipped" in said
    assert "still.wavissilentfrombeginningtoend" in said
    assert "couldnotbewritten" not in said
    lines = [json.loads(line) for line in io.StringIO((tmp_path / "run" / "metrics.jsonl").read_text())]
    assert len(lines) > 2
