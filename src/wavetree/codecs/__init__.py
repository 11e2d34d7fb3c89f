"""Symbols to ids and back. Nothing here imports torch."""

from wavetree.codecs.alphabet import PAD, AlphabetCodec

__all__ = ["PAD", "AlphabetCodec"]
