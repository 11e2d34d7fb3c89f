"""Symbols to vectors, and what is known about them besides."""

from __future__ import annotations

from torch import Tensor, nn


class SymbolEmbedding(nn.Embedding):
    """The vector of a symbol, plus, where conditions are given, a linear map of them: one way in for all of them.

    `given` holds G numbers for each symbol: a class is a one in its column (so the map holds one table a field, and
    nothing told is all zeros), and a sequence at a lower rate is repeated to the rate of the symbols. WaveNet (van den
    Oord et al. 2016, section 2.5) adds both in every layer; here they enter once, and every layer finds them in the
    vectors that it fuses.
    """

    def __init__(self, vocab_size: int, channels: int, given_size: int) -> None:
        super().__init__(vocab_size, channels)
        self.given = nn.Linear(given_size, channels, bias=False) if given_size else None

    def forward(self, ids: Tensor, given: Tensor | None = None) -> Tensor:
        """Ids (...) and `given` (..., G), which broadcast, to (..., C). Without `given` nothing is told."""
        vectors: Tensor = super().forward(ids)
        if self.given is None or given is None:
            return vectors
        told: Tensor = self.given(given)
        return vectors + told
