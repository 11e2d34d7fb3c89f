"""The laws: what must be true of every model, whatever its weights, as functions that compare and report.

    1   all runs give the same logits               runs.py
    2   no logit depends on a later symbol          sight.py
    3   the receptive field is exactly R            sight.py
    5   probabilities add up                        probabilities.py
    6   the same seed gives the same items          use.py
    9   single precision comes close                runs.py
    10  evaluation leaves the model alone           use.py

Laws 4, 7 and 8 are about codecs, runs and files, not about one model: the tests hold them. Every law works on a copy in
double precision and evaluation mode; the model it is given stays as it is. A law that compares what another room does
(scores, samples, packing) takes that function as an argument, so that a broken one can be shown to be rejected.
"""

from __future__ import annotations

from wavetree.inspect.laws.finding import Finding, Model
from wavetree.inspect.laws.probabilities import probabilities_add_up
from wavetree.inspect.laws.runs import runs_agree, single_precision_is_close
from wavetree.inspect.laws.sight import causal, field_is_exact, targets_unseen
from wavetree.inspect.laws.use import evaluation_leaves_alone, seeds_repeat

__all__ = [
    "LAWS",
    "Finding",
    "Model",
    "causal",
    "evaluation_leaves_alone",
    "field_is_exact",
    "probabilities_add_up",
    "runs_agree",
    "seeds_repeat",
    "single_precision_is_close",
    "targets_unseen",
    "verify",
]

LAWS = (
    runs_agree,
    causal,
    targets_unseen,
    field_is_exact,
    probabilities_add_up,
    seeds_repeat,
    single_precision_is_close,
    evaluation_leaves_alone,
)


def verify(model: Model) -> list[Finding]:
    """Every law on this model. It holds if every finding has `passed`."""
    return [finding for law in LAWS for finding in law(model)]
