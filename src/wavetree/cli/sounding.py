"""Sound from a run: into a WAV file as it is made, to standard output, or to whoever listens."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from wavetree.cli.output import content_json, number, say, working
from wavetree.errors import AudioError, SettingError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from wavetree.codecs import MuLawCodec
    from wavetree.generate import Choice
    from wavetree.runs import Trained

PLAYERS = (("aplay", "-q"), ("paplay",), ("ffplay", "-loglevel", "error", "-nodisp", "-autoexit"), ("afplay",))
"""Programs that play a WAV file, with their options: ALSA, PulseAudio, FFmpeg, macOS."""
STDOUT = "-"


def make_sound(
    trained: Trained,
    seconds: float,
    prompt: str | None,
    out: str | None,
    play: bool,
    choice: Choice,
    condition: str,
    seed: int,
    as_json: bool,
) -> None:
    """Makes `seconds` of sound. The prompt, a WAV file, comes first in what is written and played."""
    from wavetree.codecs import MuLawCodec

    assert isinstance(trained.codec, MuLawCodec)
    player = find_player() if play else []
    _refuse_outputs(out, prompt, play, as_json)
    length = _samples(seconds, trained.codec)
    before = None if prompt is None else read_prompt(Path(prompt), trained.codec)
    with tempfile.TemporaryDirectory() as folder:
        target = out or str(Path(folder, "sound.wav"))
        took = _write(trained, length, before, target, choice, condition, seed)
        rate = trained.codec.rate
        pace = length / rate / took
        if as_json:
            content_json(
                {
                    "run": str(trained.folder.path),
                    "seed": seed,
                    "out": out,
                    "prompt": prompt,
                    "prompt_seconds": 0.0 if before is None else len(before) / rate,
                    "seconds": length / rate,
                    "rate": rate,
                    "samples": length,
                    "realtime": pace,
                }
            )
        after = "" if before is None else f", after {number(len(before) / rate, 1)} s of prompt"
        where = "" if out in (None, STDOUT) else f"{out}: "
        made = f"{number(length / rate, 1)} s of sound{after}, made in {number(took, 1)} s by {engine(trained)}"
        say(f"{where}{made}: {real_time(pace)}")
        if player:
            subprocess.run([*player, target], check=False)


def engine(trained: Trained) -> str:
    """What made a text or a sound."""
    from wavetree.generate import has_engine

    return "the compiled engine" if has_engine(trained.model) else "torch"


def real_time(pace: float) -> str:
    """`2.3x real time`."""
    return f"{number(pace, 1 if pace >= 0.1 else 3)}x real time"


def find_player() -> list[str]:
    """A program that plays a WAV file, with its options. Raises SettingError where there is none."""
    for name, *options in PLAYERS:
        if found := shutil.which(name):
            return [found, *options]
    names = ", ".join(name for name, *_ in PLAYERS)
    raise SettingError(f"there is nothing here to --play with: none of {names}. Write a file with --out sound.wav.")


def read_prompt(path: Path, codec: MuLawCodec) -> npt.NDArray[np.float32]:
    """The samples (T,) of a prompt. Raises AudioError for what cannot be read, and for another sample rate."""
    from wavetree.data.audio import read_audio, read_header

    found = read_header(path).rate
    if found != codec.rate:
        raise AudioError(
            f"the prompt {path} has {found:,} samples a second, and the run {codec.rate:,}. Convert it, for instance "
            f"with `ffmpeg -i {path} -ar {codec.rate} prompt.wav`."
        )
    return read_audio(path).samples


def _samples(seconds: float, codec: MuLawCodec) -> int:
    if not (math.isfinite(seconds) and seconds * codec.rate >= 1):
        raise SettingError(f"seconds cannot be {seconds:g}: give a number above 0, such as 5.")
    return round(seconds * codec.rate)


def _refuse_outputs(out: str | None, prompt: str | None, play: bool, as_json: bool) -> None:
    if out is not None and out.startswith("--"):
        raise SettingError(f"--out needs a file before {out}: give --out sound.wav, or --out - for standard output.")
    if out is None and not play:
        raise SettingError("where the sound goes is not said: give --out sound.wav, or --out - for standard output.")
    if out == STDOUT and as_json:
        raise SettingError("--out - and --json both go to standard output: give --out a file.")
    if out == STDOUT and play:
        raise SettingError("--play needs a file to play when the sound goes elsewhere: give --out a file.")
    if out == STDOUT and (sys.stdout is None or sys.stdout.isatty()):
        raise SettingError("a terminal cannot show sound: give --out a file, or send standard output to one.")
    if out is not None and prompt is not None and Path(out).resolve() == Path(prompt).resolve():
        raise SettingError(f"--out would replace the prompt {prompt}: give it another file.")


def _write(
    trained: Trained,
    length: int,
    before: npt.NDArray[np.float32] | None,
    target: str,
    choice: Choice,
    condition: str,
    seed: int,
) -> float:
    """Writes prompt and sound, block by block. The seconds that the sound took."""
    from wavetree.api import stream
    from wavetree.codecs import MuLawCodec
    from wavetree.data.audio import WavWriter

    assert isinstance(trained.codec, MuLawCodec)
    rate = trained.codec.rate
    blocks = stream(
        trained, length, prompt="" if before is None else before, seed=seed, choice=choice, condition=condition
    )
    with WavWriter(target, rate) as file, working("sampling") as tell:
        if before is not None:
            file.add(before)
        begun, made = time.perf_counter(), 0
        for block in blocks:
            file.add(block)
            made += len(block)
            pace = made / rate / (time.perf_counter() - begun)
            tell(f"{number(made / rate, 1)} of {number(length / rate, 1)} s, {real_time(pace)}")
    return time.perf_counter() - begun
