"""`wavetree bench dense`: how near the machine's limit training comes, of a list or of a stream."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from wavetree.config import Config, configure
from wavetree.data import ItemList
from wavetree.data.corpus import open_corpus
from wavetree.errors import SettingError
from wavetree.experiments.machine import PRODUCT, TURN, by_turns, large_product, using_threads
from wavetree.models import outline, parameter_count
from wavetree.report import machine_stamp
from wavetree.runs import RunFolder, corpus_settings, given_size, sides_of
from wavetree.train import start, start_stream
from wavetree.train.batches import Batches, batches_of
from wavetree.train.training import Shape, Training, keep_memory, use_threads

ROUNDS = 10
"""Of turns of steps and of large products, with each number of threads."""
COUNTED = 5
"""Steps whose products are counted: batches of a list differ in length."""


def bench_dense(
    data: Path | ItemList, preset: str, say: Callable[[str], None], changes: Sequence[str] = ()
) -> dict[str, Any]:
    """The products of matrices that a step of training does, in FLOP/s, against one large product by as many threads.

    Forward, backward and the optimiser's own; with one thread and with all, of which the faster is the figure. A step
    takes the median of 30, the cutting of its batch included; the large product takes turns with it, and its
    median. `data` is a list, or the file of a stream. On the CPU.
    """
    config = configure(preset, [*changes, "train.steps=1000", "train.device=cpu"])
    with tempfile.TemporaryDirectory() as temporary:
        folder = begin_run(data, Path(temporary) / "run", config)
        config = folder.config()
        shape = Shape(folder.codec().vocab_size, given_size(folder))
        batches = batches_of(sides_of(folder).train, config)
        flops = step_flops(config, shape, batches)
        rows = []
        for threads in sorted({1, torch.get_num_threads()}):
            rows.append(_pace(config, shape, batches, threads, flops))
            say(f"{threads} thread(s): {rows[-1]['symbols_per_second']:,.0f} symbols a second")
    best = max(rows, key=lambda row: float(row["symbols_per_second"]))
    return {
        "name": "dense",
        "machine": machine_stamp(),
        "preset": preset,
        "precision": config.train.precision,
        "params": parameter_count(outline(config.model, shape.vocab_size, shape.given_size)),
        **best,
        "by_threads": rows,
    }


def begin_run(data: Path | ItemList, path: Path, config: Config) -> RunFolder:
    """A new run on a list or on the file of a stream. Raises SettingError where the settings are for the other."""
    if (config.data.kind == "items") != isinstance(data, ItemList):
        raise SettingError(f"these settings are for {config.data.kind}, and the data is of another kind.")
    if isinstance(data, ItemList):
        return start(data, path, config)
    return start_stream(open_corpus([data], corpus_settings(config.data)), [data], path, config)


def step_flops(config: Config, shape: Shape, batches: Batches) -> float:
    """Operations in the products of a step of training, the optimiser's included: the mean of COUNTED steps."""
    training = Training.begin(config, shape, COUNTED, 1)
    counter = FlopCounterMode(display=False)
    with using_threads(1), counter:
        for step in range(COUNTED):
            training.advance(batches[step], config)
    return float(counter.get_total_flops()) / COUNTED


def _pace(config: Config, shape: Shape, batches: Batches, threads: int, flops: float) -> dict[str, float]:
    training = Training.begin(config, shape, ROUNDS * (1 + TURN), threads)
    keep_memory()

    def step() -> None:
        use_threads(threads, config)
        training.advance(batches[training.step], config)

    kinds: list[str] = sorted({"float32", config.train.precision})
    products = {name: large_product(threads, getattr(torch, name)) for name in kinds}
    with using_threads(threads):
        times = by_turns({"step": step, **products}, ROUNDS)
    seconds = times["step"]
    peaks = {name: PRODUCT / times[name] for name in kinds}
    return {
        "threads": threads,
        "step_seconds": seconds,
        "symbols_per_second": training.symbols / training.step / seconds,
        "gflops": flops / seconds / 1e9,
        **{f"peak_{name}_gflops": peak / 1e9 for name, peak in peaks.items()},
        "share_of_peak": flops / seconds / peaks[config.train.precision],
        "share_of_float32_peak": flops / seconds / peaks["float32"],
    }
