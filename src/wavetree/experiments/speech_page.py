"""What a bench of speech made, to be seen and heard: a page with recordings beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wavetree.data.audio import Samples
from wavetree.experiments.voices import Pitches
from wavetree.report.page import charts, heading, page, paragraph, table
from wavetree.report.sound import picture, player


@dataclass(frozen=True)
class Sounds:
    """What was made, and a recording to hold it to.

    `first` is one clip of each voice; `recorded` a clip of `voice` that was not learnt from, and `continued` what its
    first `prompt` samples go on as. `paces`: for each clip how many times faster it was made than it sounds.
    """

    voices: list[Pitches]
    first: dict[str, Samples]
    paces: list[float]
    prompt_pace: float
    voice: str
    recorded: Samples
    continued: Samples
    prompt: int
    rate: int


def speech_page(figures: Mapping[str, Any], sounds: Sounds) -> str:
    """The page, which stands alone."""
    shown: list[tuple[str, Samples, int | None]] = [
        (f"Recorded: {sounds.voice}, not learnt from.", sounds.recorded, None),
        *((f"Made from nothing, told {voice}.", sound, None) for voice, sound in sounds.first.items()),
        ("The beginning of the first and, after the mark, what was made of it.", sounds.continued, sounds.prompt),
    ]
    return page(
        f"wavetree: speech, {figures['data']}",
        [
            paragraph(
                f"{figures['seconds']:,.0f} s of training. Validation {figures['val_nll']:.4f} nats a sample; a 3-gram "
                f"of the same codes {figures['trigram_nll']:.4f}, a 2-gram {figures['bigram_nll']:.4f}. Sound is made "
                f"{figures['realtime']:.1f} times as fast as it is heard, on one core."
            ),
            charts(
                (picture(wave, sounds.rate, mark) + player(wave, sounds.rate), words) for words, wave, mark in shown
            ),
            heading("Pitch"),
            table(["voice", ">recorded, Hz", ">made, Hz"], [_row(row) for row in figures["voices"]]),
            paragraph(_verdict(figures)),
        ],
    )


def _row(voice: Mapping[str, Any]) -> list[str]:
    return [voice["voice"], *("none" if hz is None else f"{hz:.0f}" for hz in (voice["recorded_hz"], voice["made_hz"]))]


def _verdict(figures: Mapping[str, Any]) -> str:
    if figures["p_value"] is None:
        return "Of one voice or both no clip has a pitch."
    who = f"{figures['lower']} and {figures['higher']}"
    test = f"rank-sum test, one-sided, p = {figures['p_value']:.2g}"
    if not figures["told_apart"]:
        return f"{who} are not told apart by the median pitch of their clips: {test}."
    sides = "and" if figures["on_their_sides"] else "though not"
    between = f"on the two sides of {figures['between_hz']:.0f} Hz, the middle between the recorded ones"
    return f"{who} are told apart by the median pitch of their clips, {sides} {between}: {test}."
