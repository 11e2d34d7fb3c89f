"""Models that look at their last R symbols directly: one function of a window is all that they are."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wavetree.codecs import PAD
from wavetree.models.contract import Ids, SequenceModel
from wavetree.models.share import Share, marked

MOST = 1 << 62
"""Numbers up to this are sure to fit into 64 bits, whatever is added."""


@dataclass(frozen=True)
class Windows:
    """The distinct windows (M, R) of a packed row, and which of them each of its N positions has, (N,)."""

    distinct: Tensor
    chosen: Tensor
    counted: int | None = None
    """How many of the windows a norm counts, the first ones, where others count the rest; None is all."""

    def after(self, position: int) -> Windows:
        """What the positions from this one on need. Counted are the windows that no position before it has."""
        chosen, size = self.chosen.numpy(), len(self.distinct)
        share = Share.of(marked(size, chosen[position:]), marked(size, chosen[:position]))
        places = torch.from_numpy(share.places[chosen[position:]])
        return Windows(self.distinct[torch.from_numpy(share.needed)], places, share.counted)


class HistoryModel(SequenceModel[Tensor, Windows], abc.ABC):
    """Every run from `window` alone; no conditions. The state is the last R symbols, (B, R), or (1, R) for any B."""

    def start(self, given: Tensor | None = None) -> Tensor:
        """Nothing but pad."""
        return torch.full((1, self.receptive_field), PAD, device=self.device)

    def select(self, state: Tensor, keep: Tensor) -> Tensor:
        """The histories of the chosen members of a batch."""
        return state if len(state) == 1 else state.index_select(0, keep)

    def stream(self, ids: Tensor, state: Tensor, given: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Ids (B, T) and a state to logits (B, T, V) and the state after them."""
        batch, time = ids.shape
        field = self.receptive_field
        row = torch.cat([state.expand(batch, -1), ids], dim=1)  # (B, R + T)
        windows = row[:, 1:].unfold(1, field, 1) if time else row.new_empty((batch, 0, field))  # (B, T, R)
        logits = self.window(windows.reshape(-1, field))  # (B T, V)
        return logits.view(batch, time, self.vocab_size), row[:, time:]

    def step(self, ids: Tensor, state: Tensor, given: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Ids (B,) and a state to logits (B, V) and the state after them."""
        after = torch.cat([state.expand(len(ids), -1)[:, 1:], ids[:, None]], dim=1)  # (B, R)
        return self.window(after), after

    def prepare(self, ids: Ids, ages: Ids, groups: Ids | None = None) -> Windows:
        """Every distinct window of a packed row once."""
        back = np.arange(self.receptive_field - 1, -1, -1)  # (R,): how far back each place of a window lies
        where = np.arange(len(ids))[:, None] - np.minimum(back, ages[:, None])  # (N, R): an item begins with pad
        windows = ids[where]
        first, chosen = distinct_rows(windows, self.vocab_size)
        return Windows(torch.from_numpy(windows[first]), torch.from_numpy(chosen))

    def packed(self, prepared: Windows, given: Tensor | None = None) -> Tensor:
        """Every output of a packed row of N symbols: logits (N, V)."""
        return self.window(prepared.distinct).index_select(0, prepared.chosen)


def distinct_rows(rows: Ids, vocab_size: int) -> tuple[Ids, Ids]:
    """Where each distinct row of ids (N, R) first is, (M,), in ascending order of rows; and which one each is, (N,).

    A row is read as one number in base V, place by place; before that outgrows 64 bits, the numbers met so far are
    counted off anew, which keeps their order. (`numpy.unique` over an axis compares bytes, and takes 20 times as long.)
    Numbers are sorted together with their places, which numpy does in half the time of asking where each came from.
    """
    count = max(1, len(rows))
    codes = np.zeros(len(rows), dtype=np.int64)
    bound = 1
    for column in rows.T:
        if bound * vocab_size >= MOST:
            distinct, codes = np.unique(codes, return_inverse=True)
            bound = len(distinct)
        codes = codes * vocab_size + column
        bound *= vocab_size
    if bound * count >= MOST:
        _, first, chosen = np.unique(codes, return_index=True, return_inverse=True)
        return first, chosen
    codes, order = np.divmod(np.sort(codes * count + np.arange(len(rows))), count)
    new = np.diff(codes, prepend=-1) > 0
    chosen = np.empty(len(rows), dtype=np.int64)
    chosen[order] = np.cumsum(new) - 1
    return order[new], chosen
