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
        longest, base, discount = self.config.order - 1, self.vocab_size, self.config.discount
        position = np.arange(len(ids))
        codes = [np.zeros(len(ids), dtype=np.int64)]  # codes[k] (N,): the context of k symbols at each position
        for k in range(1, longest + 1):
            symbol = ids[position - np.minimum(k - 1, ages)]
            codes.append(codes[-1] + symbol * base ** (k - 1))
        lower: Table = np.full((1, base), 1 / base)
        lower_contexts = np.zeros(1, dtype=np.int64)
        grams = [np.unique(code * base + targets, return_counts=True) for code in codes]
        for k in range(longest + 1):
            seen, times = grams[k]
            if k < longest:  # in how many contexts one symbol longer: these are distinct in grams[k + 1]
                longer = grams[k + 1][0]
                context, symbol = longer // base, longer % base
                seen, times = np.unique(context % base**k * base + symbol, return_counts=True)
            contexts, rows = np.unique(seen // base, return_inverse=True)
            total = np.bincount(rows, weights=times)
            followers = np.bincount(rows)
            shorter = contexts % base ** max(0, k - 1)
            below = lower[np.searchsorted(lower_contexts, shorter)]  # (contexts, V)
            table = (discount * followers / total)[:, None] * below
            table[rows, seen % base] += np.maximum(times - discount, 0) / total[rows]
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
