"""`wavetree bench text`, `bench dense`: how well a text is learnt in a given time, and how near the machine's limit."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from wavetree.config import Config, configure
from wavetree.data.corpus import Stream, open_corpus
from wavetree.errors import SettingError
from wavetree.evaluate import exact_loss
from wavetree.experiments.machine import laps, matmul_peak
from wavetree.inspect import layer_table
from wavetree.models import AnyModel, parameter_count
from wavetree.report import machine_stamp
from wavetree.runs import RunFolder, corpus_settings, load, sides_of
from wavetree.train import Check, Watch, start_stream, train
from wavetree.train.batches import batches_of
from wavetree.train.training import Shape, Training, keep_memory, use_threads

LONG = 400.0
"""From so many seconds on, the larger preset is the better one."""
PUBLISHED = (
    {"name": "nanoGPT, its CPU recipe (0.8M parameters, 2,000 steps)", "val_nll": 1.886, "seconds": 155},
    {"name": "nanoGPT, its GPU recipe (10.65M parameters)", "val_nll": 1.4697, "seconds": None},
)
"""Of tiny-shakespeare, split as here: karpathy/nanoGPT, its README."""
SHOWN = ("threads", "symbols_per_second", "share_of_peak")
STEPS = 10
PASSES = 3
"""Products of training for each of prediction: forward, by the inputs, by the weights."""


def text_settings(seconds: float, preset: str | None, seed: int, changes: Sequence[str] = ()) -> Config:
    """The preset for that time, with the split that published figures have: the last tenth is judged."""
    name = preset or ("text-large" if seconds >= LONG else "text")
    return configure(name, ["data.split=tail", f"train.seconds={seconds}", f"train.seed={seed}", *changes])


def bench_text(
    data: Path,
    seconds: float,
    preset: str | None,
    seed: int,
    say: Callable[[str], None],
    changes: Sequence[str] = (),
) -> dict[str, Any]:
    """Trains on the first 90% of a text for so long; `val_nll` is the exact loss over the whole rest, in nats."""
    config = text_settings(seconds, preset, seed, changes)
    along: list[Check] = []

    def seen(check: Check) -> None:
        along.append(check)
        say(f"{check.seconds:,.0f} s   step {check.step:,}   validation {check.val_nll:.4f}")

    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = _begun(data, Path(temporary) / "run", config)
        summary = train(folder, Watch(check=seen))
        spent = time.perf_counter() - begun
        trained, sides = load(folder.path), sides_of(folder)
        validation = exact_loss(trained.model, sides.validation)
        settings = folder.config()
        return {
            "name": "text",
            "machine": machine_stamp(),
            "data": data.name,
            "preset": preset or ("text-large" if seconds >= LONG else "text"),
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


def bench_dense(data: Path, preset: str, say: Callable[[str], None], changes: Sequence[str] = ()) -> dict[str, Any]:
    """The products of matrices that training asks for, in FLOP/s, against the best that the machine does."""
    config = configure(preset, [*changes, "train.steps=100"])
    if config.data.kind == "items":
        raise SettingError(f"bench dense measures streams, and {preset!r} is for a list: see bench train.")
    with tempfile.TemporaryDirectory() as temporary:
        folder = _begun(data, Path(temporary) / "run", config)
        config, side = folder.config(), sides_of(folder).train
        assert isinstance(side, Stream)
        rows = []
        for threads in sorted({1, torch.get_num_threads()}):
            rows.append(_pace(config, folder.codec().vocab_size, side, threads))
            say(f"{threads} thread(s): {rows[-1]['symbols_per_second']:,.0f} symbols a second")
    best = max(rows, key=lambda row: float(row["symbols_per_second"]))
    return {
        "name": "dense",
        "machine": machine_stamp(),
        "precision": config.train.precision,
        **best,
        "by_threads": rows,
    }


def _begun(data: Path, path: Path, config: Config) -> RunFolder:
    return start_stream(open_corpus([data], corpus_settings(config.data)), [data], path, config)


def _pace(config: Config, vocab_size: int, side: Stream, threads: int) -> dict[str, float]:
    training = Training.begin(config, Shape(vocab_size), 1000, threads)
    batches = batches_of(side, config)
    before = torch.get_num_threads()
    keep_memory()
    use_threads(threads, config)
    times = laps(lambda: training.advance(batches[training.step], config), STEPS)
    torch.set_num_threads(before)
    pace = config.train.rows * config.train.length / sorted(times)[len(times) // 2]
    flops = 2 * PASSES * products_of(training.model) * pace
    peaks = {name: matmul_peak(threads, getattr(torch, name)) for name in ("float32", "bfloat16")}
    return {
        "threads": threads,
        "params": parameter_count(training.model),
        "symbols_per_second": pace,
        "gflops": flops / 1e9,
        **{f"peak_{name}_gflops": peak / 1e9 for name, peak in peaks.items()},
        "share_of_peak": flops / peaks[config.train.precision],
        "share_of_float32_peak": flops / peaks["float32"],
    }


def products_of(model: AnyModel) -> int:
    """Multiply-adds of one prediction in the dense run."""
    return sum(layer.multiply_adds for layer in layer_table(model))
