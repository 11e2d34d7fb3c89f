"""The n-gram: it counts, and is the control that every neural model has to beat.

Interpolated Kneser-Ney smoothing (Kneser and Ney 1995; Chen and Goodman 1999, section 2.7) with one discount D. For a
context h of k symbols, h' the same without its first one, and c the counts that level works with,

    p(s | h) = max(c(h s) - D, 0) / c(h .)  +  D N(h .) / c(h .)  p(s | h'),        p(s | nothing) from 1 / V,

where N(h .) is how many different symbols follow h. The longest contexts count occurrences; shorter ones count in how
many different contexts, one symbol longer, they were seen.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    the contexts that it met, as numbers in base V, ascending, and the log probabilities (contexts, V) after each.
    """

    log_probabilities_0: Tensor

    def __init__(self, config: NgramConfig, vocab_size: int) -> None:
        super().__init__()
        self.config, self.vocab_size = config, vocab_size
        if vocab_size ** (config.order - 1) >= 1 << 62:
            raise ValueError(f"order {config.order} over {vocab_size} symbols has more contexts than can be numbered")
        for k in range(config.order):
            self.register_buffer(f"contexts_{k}", torch.zeros(1 if k == 0 else 0, dtype=torch.int64))
            uniform = torch.full((1 if k == 0 else 0, vocab_size), -float(np.log(vocab_size)))
            self.register_buffer(f"log_probabilities_{k}", uniform)

    @property
    def receptive_field(self) -> int:
        """R: the order less one, and at least one."""
        return max(1, self.config.order - 1)

    @property
    def matrices(self) -> Sequence[Parameter]:
        """There are none: nothing here is trained by gradients."""
        return []

    @property
    def stages(self) -> list[Stage]:
        """There are none."""
        return []

    def count(self, ids: Ids, targets: Ids, ages: Ids) -> None:
        """Learns from a packed row of whole items (data/packing.py), in place of what it knew."""
        position = np.arange(len(ids))
        contexts = np.zeros(len(ids), dtype=np.int64)  # (N,)
        for k in range(self.config.order - 1):
            contexts += ids[position - np.minimum(k, ages)] * self.vocab_size**k
        self.learn(*np.unique(contexts * self.vocab_size + targets, return_counts=True))

    def learn(self, grams: Ids, times: Ids) -> None:
        """Learns from counts, in place of what it knew: each distinct gram (M,) was seen `times` (M,) times.

        A gram is a number in base V: its last digit is the symbol, the one before that the last of its context.
        """
        longest, base, discount = self.config.order - 1, self.vocab_size, self.config.discount
        levels = [(grams, times)]
        for k in range(longest - 1, -1, -1):  # in how many contexts one symbol longer: those are distinct above
            context, symbol = levels[0][0] // base, levels[0][0] % base
            levels.insert(0, np.unique(context % base**k * base + symbol, return_counts=True))
        lower: Table = np.full((1, base), 1 / base)
        lower_contexts = np.zeros(1, dtype=np.int64)
        for k, (seen, count) in enumerate(levels):
            contexts, rows = np.unique(seen // base, return_inverse=True)
            total = np.bincount(rows, weights=count)
            followers = np.bincount(rows)
            shorter = contexts % base ** max(0, k - 1)
            below = lower[np.searchsorted(lower_contexts, shorter)]  # (contexts, V)
            table = (discount * followers / total)[:, None] * below
            table[rows, seen % base] += np.maximum(count - discount, 0) / total[rows]
            setattr(self, f"contexts_{k}", torch.from_numpy(contexts))
            setattr(self, f"log_probabilities_{k}", torch.from_numpy(np.log(table)).to(self.log_probabilities_0.dtype))
            lower, lower_contexts = table, contexts

    def window(self, ids: Tensor, given: Tensor | None = None) -> Tensor:
        """Ids (B, R) to logits (B, V), which are log probabilities: those after the longest context that was met."""
        code = torch.zeros(len(ids), dtype=torch.int64, device=ids.device)  # (B,)
        logits = self.log_probabilities_0.expand(len(ids), -1)  # (B, V)
        for k in range(1, self.config.order):
            code = code + ids[:, -k] * self.vocab_size ** (k - 1)
            contexts: Tensor = getattr(self, f"contexts_{k}")
            if len(contexts) == 0:
                break
            place = torch.searchsorted(contexts, code).clamp(max=len(contexts) - 1)
            met = contexts[place] == code
            table: Tensor = getattr(self, f"log_probabilities_{k}")
            logits = torch.where(met[:, None], table[place], logits)
        return logits
