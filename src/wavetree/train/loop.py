"""The work: from a run folder with a list and settings to one with a trained model.

    for each step:  take a batch  ->  predict every symbol  ->  gradient of the loss  ->  a step of the optimiser
    now and then:   the exact loss of the validation items, a few samples, a checkpoint

A run that begins and a run that goes on are the same code: the state of a run that begins is that of step 0. The batch
and the learning rate of a step follow from (seed, step), so that what a restart needs is in `Training`, and no more.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from wavetree.codecs import AlphabetCodec
from wavetree.config import Config
from wavetree.data.packing import PackedItems, PackedRow
from wavetree.errors import WavetreeError
from wavetree.evaluate import exact_loss
from wavetree.generate import Choice, sample_block
from wavetree.models import AnyModel, build, parameter_count
from wavetree.runs import RunFolder, load
from wavetree.train.batches import Batches
from wavetree.train.optimisers import Optimiser
from wavetree.train.schedule import rate_at

LOGGED_BLOCKS = 1000
"""The training loss is logged as means over blocks of steps, about this many blocks a run."""
CHECK_SAMPLES = 5
CHECK_CHOICE = Choice(max_length=60)
PACE_STEPS = 20
"""Throwaway steps that find the pace of a run that is limited in seconds."""


@dataclass(frozen=True)
class Progress:
    """Where a run is: `loss` is the mean over the last block, in nats a symbol; `rate` the learning rate."""

    step: int
    steps: int
    seconds: float
    symbols: int
    loss: float
    rate: float


@dataclass(frozen=True)
class Check:
    """What was measured at one point along the way; `val_nll` in nats a symbol, over the whole validation split."""

    step: int
    seconds: float
    val_nll: float
    samples: list[str]


def _ignore(_: object) -> None: ...


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Watch:
    """Who looks on: called after every block and every check; asked before every step whether to stop."""

    progress: Callable[[Progress], None] = _ignore
    check: Callable[[Check], None] = _ignore
    stop: Callable[[], bool] = _never


@dataclass(frozen=True)
class Summary:
    """What came out. Losses in nats a symbol, end marks counted, of the checkpoint with the best validation.

    `train_nll` is missing when the run was stopped: it may take long.
    """

    run: str
    params: int
    receptive_field: int
    steps: int
    seconds: float
    symbols_per_second: float
    train_nll: float | None
    val_nll: float
    stopped: bool


@dataclass
class Training:
    """All that a run in progress consists of. Everything here, and nothing else, survives a restart.

    `judged` are the weights that are measured, sampled and kept: the averaged ones, or `model` itself.
    """

    model: AnyModel
    judged: AnyModel
    optimiser: Optimiser
    steps: int
    step: int = 0
    seconds: float = 0.0
    symbols: int = 0
    best: float = math.inf
    block: list[float] = field(default_factory=list)
    """The losses of the steps since the last logged one."""

    @classmethod
    def begin(cls, config: Config, vocab_size: int, steps: int) -> Training:
        """The state of step 0: weights drawn from the seed."""
        model = build(config.model, vocab_size, config.train.seed)
        judged = copy.deepcopy(model) if config.train.average else model
        return cls(model, judged, Optimiser(model.parameters(), model.matrices, config.train), steps)

    def advance(self, row: PackedRow, config: Config) -> None:
        """One step."""
        settings = config.train
        logits = self.model.packed(self.model.prepare(row.ids, row.ages))  # (N, V)
        loss = F.cross_entropy(logits, torch.from_numpy(row.targets))
        gradients = torch.autograd.grad(loss, self.optimiser.parameters)
        self.optimiser.step(gradients, rate_at(self.step, self.steps, settings), self.step + 1)
        self.step += 1
        self.symbols += len(row.targets)
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
        names = ("steps", "step", "seconds", "symbols", "best", "block")
        return {name: getattr(self, name) for name in names}

    def restore(self, tensors: dict[str, dict[str, Tensor]], numbers: dict[str, object]) -> None:
        """Goes to where `tensors` and `numbers` were taken."""
        training = tensors["training"]
        raw = _with_prefix("raw.", training)
        self.judged.load_state_dict(tensors["model"])
        self.model.load_state_dict(raw or tensors["model"])
        self.optimiser.restore(_with_prefix("optimiser.", training))
        for name, value in numbers.items():
            setattr(self, name, value)


def _with_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def train(folder: RunFolder, watch: Watch | None = None) -> Summary:
    """Trains the run of `folder` to its end, from its latest checkpoint or from the start.

    Raises WavetreeError when the loss stops being a number; SaveError when a checkpoint cannot be written.
    """
    watch = watch or Watch()
    config, codec = folder.config(), folder.codec()
    threads = torch.get_num_threads()
    torch.set_num_threads(config.train.threads or threads)
    try:
        return _train(folder, config, codec, watch)
    finally:
        torch.set_num_threads(threads)


def _train(folder: RunFolder, config: Config, codec: AlphabetCodec, watch: Watch) -> Summary:
    clock = time.perf_counter()
    items = PackedItems(folder.items("train"), codec)
    validation = PackedItems(folder.items("validation"), codec)
    batches = Batches(items, config.train.batch_items, config.train.seed)
    if folder.has_checkpoint():
        tensors, numbers = folder.load("latest", ["model", "training"])
        training = Training.begin(config, codec.vocab_size, int(str(numbers["steps"])))
        training.restore(tensors, numbers)
        folder.cut_log(training.step)
        saved = training.step
    else:
        steps = planned_steps(config, codec.vocab_size, batches)
        training = Training.begin(config, codec.vocab_size, steps)
        saved = -1
    clock -= training.seconds  # of the sessions before this one
    due = check_steps(training.steps, config.train.checks)
    every = max(1, training.steps // LOGGED_BLOCKS)

    while training.step < training.steps and not watch.stop():
        training.advance(batches[training.step], config)
        training.seconds = time.perf_counter() - clock
        if training.step % every == 0 or training.step in due:
            _log_block(folder, training, config, watch)
        if training.step in due:
            _check(folder, training, validation, codec, watch)
            saved = training.step

    stopped = training.step < training.steps
    if stopped and training.step != saved:
        _check(folder, training, validation, codec, watch)
    seconds = time.perf_counter() - clock  # all of it but the loss of the training items, which is for the report
    return Summary(
        run=str(folder.path),
        params=parameter_count(training.model),
        receptive_field=training.model.receptive_field,
        steps=training.step,
        seconds=seconds,
        symbols_per_second=training.symbols / seconds,
        train_nll=None if stopped else exact_loss(load(folder.path).model, items).mean,
        val_nll=training.best,
        stopped=stopped,
    )


def _log_block(folder: RunFolder, training: Training, config: Config, watch: Watch) -> None:
    loss = sum(training.block) / len(training.block)
    training.block = []
    if not math.isfinite(loss):
        raise WavetreeError(
            f"the loss is not a number any more at step {training.step}: the steps are too large for this list. "
            f"Lower train.learning_rate (it is {config.train.learning_rate:g}); the checkpoint before is still good."
        )
    rate = rate_at(training.step - 1, training.steps, config.train)
    seen = Progress(training.step, training.steps, training.seconds, training.symbols, loss, rate)
    folder.log([asdict(seen)])
    watch.progress(seen)


def _check(folder: RunFolder, training: Training, validation: PackedItems, codec: AlphabetCodec, watch: Watch) -> None:
    loss = exact_loss(training.judged, validation).mean
    drawn = sample_block(training.judged, 1, CHECK_CHOICE, (), 0, CHECK_SAMPLES)  # the same draws every time
    seen = Check(training.step, training.seconds, loss, [codec.decode(item.ids) for item in drawn])
    better = loss < training.best
    training.best = min(loss, training.best)
    folder.log([asdict(seen)])
    folder.save(training.step, training.tensors(), training.numbers(), best=better)
    watch.check(seen)


def check_steps(steps: int, checks: int) -> set[int]:
    """The steps after which validation is measured: `checks` of them, evenly spaced, the last step among them."""
    return {math.ceil(steps * k / checks) for k in range(1, checks + 1)}


def planned_steps(config: Config, vocab_size: int, batches: Batches) -> int:
    """How many steps the run has, by the one limit that is set.

    A limit in seconds becomes a number of steps before the first one, by timing throwaway steps of the same work: the
    schedule then depends on the step alone, as it must for a run that may be interrupted.
    """
    settings = config.train
    if settings.steps is not None:
        return settings.steps
    if settings.epochs is not None:
        return max(1, round(settings.epochs * len(batches.items) / settings.batch_items))
    assert settings.seconds is not None
    trial = Training.begin(config, vocab_size, PACE_STEPS)
    laps = []
    for step in range(PACE_STEPS):
        begun = time.perf_counter()
        trial.advance(batches[step], config)
        laps.append(time.perf_counter() - begun)
    pace = sorted(laps)[PACE_STEPS // 2]
    return max(1, int((settings.seconds - sum(laps)) / pace))
