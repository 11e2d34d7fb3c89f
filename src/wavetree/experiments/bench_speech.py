"""`wavetree bench speech`: recordings of voices, learnt for a given time; what is lost, and what is made."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wavetree.config import configure
from wavetree.data.audio import write_wav
from wavetree.data.corpus import Corpus, Stream, open_corpus, split_stream
from wavetree.errors import InputError
from wavetree.evaluate import exact_loss
from wavetree.experiments.machine import using_threads
from wavetree.experiments.speech_page import Sounds, speech_page
from wavetree.experiments.stream_ngrams import best_ngram, stream_counts
from wavetree.experiments.voices import (
    Pitches,
    codec_of,
    known,
    made,
    median,
    recorded_pitches,
    speak,
    told_apart,
)
from wavetree.models.contract import Ids
from wavetree.report import machine_stamp, report_run
from wavetree.runs import Trained, corpus_settings, load, refuse_taken, sides_of
from wavetree.runs.checkpoint import write_file
from wavetree.train import Check, Watch, start_stream, train

PRESET = "audio-small"
SECONDS = 5.0
"""Of each clip that is made."""
PROMPT_SECONDS = 1.0
CLIPS = 8
"""That are made of each voice: if all of one are higher than all of the other, chance would do that once in 12,870."""
BITS = 1 / math.log(2)
"""Bits in a nat."""
PAGE, FIGURES = "speech.html", "speech.json"


def bench_speech(
    folder: Path,
    seconds: float,
    seed: int,
    say: Callable[[str], None],
    out: Path,
    changes: Sequence[str] = (),
    clips: int = CLIPS,
) -> dict[str, Any]:
    """Trains on a folder with a folder of clips for each voice, split by file; all that comes of it lies in `out`.

    `val_nll` is the exact loss over the whole validation side, and `margin` how far it is below that of a Kneser-Ney
    3-gram of the same codes, counted on the train side and judged at the same positions. `realtime` is how much faster
    than it sounds a clip is made, on one core. Raises InputError for a folder without two voices, RunError for an `out`
    that has a run already.
    """
    config = configure(PRESET, ["data.fields=voice", f"train.seconds={seconds}", f"train.seed={seed}", *changes])
    place = out / "run"
    refuse_taken(place, False)
    corpus = open_corpus([folder], corpus_settings(config.data), config.data.fields)
    refuse_one_voice(corpus, folder)
    along: list[Check] = []

    def seen(check: Check) -> None:
        along.append(check)
        say(f"{check.seconds:,.0f} s   step {check.step:,}   validation {check.val_nll:.4f}")

    run = start_stream(corpus, [folder], place, config)
    summary = train(run, Watch(check=seen))
    if complaint := report_run(run, summary):
        say(complaint)
    trained, sides, settings = load(place), sides_of(run), run.config()
    assert isinstance(sides.train, Stream)
    assert isinstance(sides.validation, Stream)
    validation = exact_loss(trained.model, sides.validation)
    say(f"validation, all of it: {validation.mean:.4f} nats a sample")
    grams = _ngrams(sides.train, sides.validation)
    say(f"3-gram: {grams['trigram_nll']:.4f}")
    rate = codec_of(trained).rate
    figures: dict[str, Any] = {
        "name": "speech",
        "machine": machine_stamp(),
        "data": folder.name,
        "preset": PRESET,
        "model": settings.model.model_dump(),
        "train": settings.train.model_dump(),
        "params": summary.params,
        "rate": rate,
        "context": summary.receptive_field,
        "context_ms": 1000 * summary.receptive_field / rate,
        "steps": summary.steps,
        "seconds": summary.seconds,
        "symbols_per_second": summary.symbols_per_second,
        "epochs": summary.symbols_per_second * summary.seconds / sides.train.symbols,
        "train_seconds_of_sound": sides.train.symbols / rate,
        "validation_seconds_of_sound": sides.validation.symbols / rate,
        "train_nll": summary.train_nll,
        "val_nll": validation.mean,
        "val_bits": validation.mean * BITS,
        "val_symbols": validation.symbols,
        **grams,
        "margin": grams["trigram_nll"] - validation.mean,
        "margin_bits": (grams["trigram_nll"] - validation.mean) * BITS,
        "curve": [{"seconds": check.seconds, "step": check.step, "val_nll": check.val_nll} for check in along],
    }
    sounds = _sounds(trained, sides.train, sides.validation, out, seed, clips)
    figures |= _heard(sounds, clips)
    write_file(out / PAGE, speech_page(figures, sounds).encode())
    write_file(out / FIGURES, json.dumps(figures, indent=2).encode())
    say(f"{out / PAGE} shows it")
    return figures


def refuse_one_voice(corpus: Corpus, folder: Path) -> None:
    """Raises InputError where the train side does not have two voices or more."""
    train_side = split_stream(corpus, "files").train
    if len(np.unique(corpus.classes[train_side.pieces, 0])) < 2:
        raise InputError(
            f"{folder} does not hold two voices to learn. Give a folder with a folder of clips for each voice, such as "
            "scripts/make_speech.py makes."
        )


def _ngrams(train_side: Stream, validation: Stream) -> dict[str, float]:
    """The losses of a 3-gram and a 2-gram, in nats a sample, each with its best discount."""
    counts = stream_counts(train_side, 3)
    trigram, discount = best_ngram(counts, validation)
    bigram, _ = best_ngram(counts.sum(0), validation)
    return {
        "bigram_nll": bigram.mean,
        "trigram_nll": trigram.mean,
        "trigram_bits": trigram.mean * BITS,
        "trigram_discount": discount,
    }


def _sounds(trained: Trained, train_side: Stream, validation: Stream, out: Path, seed: int, clips: int) -> Sounds:
    """Clips of every voice, and what follows a prompt, made on one core and written to `out`."""
    codec = codec_of(trained)
    rate, size = codec.rate, round(SECONDS * codec.rate)
    recorded = recorded_pitches(train_side, codec)
    voice, real = _clip(validation, size)
    prompt = real[: min(round(PROMPT_SECONDS * rate), len(real) // 2)]
    with using_threads(1):
        next(made(trained, voice, size, seed))  # the compiled code is made or read here
        takes = {name: [speak(trained, name, size, seed, number) for number in range(clips)] for name in recorded}
        after, prompt_seconds = speak(trained, voice, size, seed, prompt=prompt)
    continued = np.concatenate([codec.decode(prompt), after])
    for name, of_voice in takes.items():
        for number, (sound, _) in enumerate(of_voice, 1):
            write_wav(out / f"{name}-{number}.wav", sound, rate)
    write_wav(out / "recorded.wav", codec.decode(real), rate)
    write_wav(out / "continued.wav", continued, rate)
    return Sounds(
        voices=[
            Pitches(name, recorded[name], [hz for sound, _ in of_voice for hz in known(sound, rate)])
            for name, of_voice in takes.items()
        ],
        first={name: of_voice[0][0] for name, of_voice in takes.items()},
        paces=[SECONDS / spent for of_voice in takes.values() for _, spent in of_voice],
        prompt_pace=SECONDS / prompt_seconds,
        voice=voice,
        recorded=codec.decode(real),
        continued=continued,
        prompt=len(prompt),
        rate=rate,
    )


def _clip(side: Stream, size: int) -> tuple[str, Ids]:
    """The voice of the longest clip of a side, and the ids (T,) of its beginning, `size` at most."""
    span = int(side.lengths.argmax())
    label = side.corpus.pieces[side.pieces[span]].labels[side.corpus.fields.tables[0][0]]
    return label, side.rows(side.firsts[span : span + 1], min(size, int(side.lengths[span])))[0]


def _heard(sounds: Sounds, clips: int) -> dict[str, Any]:
    """The figures of what was made."""
    return {
        "realtime": statistics.median(sounds.paces),
        "realtime_slowest": min(sounds.paces),
        "realtime_with_prompt": sounds.prompt_pace,
        "made_seconds": SECONDS,
        "prompt_seconds": sounds.prompt / sounds.rate,
        **told_apart(sounds.voices),
        "voices": [
            {
                "voice": each.voice,
                "recorded_clips": len(each.recorded),
                "recorded_hz": median(each.recorded),
                "made_clips": clips,
                "with_a_pitch": len(each.made),
                "made_hz": median(each.made),
                "made_least_hz": min(each.made, default=None),
                "made_most_hz": max(each.made, default=None),
            }
            for each in sounds.voices
        ],
    }
