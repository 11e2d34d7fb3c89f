"""`wavetree bench train`: the lecture's own loop beside ours, on one list, in one run."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wavetree.codecs import AlphabetCodec
from wavetree.config import Config, configure
from wavetree.data import ItemList, split_items
from wavetree.data.packing import PackedItems
from wavetree.experiments import lecture
from wavetree.experiments.bench_dense import step_flops
from wavetree.experiments.machine import matmul_peak, median_time, using_threads
from wavetree.inspect import layer_table
from wavetree.models import build
from wavetree.report import machine_stamp
from wavetree.train import Summary, start, train
from wavetree.train.batches import ItemBatches
from wavetree.train.training import Shape

ROUNDS = 5
"""Pairs of measurements: ours and the reference's take turns, so that a drifting machine is met by both."""
REFERENCE_STEPS = 1000
"""Steps of the reference that are timed in a round."""
THREAD_TRIAL_STEPS = 200
REFERENCE_VAL = {lecture.LIST_DIGEST: 1.9936}
"""The loss to reach: what the lecture's loop is reported to reach in 200,000 steps, by list. `--full` measures it."""


def bench_train(items: ItemList, full: bool, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Times the lecture's 200,000 steps (all with `full`, else from a sample of them) and ours to the same loss.

    Ours counts everything from the items in memory to the trained run on disk, each check and checkpoint included; the
    reference its steps alone. Each uses the number of threads that a trial finds best for it. The ratio is the median
    over the rounds; there is none if a run of ours ended above the loss that the reference is known to reach.
    """
    reference = _Reference(items, seed)
    say(f"reference: {lecture.STEPS:,} steps of {lecture.BATCH} windows, {reference.threads} thread(s)")
    rounds: list[tuple[float, Ours]] = []
    for number in range(ROUNDS):
        pace = reference.pace(REFERENCE_STEPS)
        ours = _ours(items, seed + number)
        rounds.append((pace * lecture.STEPS, ours))
        say(
            f"round {number + 1}: reference {pace * 1e3:.3f} ms a step, "
            f"ours {ours.seconds:.2f} s to {ours.summary.val_nll:.4f} with {ours.threads} thread(s)"
        )
    if full:
        taken = sum(seconds for seconds, _ in rounds) / lecture.STEPS * REFERENCE_STEPS
        while reference.done < lecture.STEPS:
            taken += REFERENCE_STEPS * reference.pace(REFERENCE_STEPS)
            if reference.done % 20_000 == 0:
                say(f"reference: step {reference.done:,}")
        reference_val: float | None = reference.loss()
    else:
        taken = statistics.median(seconds for seconds, _ in rounds)
        reference_val = REFERENCE_VAL.get(items.digest)
    ratios = [(taken if full else seconds) / ours.seconds for seconds, ours in rounds]
    worst = max(ours.summary.val_nll for _, ours in rounds)
    reached = None if reference_val is None else worst <= reference_val
    seconds = statistics.median(ours.seconds for _, ours in rounds)
    return {
        "name": "train",
        "machine": machine_stamp(),
        "ours": {
            "preset": "lecture",
            "params": rounds[0][1].summary.params,
            "seconds": seconds,
            "threads": [ours.threads for _, ours in rounds],
            "val_nll": [ours.summary.val_nll for _, ours in rounds],
            "worst_val_nll": worst,
            "reaches_the_reference": reached,
            "symbols_per_second": statistics.median(ours.summary.symbols_per_second for _, ours in rounds),
            **_share_of_peak(items, rounds[0][1].summary.steps, seconds),
        },
        "reference": {
            "params": reference.params,
            "seconds": taken,
            "extrapolated": not full,
            "threads": reference.threads,
            "steps": lecture.STEPS,
            "val_nll": reference_val,
        },
        "ratio": None if reached is False else statistics.median(ratios),
        "ratios": ratios,
    }


def reference_seconds(items: ItemList) -> float:
    """What the lecture's 200,000 steps take here, in seconds: extrapolated from a sample."""
    return _Reference(items, 1).pace(REFERENCE_STEPS) * lecture.STEPS


class _Reference:
    """The lecture's own loop on its own split, with the number of threads that a trial finds best for it."""

    def __init__(self, items: ItemList, seed: int) -> None:
        split, codec = split_items(items, "lecture"), AlphabetCodec.of(items.items)
        self._training, self._validation = (lecture.windows(part, codec) for part in (split.train, split.validation))
        self.threads = _best_threads(lecture.scaled_up(codec.vocab_size, seed), self._training)
        self._loop = lecture.scaled_up(codec.vocab_size, seed)  # a new one: the trial has moved the other
        self.params = sum(p.numel() for p in self._loop.network.parameters())
        self.done = 0

    def pace(self, steps: int) -> float:
        """Seconds for each of the next `steps` steps."""
        with using_threads(self.threads):
            begun = time.perf_counter()
            for step in range(self.done, self.done + steps):
                self._loop.step(step, *self._training)
            self.done += steps
            return (time.perf_counter() - begun) / steps

    def loss(self) -> float:
        """On the validation side, in nats a symbol."""
        return self._loop.loss(*self._validation)


def lecture_settings(seed: int) -> Config:
    """Our recipe for the lecture's network, on the lecture's split."""
    return configure("lecture", ["data.split=lecture", f"train.seed={seed}"])


@dataclass(frozen=True)
class Ours:
    """A run of ours: `seconds` of making its folder and of training."""

    summary: Summary
    seconds: float
    threads: int


def _ours(items: ItemList, seed: int) -> Ours:
    with tempfile.TemporaryDirectory() as temporary:
        begun = time.perf_counter()
        folder = start(items, Path(temporary) / "run", lecture_settings(seed))
        made = time.perf_counter() - begun
        summary = train(folder)
        _, state = folder.load("latest", [])
        return Ours(summary, made + summary.seconds, int(str(state["threads"])))


def _best_threads(reference: lecture.WindowTraining, training_windows: tuple[Tensor, Tensor]) -> int:
    """The number of threads, one or all, with which the reference is faster."""
    paces = {}
    for threads in sorted({1, torch.get_num_threads()}):
        with using_threads(threads):
            paces[threads] = median_time(lambda: reference.step(0, *training_windows), THREAD_TRIAL_STEPS)
    return min(paces, key=lambda threads: paces[threads])


def _share_of_peak(items: ItemList, steps: int, seconds: float) -> dict[str, float]:
    """Products of a whole run against the peak: folder, checks and checkpoints take time, and do none that count.

    Those that were done, and those that a run without shared nodes would need. `bench dense` has those of the steps.
    """
    config = lecture_settings(1)
    codec = AlphabetCodec.of(items.items)
    packed = PackedItems(split_items(items, "lecture").train, codec)
    shape, batches = Shape(codec.vocab_size), ItemBatches(packed, config.train.batch_items, 1)
    model = build(config.model, codec.vocab_size, 1)
    products = sum(layer.multiply_adds for layer in layer_table(model))
    unshared = 6 * len(batches[0].ids) * products  # 2 forward and 4 backward, at each position
    peak = matmul_peak(torch.get_num_threads())
    return {
        "matmul_peak_gflops": peak / 1e9,
        "whole_run_share_of_peak": step_flops(config, shape, batches) * steps / seconds / peak,
        "whole_run_share_of_peak_if_nothing_were_shared": unshared * steps / seconds / peak,
    }
