"""Symbols, bytes or samples to ids and back. Nothing here imports torch."""

from __future__ import annotations

from wavetree.codecs.alphabet import PAD, AlphabetCodec
from wavetree.codecs.bytes import BytesCodec
from wavetree.codecs.mulaw import MAX_RATE, MIN_RATE, MuLawCodec
from wavetree.errors import DamagedError

Codec = AlphabetCodec | BytesCodec | MuLawCodec
"""What `codec.json` may describe. Each says its `unit` and whether the mark is a symbol (`pad_is_symbol`)."""

__all__ = ["MAX_RATE", "MIN_RATE", "PAD", "AlphabetCodec", "BytesCodec", "Codec", "MuLawCodec", "codec_from_json"]


def codec_from_json(document: dict[str, object]) -> Codec:
    """The codec whose `to_json` wrote `document`. Raises DamagedError for anything else."""
    kinds: dict[object, type[AlphabetCodec] | type[BytesCodec] | type[MuLawCodec]] = {
        "alphabet": AlphabetCodec,
        "bytes": BytesCodec,
        "mulaw": MuLawCodec,
    }
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise DamagedError(
            f"codec.json describes a codec of the kind {kind!r}, and there are {', '.join(map(str, kinds))}; copy the "
            "run folder again from its source, or update wavetree."
        )
    return kinds[kind].from_json(document)
