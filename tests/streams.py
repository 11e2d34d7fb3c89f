"""Small texts and sounds for the tests, and the runs that learn them in a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from wavetree.api import begin
from wavetree.config import configure
from wavetree.data.audio import write_wav
from wavetree.data.corpus import Corpus, CorpusSettings, open_corpus
from wavetree.runs import RunFolder

RATE = 4000
TINY = ("model.channels=8", "model.hidden=8", "model.skip=8", "train.threads=1", "train.checks=2")
TEXT = (*TINY, "model.levels=3", "model.dropout=0.2", "train.rows=4", "train.length=24", "train.steps=24")
SOUND = (*TINY, f"data.rate={RATE}", "model.stacks=2", "model.levels=3", "train.rows=2", "train.length=64")


def verses(lines: int = 120, seed: int = 3) -> str:
    """Lines of made-up words, easy to learn."""
    draw = np.random.default_rng(seed)
    words = ["kanai", "to", "be", "or", "not", "mellon", "a", "river"]
    return "".join(" ".join(draw.choice(words, draw.integers(3, 7))) + "\n" for _ in range(lines))


def corpus_of(folder: Path, *texts: str) -> Corpus:
    """Texts as a corpus, a file each, in the order given."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        (folder / f"{number:03d}.txt").write_bytes(text.encode())
    return open_corpus([folder], CorpusSettings("text"), cache=folder / "cache")


def tone(seconds: float, pitch: float = 220.0, rate: int = RATE) -> npt.NDArray[np.float64]:
    """A tone that fades, with overtones."""
    at = np.arange(round(seconds * rate)) / rate
    wave = sum(np.sin(2 * np.pi * pitch * k * at) / k for k in (1, 2, 3))
    faded: npt.NDArray[np.float64] = 0.3 * wave * np.exp(-at)
    return faded


def voices(folder: Path, clips: int = 4, seconds: float = 0.4) -> Path:
    """A folder for each of two voices, with clips that differ."""
    for voice, pitch in (("anna", 330.0), ("bert", 110.0)):
        (folder / voice).mkdir(parents=True)
        for number in range(clips):
            write_wav(folder / voice / f"{number}.wav", tone(seconds + 0.05 * number, pitch + number), RATE)
    return folder


def text_run(path: Path, *changes: str, text: str | None = None) -> RunFolder:
    """A run that is ready to learn a text, which lies beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_suffix(".txt")
    if not file.exists():
        file.write_text(verses() if text is None else text, "utf-8")
    return begin(file, path, configure("text", [*TEXT, *changes]))
