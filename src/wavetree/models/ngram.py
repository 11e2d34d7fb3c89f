"""The n-gram: it counts, and is the control that every neural model has to beat.

Interpolated Kneser-Ney smoothing (Kneser and Ney 1995; Chen and Goodman 1999, section 2.7) with one discount D. For a
context h of k symbols, h' the same without its first one, and c the counts that level works with,

    p(s | h) = max(c(h s) - D, 0) / c(h .)  +  D N(h .) / c(h .)  p(s | h'),        p(s | nothing) from 1 / V,

where N(h .) is how many different symbols follow h. The longest contexts count occurrences; shorter ones count in how
many different contexts, one symbol longer, they were seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import Parameter

from wavetree.config import NgramConfig
from wavetree.models.contract import Ids, Stage
from wavetree.models.history import HistoryModel

Table = npt.NDArray[np.float64]


class Ngram(HistoryModel):
    """Order n predicts from the n - 1 symbols before (order 1, which needs none, still reads one, and ignores it).

    A new one knows nothing, and predicts every symbol alike; `count` teaches it. For each length k of context it keeps
    the contexts that it met, ascending, and the log probabilities (contexts, V) after each. A context of k symbols is
    the number p V + s: s its first symbol, and p the place of the rest among the contexts of k - 1, which met it too.
    So a number is below contexts x V, whatever the order.
    """

    log_probabilities_0: Tensor

    def __init__(self, config: NgramConfig, vocab_size: int) -> None:
        super().__init__()
        self.config, self.vocab_size = config, vocab_size
        for k in range(config.order):
            self.register_buffer(f"contexts_{k}", torch.zeros(1 if k == 0 else 0, dtype=torch.int64))
            uniform = torch.full((1 if k == 0 else 0, vocab_size), -float(np.log(vocab_size)))
            self.register_buffer(f"log_probabilities_{k}", uniform)

    @property
    def receptive_field(self) -> int:
        """R: the order less one, and at least one."""
        return max(1, self.config.order - 1)

    @property
    def matrices(self) -> Mapping[Parameter, int]:
        """There are none: nothing here is trained by gradients."""
        return {}

    @property
    def stages(self) -> list[Stage]:
        """There are none."""
        return []

    def count(self, ids: Ids, targets: Ids, ages: Ids) -> None:
        """Learns from a packed row of whole items (data/packing.py), in place of what it knew."""
        self._learn(symbols_before(ids, ages, self.config.order), targets, np.ones(len(ids), dtype=np.int64))

    def learn(self, grams: Ids, times: Ids) -> None:
        """Learns from counts, in place of what it knew: each distinct gram (M,) was seen `times` (M,) times.

        A gram is a number in base V: its last digit is the symbol, the one before that the last of its context. So it
        fits as long as V^order does not outgrow 64 bits; `count` has no such limit.
        """
        base = self.vocab_size
        self._learn([grams // base**k % base for k in range(1, self.config.order)], grams % base, times)

    def _learn(self, before: Sequence[Ids], targets: Ids, times: Ids) -> None:
        """From N symbols with those before each, the nearest first, each seen so many times."""
        base, discount, longest = self.vocab_size, self.config.discount, len(before)
        contexts, places = contexts_met(before, len(targets), base)
        grams, which = np.unique(places[-1] * base + targets, return_inverse=True)
        levels = [(grams, np.bincount(which, weights=times))]
        for k in range(longest - 1, -1, -1):  # in how many contexts one symbol longer: those are distinct above
            longer = levels[0][0]
            shortened = contexts[k + 1][longer // base] // base  # their places among the contexts of k symbols
            levels.insert(0, np.unique(shortened * base + longer % base, return_counts=True))
        lower: Table = np.full((1, base), 1 / base)
        for k, (seen, count) in enumerate(levels):
            rows = seen // base  # (grams,): which context
            total = np.bincount(rows, weights=count)
            followers = np.bincount(rows)
            below = lower[contexts[k] // base] if k else lower  # (contexts, V)
            table = (discount * followers / total)[:, None] * below
            table[rows, seen % base] += np.maximum(count - discount, 0) / total[rows]
            setattr(self, f"contexts_{k}", torch.from_numpy(contexts[k]))
            setattr(self, f"log_probabilities_{k}", torch.from_numpy(np.log(table)).to(self.log_probabilities_0.dtype))
            lower = table

    def window(self, ids: Tensor, given: Tensor | None = None) -> Tensor:
        """Ids (B, R) to logits (B, V), which are log probabilities: those after the longest context that was met."""
        place = torch.zeros(len(ids), dtype=torch.int64, device=ids.device)  # (B,): of the context of k symbols
        met = torch.ones(len(ids), dtype=torch.bool, device=ids.device)  # (B,)
        logits = self.log_probabilities_0.expand(len(ids), -1)  # (B, V)
        for k in range(1, self.config.order):
            contexts: Tensor = getattr(self, f"contexts_{k}")
            if len(contexts) == 0:
                break
            code = place * self.vocab_size + ids[:, -k]
            place = torch.searchsorted(contexts, code).clamp(max=len(contexts) - 1)
            met = met & (contexts[place] == code)  # what was not met is not met with more before it
            table: Tensor = getattr(self, f"log_probabilities_{k}")
            logits = torch.where(met[:, None], table[place], logits)
        return logits


def symbols_before(ids: Ids, ages: Ids, order: int) -> list[Ids]:
    """Of each position (N,) of a packed row, the order - 1 symbols that an n-gram sees, the nearest first."""
    position = np.arange(len(ids))
    return [ids[position - np.minimum(k, ages)] for k in range(order - 1)]  # an item begins with pad


def contexts_met(before: Sequence[Ids], count: int, vocab_size: int) -> tuple[list[Ids], list[Ids]]:
    """Of `count` positions: for each length of context, those that were met, and the place (N,) of each position's one.

    Contexts are numbered as `Ngram` says. `before` are the symbols before each position, the nearest first.
    """
    contexts, places = [np.zeros(1, dtype=np.int64)], [np.zeros(count, dtype=np.int64)]
    for symbol in before:
        met, place = np.unique(places[-1] * vocab_size + symbol, return_inverse=True)
        contexts.append(met)
        places.append(place)
    return contexts, places
