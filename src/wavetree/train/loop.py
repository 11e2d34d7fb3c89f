"""The work: from a run folder with settings, and a list or a stream, to one with a trained model.

    for each step:  take a batch  ->  predict every symbol  ->  gradient of the loss  ->  a step of the optimiser
    now and then:   the exact loss of the validation side, a few samples, a checkpoint

A run that begins and a run that goes on are the same code: the state of a run that begins is that of step 0. The batch
and the learning rate of a step follow from (seed, step), so that what a restart needs is in `Training`, and no more.
"""

from __future__ import annotations

import copy
import math
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wavetree.config import Config
from wavetree.errors import DamagedError, WavetreeError
from wavetree.evaluate import Piece, exact_loss, predictions
from wavetree.generate import samples_along_the_way
from wavetree.models import AnyModel, build, parameter_count
from wavetree.runs import RunFolder, Side, given_size, load, sides_of
from wavetree.train.batches import Batches, batches_of
from wavetree.train.optimisers import Optimiser
from wavetree.train.schedule import rate_at
from wavetree.train.watch import Check, Progress, Summary, Watch

LOGGED_BLOCKS = 1000
"""The training loss is logged as means over blocks of steps, about this many blocks a run."""
TRIAL_STEPS = 5
"""Throwaway steps that find the pace of the machine, for each number of threads that comes into question."""
TRIAL_SHARE = 0.1
"""A limit in seconds spends at most about this share of it on the trial."""


NUMBERS = ("steps", "threads", "step", "seconds", "symbols", "best", "block")


@dataclass(frozen=True)
class Shape:
    """What a model has to fit: V symbols, and G numbers of a condition."""

    vocab_size: int
    given_size: int = 0


@dataclass
class Training:
    """All that a run in progress consists of. Everything here, and nothing else, survives a restart.

    `judged` are the weights that are measured, sampled and kept: the averaged ones, or `model` itself.
    """

    model: AnyModel
    judged: AnyModel
    optimiser: Optimiser
    steps: int
    threads: int
    step: int = 0
    seconds: float = 0.0
    symbols: int = 0
    best: float = math.inf
    block: list[float] = field(default_factory=list)
    """The losses of the steps since the last logged one."""

    @classmethod
    def begin(cls, config: Config, shape: Shape, steps: int, threads: int) -> Training:
        """The state of step 0: weights drawn from the seed."""
        model = build(config.model, shape.vocab_size, config.train.seed, shape.given_size)
        judged = copy.deepcopy(model) if config.train.average else model
        return cls(model, judged, Optimiser(model.parameters(), model.matrices, config.train), steps, threads)

    def advance(self, piece: Piece, config: Config) -> None:
        """One step. What dropout leaves out is drawn from (seed, step)."""
        settings = config.train
        coarse = torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bfloat16")
        with drawn_from(settings.seed, self.step) if config.noisy else nullcontext(), coarse:
            logits, targets = predictions(self.model, piece)  # (N, V), (N,)
        loss = F.cross_entropy(logits.float(), targets)
        gradients = torch.autograd.grad(loss, self.optimiser.parameters)
        self.optimiser.step(gradients, rate_at(self.step, self.steps, settings), self.step + 1)
        self.step += 1
        self.symbols += len(targets)
        self.block.append(loss.item())
        if settings.average:
            keep = min(settings.average, self.step / (self.step + 10))  # the first weights are soon forgotten
            with torch.no_grad():
                for mean, now in zip(self.judged.state_dict().values(), self.model.state_dict().values(), strict=True):
                    mean.lerp_(now, 1 - keep)

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """The tensors of a checkpoint: what samples and scores, and what only goes on with training."""
        raw = {} if self.judged is self.model else {f"raw.{k}": v for k, v in self.model.state_dict().items()}
        buffers = {f"optimiser.{k}": v for k, v in self.optimiser.state.items()}
        return {"model": self.judged.state_dict(), "training": raw | buffers}

    def numbers(self) -> dict[str, object]:
        """The rest of a checkpoint."""
        return {name: getattr(self, name) for name in NUMBERS}

    def restore(self, tensors: dict[str, dict[str, Tensor]], numbers: dict[str, object]) -> None:
        """Goes to where `tensors` and `numbers` were taken."""
        training = tensors["training"]
        raw = _with_prefix("raw.", training)
        self.judged.load_state_dict(tensors["model"])
        self.model.load_state_dict(raw or tensors["model"])
        self.optimiser.restore(_with_prefix("optimiser.", training))
        for name in NUMBERS:
            setattr(self, name, numbers[name])


@contextmanager
def drawn_from(seed: int, step: int) -> Iterator[None]:
    """In here torch draws from (seed, step); after it, on from where it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0] >> 1))
        yield


def _with_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def train(folder: RunFolder, watch: Watch | None = None) -> Summary:
    """Trains the run of `folder` to its end, from its latest checkpoint or from the start.

    Raises WavetreeError when the loss stops being a number; SaveError when a checkpoint cannot be written.
    """
    threads = torch.get_num_threads()
    try:
        return _train(folder, watch or Watch())
    finally:
        torch.set_num_threads(threads)


def _train(folder: RunFolder, watch: Watch) -> Summary:
    clock = time.perf_counter()
    config, codec, sides = folder.config(), folder.codec(), sides_of(folder)
    shape = Shape(codec.vocab_size, given_size(folder))
    batches = batches_of(sides.train, config)
    if folder.has_checkpoint():
        tensors, numbers = folder.load("latest", ["model", "training"])
        training = resumed(config, shape, tensors, numbers)
        folder.cut_log(training.step)
        saved = training.step
    else:
        training = Training.begin(config, shape, *planned(config, shape, batches, sides.validation))
        saved = -1
    torch.set_num_threads(training.threads)
    clock -= training.seconds  # of the sessions before this one
    due = check_steps(training.steps, config.train.checks)
    every = max(1, training.steps // LOGGED_BLOCKS)

    while training.step < training.steps and not watch.stop():
        training.advance(batches[training.step], config)
        training.seconds = time.perf_counter() - clock
        if training.step % every == 0 or training.step in due:
            _log_block(folder, training, config, watch)
        if training.step in due:
            _check(folder, training, sides.validation, watch)
            saved = training.step

    stopped = training.step < training.steps
    if stopped and training.step != saved:
        _check(folder, training, sides.validation, watch)
    seconds = time.perf_counter() - clock  # all of it but the loss of the training items, which is for the report
    return Summary(
        run=str(folder.path),
        params=parameter_count(training.model),
        receptive_field=training.model.receptive_field,
        steps=training.step,
        seconds=seconds,
        symbols_per_second=training.symbols / seconds,
        train_nll=None if stopped else exact_loss(load(folder.path).model, sides.train).mean,
        val_nll=training.best,
        stopped=stopped,
    )


def _log_block(folder: RunFolder, training: Training, config: Config, watch: Watch) -> None:
    loss = sum(training.block) / len(training.block)
    training.block = []
    if not math.isfinite(loss):
        raise _diverged(training.step, config)
    rate = rate_at(training.step - 1, training.steps, config.train)
    seen = Progress(training.step, training.steps, training.seconds, training.symbols, loss, rate)
    folder.log([asdict(seen)])
    watch.progress(seen)


def _check(folder: RunFolder, training: Training, validation: Side, watch: Watch) -> None:
    loss = exact_loss(training.judged, validation).mean
    if not math.isfinite(loss):
        raise _diverged(training.step, folder.config())
    samples = samples_along_the_way(training.judged, folder.codec(), folder.config().data.kind)
    seen = Check(training.step, training.seconds, loss, samples)
    better = loss < training.best
    training.best = min(loss, training.best)
    folder.log([asdict(seen)])
    folder.save(training.step, training.tensors(), training.numbers(), best=better)
    watch.check(seen)


def check_steps(steps: int, checks: int) -> set[int]:
    """The steps after which validation is measured: `checks` of them, evenly spaced, the last step among them."""
    return {math.ceil(steps * k / checks) for k in range(1, checks + 1)}


def _diverged(step: int, config: Config) -> WavetreeError:
    return WavetreeError(
        f"the loss is not a number any more at step {step}: the steps are too large for this list. "
        f"Lower train.learning_rate (it is {config.train.learning_rate:g}); the checkpoint before is still good."
    )


def resumed(
    config: Config, shape: Shape, tensors: dict[str, dict[str, Tensor]], numbers: dict[str, object]
) -> Training:
    """The training that a checkpoint was taken of. Raises DamagedError if it does not fit the settings."""
    training = Training.begin(config, shape, 1, 1)
    try:
        training.restore(tensors, numbers)
    except (KeyError, RuntimeError, IndexError, ValueError):
        raise DamagedError("the latest checkpoint does not fit the settings of the run. Train it anew.") from None
    return training


def planned(config: Config, shape: Shape, batches: Batches, validation: Side) -> tuple[int, int]:
    """The steps and the threads of a new run, found by throwaway steps of the same work where they are not set.

    All processors, or one: where another job holds a processor, threads that wait for each other are slower than one,
    by far. A limit in seconds becomes a number of steps before the first one, so that the schedule depends on the step
    alone, as it must for a run that may be interrupted; both are kept in every checkpoint.
    """
    settings = config.train
    choices = [settings.threads] if settings.threads else sorted({1, torch.get_num_threads()})
    pace = dict.fromkeys(choices, 0.0)
    spent = 0.0
    if len(choices) > 1 or settings.seconds is not None:
        trial = Training.begin(config, shape, len(choices) * TRIAL_STEPS, 1)
        for threads in choices:
            torch.set_num_threads(threads)
            laps: list[float] = []
            while len(laps) < TRIAL_STEPS and not (laps and spent > TRIAL_SHARE * (settings.seconds or math.inf)):
                begun = time.perf_counter()
                trial.advance(batches[len(laps)], config)
                laps.append(time.perf_counter() - begun)
                spent += laps[-1]
            pace[threads] = statistics.median(laps)
    threads = min(choices, key=lambda choice: pace[choice])
    if settings.steps is not None:
        return settings.steps, threads
    if settings.epochs is not None:
        return max(1, round(settings.epochs * batches.epoch)), threads
    assert settings.seconds is not None
    begun = time.perf_counter()
    exact_loss(trial.judged, validation)
    checks = settings.checks * (time.perf_counter() - begun)
    left = max(settings.seconds / 2, settings.seconds - spent - checks)  # many checks may cost half of it, and no more
    return max(1, int(left / pace[threads])), threads
