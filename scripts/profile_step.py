"""Where the milliseconds of a training step go: `python scripts/profile_step.py [--text FILE]`.

One thread, the median step of several; first the lecture's network on the embedded names, then, where a text is given,
preset `text` on it. Torch's profiler tells which operations the time went to; they are grouped by what they do for us.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile, record_function

from wavetree.config import Config, configure
from wavetree.data import embedded_names
from wavetree.data.corpus import open_corpus
from wavetree.runs import RunFolder, corpus_settings, sides_of
from wavetree.train import start, start_stream
from wavetree.train.batches import batches_of
from wavetree.train.training import Shape, Training, keep_memory

STEPS = 30
OPTIMISER = "optimiser"
GROUPS = {
    "products of matrices": ("mm", "addmm", "linear"),
    "norm": ("native_batch_norm", "native_batch_norm_backward", "native_layer_norm", "native_layer_norm_backward"),
    "tanh": ("tanh", "tanh_backward", "sigmoid_", "mul_", "sub_"),
    "gathering and scattering of nodes": (
        "index_select",
        "index_add_",
        "scatter_add_",
        "index",
        "_index_put_impl_",
        "_embedding_bag_forward_only",
        "_embedding_bag",
    ),
    "levels in fused passes, their products apart": ("_Stack", "_StackBackward"),
    "sums": ("add", "add_", "sum"),
    "memory set to zero": ("fill_", "zero_"),
    "loss": ("_log_softmax", "_log_softmax_backward_data", "nll_loss_forward", "nll_loss_backward"),
    "copies and other precisions": ("copy_", "_to_copy", "to", "cat", "stack"),
}
"""Of torch's operations outside the optimiser."""
ORTHOGONAL = ("bmm", "baddbmm", "matmul")
"""Of those inside it."""


def group_of(event: Any) -> str:
    name = event.name.removeprefix("aten::")
    above = event
    while above is not None:
        if above.name == OPTIMISER:
            return "optimiser: " + ("making matrices orthogonal" if name in ORTHOGONAL else "all the rest")
        above = above.cpu_parent
    return next((group for group, names in GROUPS.items() if name in names), "calls, and all else")


def begun(config: Config, text: Path | None, path: Path) -> RunFolder:
    if text is None:
        return start(embedded_names(), path, config)
    return start_stream(open_corpus([text], corpus_settings(config.data)), [text], path, config)


def measured(preset: str, text: Path | None) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = begun(configure(preset, ["train.steps=1000"]), text, Path(temporary) / "run")
        config = folder.config()
        batches = batches_of(sides_of(folder).train, config)
        training = Training.begin(config, Shape(folder.codec().vocab_size), 1000, 1)
        for step in range(3):
            training.advance(batches[step], config)
        cutting, advancing = [], []
        for step in range(3, 3 + STEPS):
            begin = time.thread_time()
            piece = batches[step]
            cut = time.thread_time()
            training.advance(piece, config)
            cutting.append(cut - begin)
            advancing.append(time.thread_time() - cut)
        step_of_optimiser = training.optimiser.step

        def marked(gradients: Sequence[Tensor], rate: float, step: int, workers: int = 1) -> None:
            with record_function(OPTIMISER):
                step_of_optimiser(gradients, rate, step, workers)

        training.optimiser.step = marked  # type: ignore[method-assign]
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            for step in range(3 + STEPS, 3 + 2 * STEPS):
                training.advance(batches[step], config)
    spent: dict[str, float] = defaultdict(float)
    for event in seen.events():
        spent[group_of(event)] += event.self_cpu_time_total / 1e3 / STEPS
    took = [f"{statistics.median(times) * 1e3:.1f} ms" for times in (cutting, advancing)]
    print(f"\n{preset}: a batch takes {took[0]} of the processor, a step {took[1]}; under the profiler, by the clock")
    for group, milliseconds in sorted(spent.items(), key=lambda entry: -entry[1]):
        print(f"{milliseconds:8.2f} ms  {milliseconds / sum(spent.values()):5.1%}  {group}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, help="a text file, for preset text")
    text = parser.parse_args().text
    torch.set_num_threads(1)
    keep_memory()
    measured("lecture", None)
    if text:
        measured("text", text)


if __name__ == "__main__":
    main()
