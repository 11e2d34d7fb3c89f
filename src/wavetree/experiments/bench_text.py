"""`wavetree bench text`: how well a text is learnt in a given time."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from wavetree.config import configure
from wavetree.evaluate import exact_loss
from wavetree.experiments.bench_dense import begin_run
from wavetree.experiments.machine import matmul_peak
from wavetree.report import machine_stamp
from wavetree.runs import load, sides_of
from wavetree.train import Check, Watch, train

BY_WORK = {"text-small": 6e13, "text": 2.5e14, "text-large": math.inf}
"""Which preset is the best one for less than so many floating point operations, as the machine has time for at best."""
PUBLISHED = (
    {"name": "nanoGPT, its CPU recipe (0.8M parameters, 2,000 steps)", "val_nll": 1.886, "seconds": 155},
    {"name": "nanoGPT, its GPU recipe (10.65M parameters)", "val_nll": 1.4697, "seconds": None},
)
"""Of tiny-shakespeare, split as here: karpathy/nanoGPT, its README."""


def text_preset(seconds: float, flops: float) -> str:
    """The preset for that time on a machine that does so many floating point operations a second."""
    return next(name for name, most in BY_WORK.items() if seconds * flops < most)


def bench_text(
    data: Path,
    seconds: float,
    preset: str | None,
    seed: int,
    say: Callable[[str], None],
    changes: Sequence[str] = (),
) -> dict[str, Any]:
    """Trains on the first 90% of a text for so long; `val_nll` is the exact loss over the whole rest, in nats.

    Without a preset it is the one for this time on this machine.
    """
    preset = preset or text_preset(seconds, matmul_peak(torch.get_num_threads()))
    # the split that published figures have: the last tenth is judged
    config = configure(preset, ["data.split=tail", f"train.seconds={seconds}", f"train.seed={seed}", *changes])
    along: list[Check] = []

    def seen(check: Check) -> None:
        along.append(check)
        say(f"{check.seconds:,.0f} s   step {check.step:,}   validation {check.val_nll:.4f}")

    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = begin_run(data, Path(temporary) / "run", config)
        summary = train(folder, Watch(check=seen))
        spent = time.perf_counter() - begun
        trained, sides = load(folder.path), sides_of(folder)
        validation = exact_loss(trained.model, sides.validation)
        settings = folder.config()
        return {
            "name": "text",
            "machine": machine_stamp(),
            "data": data.name,
            "preset": preset,
            "model": settings.model.model_dump(),
            "train": settings.train.model_dump(),
            "params": summary.params,
            "context": summary.receptive_field,
            "steps": summary.steps,
            "seconds": summary.seconds,
            "seconds_with_report": spent,
            "symbols_per_second": summary.symbols_per_second,
            "epochs": summary.symbols_per_second * summary.seconds / sides.train.symbols,
            "train_nll": summary.train_nll,
            "val_nll": validation.mean,
            "val_symbols": validation.symbols,
            "curve": [{"seconds": check.seconds, "step": check.step, "val_nll": check.val_nll} for check in along],
            "published": list(PUBLISHED),
        }
