"""What a run that was trained tells besides: losses, whether it went on for too long, units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wavetree.evaluate import exact_loss
from wavetree.experiments.doctor.faults import BEHIND, DEAD, SATURATED, WORSE, Fault
from wavetree.experiments.doctor.of_run import Run
from wavetree.experiments.doctor.patients import MEASURED, Baselines
from wavetree.runs import load
from wavetree.train.batches import batches_of
from wavetree.train.diagnostics import Units, look_at_units


@dataclass(frozen=True)
class Trained:
    """Nats a symbol: on some of what was learnt and of what is held out, with the weights of the best check.

    `checks`: validation after each check, and its step.
    """

    train: float
    validation: float
    checks: tuple[tuple[int, float], ...]
    units: dict[str, Units]

    @property
    def gap(self) -> float:
        """How much worse it is on what it did not learn."""
        return self.validation - self.train


def look_at_trained(patient: Run) -> Trained:
    """The numbers of a run that has a checkpoint."""
    model, folder = load(patient.folder.path).model, patient.folder
    checks = tuple((line["step"], line["val_nll"]) for line in folder.metrics() if "val_nll" in line)
    piece = batches_of(patient.sides.train, patient.config)[0]
    train, validation = (
        exact_loss(model, side, 4 * MEASURED).mean for side in (patient.sides.train, patient.sides.validation)
    )
    return Trained(train, validation, checks, look_at_units(model, piece))


def trained_faults(seen: Trained, beside: Baselines) -> Iterator[Fault]:
    """What is wrong with a trained run."""
    checks = seen.checks or ((0, seen.validation),)  # where the log has none
    best, last = min(checks, key=lambda check: check[1]), checks[-1]
    if last[1] > best[1] + WORSE:
        yield Fault(
            "overfits",
            f"Validation was best at step {best[0]:,}, {best[1]:.4f} nats, and {last[1]:.4f} at step {last[0]:,}; "
            f"what was learnt from costs {seen.train:.4f}, {seen.gap:.2f} less than what is held out.",
            "Train for fewer steps, with more train.weight_decay (or model.dropout, where the model has it), or "
            "a smaller model; or give more to learn from. The run keeps the weights of its best check.",
        )
    if seen.validation > beside.unigram - 0.05:
        yield Fault(
            "learns nothing",
            f"Validation costs {seen.validation:.2f} nats, and the frequencies of symbols alone {beside.unigram:.2f}.",
            "Train for longer, or see what `wavetree doctor` says of its beginning.",
        )
    elif seen.validation > beside.ngram + BEHIND:
        yield Fault(
            "behind an n-gram",
            f"Validation costs {seen.validation:.2f} nats, and a {beside.order}-gram, which only counts, needs "
            f"{beside.ngram:.2f}.",
            "Train for longer if validation was still falling at the end; else there is too little to learn more from.",
        )
    for name, units in seen.units.items():
        if units.saturated > SATURATED:
            yield Fault(
                "saturated units",
                f"{units.saturated:.0%} of the answers of {name} lie within 3% of -1 or 1.",
                "Lower train.learning_rate or raise train.weight_decay.",
            )
        if units.dead > DEAD:
            yield Fault(
                "dead units", f"{units.dead:.0%} of the units of {name} answer everything alike.", "Lower the rate."
            )
