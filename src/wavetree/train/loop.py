"""The work: from a run folder with settings, and a list or a stream, to one with a trained model.

    for each step:  take a batch  ->  predict every symbol  ->  gradient of the loss  ->  a step of the optimiser
    now and then:   the exact loss of the validation side, a few samples, a checkpoint
    at the end:     of a list, what its validation items score, so that a score can be called rare

A run that begins and a run that goes on are the same code: the state of a run that begins is that of step 0. The batch
and the learning rate of a step follow from (seed, step), so that what a restart needs is in `Training`, and no more.
"""

from __future__ import annotations

import math
import statistics
import time
from contextlib import nullcontext
from dataclasses import asdict

import torch

from wavetree.config import Config
from wavetree.errors import WavetreeError
from wavetree.evaluate import Loss, exact_loss
from wavetree.generate import samples_along_the_way
from wavetree.models import AnyModel, build, parameter_count
from wavetree.runs import RunFolder, Side, given_size, load, sides_of
from wavetree.score import keep_calibration
from wavetree.train.batches import Batches, batches_of
from wavetree.train.devices import on_device, settle
from wavetree.train.diagnostics import diagnosed_step
from wavetree.train.limit import Limit
from wavetree.train.processes import ALONE, Processes
from wavetree.train.resume import gone_on
from wavetree.train.schedule import check_steps, rate_at
from wavetree.train.training import Shape, Training, keep_memory, most_threads, use_threads
from wavetree.train.watch import Check, Progress, Summary, Watch

LOGGED_BLOCKS = 1000
"""The training loss is logged as means over blocks of steps, about this many blocks a run."""
MEASURED = 1 << 18
"""Symbols of a stream that a loss is measured over at a check and at the end, where it has more: they cost seconds."""
TIMED = 1 << 15
"""Symbols of a stream, about, from which it is reckoned how long a check will take."""
TRIAL_STEPS = 5
"""Throwaway steps that find the pace of the machine, for each number of threads that comes into question."""
TRIAL_SHARE = 0.1
"""A limit in seconds spends at most about this share of it on the trial."""
RESERVE = 0.1
"""The share of a limit in seconds that the first plan leaves: checkpoints, samples, steps that are slower later."""


def train(
    folder: RunFolder, watch: Watch | None = None, processes: Processes = ALONE, device: str | None = None
) -> Summary:
    """Trains the run of `folder` to its end, from its latest checkpoint or from the start.

    Several `processes` do it together: each calls this, and the first one alone writes, and calls the watch. `device`
    stands in for the one that the run was begun with; SettingError says that it is not here. Raises WavetreeError when
    the loss stops being a number; SaveError when a checkpoint cannot be written; RunError where another process, which
    is none of these, trains the run.
    """
    threads = torch.get_num_threads()
    try:
        with folder.alone() if processes.leads else nullcontext():
            config = on_device(folder.config(), device)
            return _train(folder, config, watch or Watch(), processes.on(config.train.device))
    finally:
        torch.set_num_threads(threads)


def _train(folder: RunFolder, config: Config, watch: Watch, processes: Processes) -> Summary:
    clock = time.perf_counter()
    keep_memory()
    codec, sides = folder.codec(), sides_of(folder)
    shape = Shape(codec.vocab_size, given_size(folder))
    batches = batches_of(sides.train, config, processes)
    if processes.told(folder.has_checkpoint()):
        training = gone_on(folder, config, shape, watch, processes)
        if processes.leads:
            folder.cut_log(training.step)
    else:
        steps, threads, checking = planned(config, shape, batches, sides.validation, processes)
        training = Training.begin(config, shape, steps, threads, processes)
        training.checking = checking
        _save(folder, training, config)  # what was planned is kept before the first step
    use_threads(training.threads, config)
    clock -= training.seconds  # of the sessions before this one
    limit = Limit(training, config.train, wanted_steps(config, batches))
    due = check_steps(training.steps, config.train.checks)
    every = max(1, training.steps // LOGGED_BLOCKS)

    while training.step < training.steps and not processes.stop(watch.stop(), training.step):
        begun = time.perf_counter()
        piece = batches[training.step]
        if config.train.diagnose_every and (training.step + 1) % config.train.diagnose_every == 0:
            found = diagnosed_step(training, piece, config)
            if processes.leads:
                folder.log([{"step": training.step, **found.to_json()}])
        else:
            training.advance(piece, config)
        training.stepping += time.perf_counter() - begun
        training.seconds = time.perf_counter() - clock
        due = limit.kept(due)
        if training.step % every == 0 or training.step in due or limit.changed:
            _log_block(folder, training, config, watch)
        if training.step in due:
            with limit.pause():
                _check(folder, training, sides.validation, watch)
        elif limit.changed or (config.train.checkpoint_every and training.step % config.train.checkpoint_every == 0):
            _save(folder, training, config)

    stopped = training.step < training.steps
    if training.checked != training.step:
        _check(folder, training, sides.validation, watch)
    seconds = time.perf_counter() - clock  # all of it but what is for those who use the run
    if processes.leads and config.data.kind == "items":
        keep_calibration(folder)
    return Summary(
        run=str(folder.path),
        params=parameter_count(training.model),
        receptive_field=training.model.receptive_field,
        steps=training.step,
        seconds=seconds,
        symbols_per_second=training.symbols / seconds,
        train_nll=None
        if stopped or not processes.leads
        else _loss(load(folder.path).model, sides.train, training.threads, config).mean,
        val_nll=training.best,
        stopped=stopped,
    )


def _save(folder: RunFolder, training: Training, config: Config) -> None:
    training.processes.lead(lambda: _write(folder, training, config, best=False))


def _write(folder: RunFolder, training: Training, config: Config, best: bool) -> None:
    keep_last, device = config.train.keep_last, training.device
    folder.save(training.step, training.tensors(), training.numbers(), best, keep_last, device)


def _log_block(folder: RunFolder, training: Training, config: Config, watch: Watch) -> None:
    loss = sum(training.block) / len(training.block)
    training.block = []
    if not math.isfinite(loss):
        raise _diverged(training.step, config)
    if not training.processes.leads:
        return
    rate = rate_at(training.step - 1, training.steps, config.train)
    seen = Progress(training.step, training.steps, training.seconds, training.symbols, loss, rate)
    folder.log([asdict(seen)])
    watch.progress(seen)


def _check(folder: RunFolder, training: Training, validation: Side, watch: Watch) -> None:
    measured = _measured(training, validation, folder.config())
    loss = measured.mean
    if not math.isfinite(loss):
        raise _diverged(training.step, folder.config())
    better = loss < training.best
    training.best = min(loss, training.best)
    training.checked = training.step

    def tell() -> None:
        samples = samples_along_the_way(_judged_here(folder, training), folder.codec(), folder.config().data.kind)
        seen = Check(training.step, training.seconds, loss, samples, measured.symbols, validation.symbols)
        folder.log([asdict(seen)])
        _write(folder, training, folder.config(), better)
        watch.check(seen)

    training.processes.lead(tell)


def _judged_here(folder: RunFolder, training: Training) -> AnyModel:
    """The judged model on the CPU, which draws samples: of another device a copy."""
    if training.device == "cpu":
        return training.judged
    config = folder.config()
    model = build(config.model, folder.codec().vocab_size, config.train.seed, given_size(folder))
    model.load_state_dict(training.tensors()["model"])
    return model


def _loss(
    model: AnyModel,
    side: Side,
    threads: int,
    config: Config,
    share: tuple[int, int] = (0, 1),
    most: int | None = None,
) -> Loss:
    """The exact loss of a side, or of a share of it, by all the threads that a run has."""
    torch.set_num_threads(threads)
    try:
        return exact_loss(model, side, most or MEASURED, share)
    finally:
        use_threads(threads, config)


def _measured(training: Training, validation: Side, config: Config) -> Loss:
    """The exact loss of the validation side, each process measuring its share."""
    processes = training.processes
    part = _loss(training.judged, validation, training.threads, config, (processes.rank, processes.count))
    if processes.count == 1:
        return part
    found = processes.total_patiently(torch.tensor([part.nats, part.symbols], dtype=torch.float64))
    nats, symbols = found.tolist()
    return Loss(nats, round(symbols))


def _diverged(step: int, config: Config) -> WavetreeError:
    return WavetreeError(
        f"the loss is not a number any more at step {step}: the steps are too large for this list. "
        f"Lower train.learning_rate (it is {config.train.learning_rate:g}); the checkpoint before is still good."
    )


def wanted_steps(config: Config, batches: Batches) -> int | None:
    """The steps that `train.steps` or `train.epochs` ask for; None where only a limit in seconds says how long."""
    settings = config.train
    return settings.steps if settings.epochs is None else max(1, round(settings.epochs * batches.epoch))


def planned(
    config: Config, shape: Shape, batches: Batches, validation: Side, processes: Processes = ALONE
) -> tuple[int, int, float]:
    """The steps and the threads of a new run, and the seconds of a check where there is a limit.

    What is not set is found by throwaway steps of the same work.

    All processors, or one: where another job holds a processor, threads that wait for each other are slower than one,
    by far. A limit in seconds becomes a number of steps before the first one (and anew on the way: train/limit.py), so
    that the rate follows from step / steps, as it must for a run that may be interrupted; both are kept in every
    checkpoint. Of several processes the clock of the first one counts. A GPU leaves the processor little to do: one
    thread.
    """
    entered = time.perf_counter()
    settings = config.train
    most = round(processes.told(most_threads(config, processes)))  # all try the same, whatever processors each has
    choices = [settings.threads] if settings.threads else sorted({1, most if settings.device == "cpu" else 1})
    pace = dict.fromkeys(choices, 0.0)
    spent = 0.0
    if len(choices) > 1 or settings.seconds is not None:
        trial = Training.begin(config, shape, len(choices) * TRIAL_STEPS + 1, 1, processes)
        if config.data.kind != "items" or trial.device != "cpu":
            trial.advance(batches[0], config)  # what is compiled is compiled here, and not while the clock runs
            exact_loss(trial.judged, validation, 1)  # which is float32, whatever the precision
            settle(trial.device)
        for threads in choices:
            trial.threads = threads
            use_threads(threads, config)
            laps: list[float] = []
            while len(laps) < TRIAL_STEPS and not (laps and spent > TRIAL_SHARE * (settings.seconds or math.inf)):
                begun = time.perf_counter()
                trial.advance(batches[len(laps)], config)
                settle(trial.device)
                laps.append(processes.told(time.perf_counter() - begun))
                spent += laps[-1]
            pace[threads] = statistics.median(laps)
    threads = min(choices, key=lambda choice: pace[choice])
    wanted = wanted_steps(config, batches)
    if settings.seconds is None:
        assert wanted is not None
        return wanted, threads, 0.0
    begun = time.perf_counter()
    part = _loss(trial.judged, validation, threads, config, (processes.rank, processes.count), min(TIMED, MEASURED))
    check = time.perf_counter() - begun
    if config.data.kind != "items":  # of a stream it was a part
        check *= max(1.0, min(validation.symbols, MEASURED) / (max(1, part.symbols) * processes.count))
    check = processes.told(check)  # shares differ by a piece, and all have to plan alike
    spent = processes.told(time.perf_counter() - entered)  # what was compiled, too
    left = (1 - RESERVE) * settings.seconds - spent - settings.checks * check
    left = max(settings.seconds / 2, left)  # many checks may cost half of it, and no more
    fit = max(1, int(left / pace[threads]))
    return min(fit, wanted or fit), threads, check
