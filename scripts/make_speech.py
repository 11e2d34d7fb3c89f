"""Makes speech to learn from: espeak-ng reads a text aloud, and each voice has a folder of clips of 8 to 15 seconds.

    python scripts/make_speech.py book.txt speech                                          # ten minutes, two voices
    python scripts/make_speech.py book.txt speech --minutes 30 --voices anna=en-gb+f2:60 bert=en-gb+m3:40

A voice is NAME=VOICE or NAME=VOICE:PITCH; `espeak-ng --voices` and `espeak-ng --voices=variant` list them, and the
pitch is 0 to 99. The voices take turns, and no two clips read the same part of the text. From the same text the
same espeak-ng makes the same bytes. Take a text that you may use, such as one whose author died long ago.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import textwrap
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

VOICES = ("low=en-us+m3:30", "high=en-us+f3:70")
SECONDS = (8.0, 15.0)
"""Of a clip, from and to."""
LEAST = 165
"""Characters of a clip: about nine seconds, at the 18 characters a second that espeak-ng reads unasked."""
PHRASE = 60
"""Characters of the longest piece that a sentence is cut into: what a clip may have beyond LEAST."""


class Voice(NamedTuple):
    """What a folder is called, and who speaks in it, how high (0 to 99)."""

    name: str
    voice: str
    pitch: int


def main(arguments: list[str]) -> None:
    """Writes OUT/NAME/0001.wav and so on, and says what there is."""
    text, out, minutes, voices = asked(arguments)
    program = shutil.which("espeak-ng")
    if program is None:
        sys.exit("espeak-ng is not installed. On Debian or Ubuntu: `apt-get install espeak-ng`.")
    spoken = dict.fromkeys(voices, 0.0)
    clips = 0
    for voice in voices:
        (out / voice.name).mkdir(parents=True)
    for passage in passages(text):
        if sum(spoken.values()) >= 60 * minutes:
            break
        voice = min(spoken, key=lambda each: spoken[each])  # who has spoken least
        place = out / voice.name / f"{clips + 1:04d}.wav"
        seconds = speak(program, passage, voice, place)
        if SECONDS[0] <= seconds <= SECONDS[1]:
            spoken[voice] += seconds
            clips += 1
        else:  # many figures, or none of the letters that are read
            place.unlink()
    for voice, seconds in spoken.items():
        print(f"{out / voice.name}: {seconds / 60:.1f} minutes of {voice.voice}, pitch {voice.pitch}")
    if sum(spoken.values()) < 60 * minutes:
        sys.exit(
            f"The text is at its end, and {minutes:g} minutes are not full. Give a longer one, or fewer --minutes."
        )


def asked(arguments: list[str]) -> tuple[str, Path, float, list[Voice]]:
    """What the command says; ends with a sentence where that does not fit."""
    parser = argparse.ArgumentParser(description="Let espeak-ng read a text aloud, a folder of clips for each voice.")
    parser.add_argument("text", type=Path, help="a text file, UTF-8, that you may use")
    parser.add_argument("out", type=Path, help="the folder to make")
    parser.add_argument("--minutes", type=float, default=10.0, help="of all voices together (10)")
    parser.add_argument("--voices", nargs="+", default=VOICES, metavar="NAME=VOICE:PITCH", help=" ".join(VOICES))
    given = parser.parse_args(arguments)
    voices = []
    for each in given.voices:
        parts = re.fullmatch(r"(\w[\w-]*)=([\w+-]+)(?::(\d\d?))?", each)
        if parts is None:
            sys.exit(f"{each!r} is no voice. Write it as {VOICES[0]}.")
        voices.append(Voice(parts[1], parts[2], int(parts[3] or 50)))
    if len({voice.name for voice in voices}) < len(voices):
        sys.exit("Two voices have the same name. Give each its own.")
    if not 0 < given.minutes <= 10_000:
        sys.exit(f"--minutes cannot be {given.minutes:g}.")
    if given.out.exists():
        sys.exit(f"{given.out} is there already. Name a folder that is not.")
    try:
        text = given.text.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"{given.text} cannot be read: {error}. Give a text file, UTF-8.")
    return text, given.out, given.minutes, voices


def passages(text: str) -> Iterator[str]:
    """The text, in order, in pieces for a clip each, which end with a sentence or within a long one."""
    passage = ""
    for sentence in re.split(r"(?<=[.!?:;])\s+", " ".join(text.split())):
        for phrase in textwrap.wrap(sentence, PHRASE):
            passage = f"{passage} {phrase}".strip()
            if len(passage) >= LEAST:
                yield passage
                passage = ""


def speak(program: str, passage: str, voice: Voice, place: Path) -> float:
    """Writes a clip, and gives its seconds."""
    call = [program, "-v", voice.voice, "-p", str(voice.pitch), "-w", str(place), "--stdin"]
    done = subprocess.run(call, input=passage, text=True, capture_output=True, check=False)
    if done.returncode or not place.is_file():
        sys.exit(f"espeak-ng could not speak as {voice.voice}: {done.stderr.strip().rstrip('.') or 'no sound came'}.")
    with wave.open(str(place)) as sound:
        seconds: float = sound.getnframes() / sound.getframerate()
    return seconds


if __name__ == "__main__":
    main(sys.argv[1:])
