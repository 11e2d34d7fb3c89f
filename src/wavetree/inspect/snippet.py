"""A fusion as a Python program that computes it again: the numbers are in it, and nothing needs to be installed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from wavetree.inspect.trace import Fusion

WIDTH = 100
TOLERANCE = 1e-12
"""What double precision may leave between two orders of adding up."""


def as_python(fusion: Fusion, outputs: Sequence[int] | None = None) -> str:
    """A program that recomputes the node, all of it or only these outputs, and asserts what the model itself had.

    Every number is written so that Python reads back the very same one.
    """
    chosen = range(len(fusion.after)) if outputs is None else outputs
    norm, channels = fusion.norm, len(fusion.left.vector)
    which = "" if outputs is None else f", outputs {', '.join(map(str, outputs))} of {len(fusion.after)}"
    own = norm.kind == "layer" and outputs is None  # then its statistics can be had from the sums below
    statistics = ["mean", "variance", "scale", "shift"]
    lines = [
        f"# Level {fusion.level} at position {fusion.position} of {fusion.text!r}{which}: one fusion, recomputed.",
        "import math",
        "",
        f"# The children: {channels} numbers each, which have seen {fusion.left.sees!r} and {fusion.right.sees!r}.",
        _list("left", fusion.left.vector),
        _list("right", fusion.right.vector),
        "pair = left + right",
        "",
        f"# The weights: one row for each output, over the {2 * channels} numbers of the pair.",
        "weight = [",
        *(_indented(fusion.weight[output]) for output in chosen),
        "]",
        "before = [sum(w * x for w, x in zip(row, pair)) for row in weight]",
        "",
        f"# The norm: {_ABOUT[norm.kind]}.",
    ]
    if own:
        lines += [
            "average = sum(before) / len(before)",
            "mean = [average] * len(before)",
            "variance = [sum((b - average) ** 2 for b in before) / len(before)] * len(before)",
        ]
        statistics = ["scale", "shift"]
    lines += [_list(name, (getattr(norm, name)[output] for output in chosen)) for name in statistics]
    lines += [
        f"eps = {norm.eps!r}",
        "normed = [",
        "    (b - m) / math.sqrt(v + eps) * a + s",
        "    for b, m, v, a, s in zip(before, mean, variance, scale, shift)",
        "]",
        "after = [math.tanh(x) for x in normed]",
        "",
        "# What the model itself has there.",
        _list("model_before", (fusion.before[output] for output in chosen)),
        _list("model_normed", (fusion.normed[output] for output in chosen)),
        _list("model_after", (fusion.after[output] for output in chosen)),
        "for ours, models in (before, model_before), (normed, model_normed), (after, model_after):",
        f"    assert all(math.isclose(a, b, rel_tol={TOLERANCE}, abs_tol={TOLERANCE}) for a, b in zip(ours, models))",
        "",
        'print(f"the same {len(after)} numbers as the model")',
    ]
    return "\n".join(lines)


_ABOUT = {
    "batch": "batch norm, by the statistics that it kept from training",
    "layer": "layer norm, by the statistics of this node's own sums",
}


def _list(name: str, numbers: Iterable[float]) -> str:
    return f"{name} = [\n{_wrapped(numbers, '    ')}\n]"


def _indented(numbers: Iterable[float]) -> str:
    return f"    [\n{_wrapped(numbers, '        ')}\n    ],"


def _wrapped(numbers: Iterable[float], indent: str) -> str:
    row = ", ".join(map(repr, numbers))
    return textwrap.fill(row, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
