"""Words and units that several verbs share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wavetree.cli.output import number

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
