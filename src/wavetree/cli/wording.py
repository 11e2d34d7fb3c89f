"""Words and units that several verbs share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wavetree.cli.output import number, visible
from wavetree.errors import InputError

if TYPE_CHECKING:
    from wavetree.codecs import Codec

BITS = 1 / math.log(2)
"""Bits in a nat."""


SPACE_SHOWN = "␣"


def shown(symbols: str) -> str:
    """The symbols with spaces that can be seen."""
    return symbols.replace(" ", SPACE_SHOWN)


def plural(count: int, thing: str) -> str:
    """`1 item`, `1,204 items`."""
    return f"{number(count)} {thing}{'' if count == 1 else 's'}"


def seen(receptive_field: int, codec: Codec) -> str:
    """What a prediction sees, in symbols, and of sound in milliseconds too."""
    from wavetree.codecs import MuLawCodec

    told = plural(receptive_field, codec.unit)
    return f"{told}, {1000 * receptive_field / codec.rate:,.1f} ms" if isinstance(codec, MuLawCodec) else told


def speed(symbols: float, codec: Codec) -> str:
    """So many symbols a second; of sound also how many times faster than it sounds."""
    from wavetree.codecs import MuLawCodec

    told = f"{number(symbols)} {codec.unit}s/s"
    return f"{told}, {number(symbols / codec.rate, 1)}x real time" if isinstance(codec, MuLawCodec) else told


LINE_END_SHOWN = "↵"


def one_line(text: str, most: int = 100) -> str:
    """A passage in one line: its line ends shown, cut after `most` symbols, nothing in it that steers a terminal."""
    return visible(text[:most].replace("\n", LINE_END_SHOWN)) + (" ..." if len(text) > most else "")


KINDS = {"items": "a list", "text": "running text", "bytes": "running text", "audio": "sound"}


def refuse_misfits(files: Sequence[Path], kind: str) -> None:
    """Raises InputError where what was given is, by its name, of another kind than what is learnt."""
    from wavetree.data.corpus.sources import SUFFIXES

    of_sound = [file for file in files if file.suffix.lower() in SUFFIXES["audio"]]
    if of_sound and kind != "audio":
        raise InputError(f"{of_sound[0]} is sound: add --preset audio-small, or audio.")
    if kind == "audio":
        for file in files:
            if file.suffix.lower() in SUFFIXES["text"]:
                raise InputError(f"{file} is text, and no sound: add --preset text, or leave it out.")
    if kind == "items":
        if len(files) > 1:
            raise InputError(
                f"{len(files)} files were given, and a list is one file: put them into one; or, if they are running "
                "text, add --preset text."
            )
        if files and files[0].is_dir():
            raise InputError(
                f"{files[0]} is a folder, and a list is a file: name the file; or, if the folder holds running text or "
                "sound, add --preset text or --preset audio-small."
            )
    elif not files:
        raise InputError(f"no file was given to learn {KINDS[kind]} from: name files, or folders that hold them.")


def has_settings(path: Path) -> bool:
    """Whether a folder has the settings of a run in it: it is one, or was meant to be."""
    return (path / "config.json").is_file()


def leak_warning(train: Sequence[str], held_out: Sequence[str]) -> str:
    """What to know before believing a loss on validation items that are in `train` too; nothing if none are."""
    known = set(train)
    leaked = sum(item in known for item in held_out)
    if not leaked:
        return ""
    share = leaked / len(held_out)
    return (
        f"warning: {number(leaked)} of {number(len(held_out))} validation items ({share:.1%}) are in train too, "
        "so the validation loss flatters the model. --split hash leaks none."
    )
