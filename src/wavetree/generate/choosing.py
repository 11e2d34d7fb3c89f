"""The choice of a symbol, as generate/sampler.py makes it, in compiled code. Imports numba: see generate/kernels.py."""

from __future__ import annotations

import numpy as np

from wavetree.generate.activations import LEAST, compiled, wide_exp


@compiled
def choose(logits, barred, rules, uniform, shares, order):
    """The symbol that a uniform random number picks. `barred` (V,) is 0, or -inf for never; two (V,) to work in."""
    vocab = len(barred)
    best, top = 0, -np.inf
    for i in range(vocab):
        logit = logits[i] + barred[i]
        if logit > top:
            best, top = i, logit
    if rules.temperature == 0:
        return best
    for i in range(vocab):
        below = (np.float64(logits[i]) + barred[i] - top) / rules.temperature
        share = wide_exp(max(below, LEAST))
        shares[i] = share if below >= LEAST else 0.0
    if rules.top_k > 0 or rules.top_p > 0:
        narrow(shares, order, rules)
    total = 0.0
    for i in range(vocab):
        total += shares[i]
        shares[i] = total
    mark = uniform * total
    for i in range(vocab):
        if shares[i] > mark:
            return i
    return 0  # the logits are not numbers


@compiled
def narrow(shares, order, rules):
    """Sets the shares outside top-k and top-p to zero. Of equal shares the lower id ranks first."""
    vocab = len(shares)
    total = 0.0
    for i in range(vocab):
        order[i] = i
        total += shares[i]
    for parent in range(vocab // 2 - 1, -1, -1):
        sink(shares, order, parent, vocab)
    ranked, kept = 0, vocab  # the ranked ones lie at the end of `order`, the first of them last
    if 0 < rules.top_k < vocab:
        total, kept = 0.0, rules.top_k
        while ranked < kept:
            total += shares[take(shares, order, vocab - ranked)]
            ranked += 1
    if rules.top_p > 0:
        mass, most, kept = 0.0, kept, 0
        while kept < most and mass < rules.top_p * total:
            if kept == ranked:
                take(shares, order, vocab - ranked)
                ranked += 1
            kept += 1
            mass += shares[order[vocab - kept]]
    for place in range(vocab - kept):
        shares[order[place]] = 0.0


@compiled
def take(shares, order, size):
    """Moves the first of a heap of `size` ids behind it."""
    first = order[0]
    order[0], order[size - 1] = order[size - 1], first
    sink(shares, order, 0, size - 1)
    return first


@compiled
def sink(shares, order, parent, size):
    """Puts the id at `parent` where it belongs in a heap of `size` ids, the likeliest at its top."""
    while 2 * parent + 1 < size:
        child = 2 * parent + 1
        if child + 1 < size and ahead(shares, order[child + 1], order[child]):
            child += 1
        if ahead(shares, order[parent], order[child]):
            break
        order[parent], order[child] = order[child], order[parent]
        parent = child


@compiled
def ahead(shares, one, other):
    """Whether an id ranks before another."""
    return shares[one] > shares[other] or (shares[one] == shares[other] and one < other)
