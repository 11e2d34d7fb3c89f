"""A run in progress: all that it consists of, and one step of it."""

from __future__ import annotations

import copy
import ctypes
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, TypeAdapter
from torch import Tensor

from wavetree.config import Config
from wavetree.data.rows import NO_TARGET, StreamRows
from wavetree.errors import DamagedError
from wavetree.evaluate import Piece, predictions
from wavetree.layers import BatchNorm
from wavetree.models import AnyModel, build, fits, outline
from wavetree.train.hub import in_pairs
from wavetree.train.optimisers import Optimiser
from wavetree.train.processes import ALONE, Processes
from wavetree.train.schedule import rate_at

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h
_Count = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
_Size = Annotated[float, Field(strict=True, ge=0)]
NUMBERS: dict[str, Any] = {
    "steps": Annotated[int, Field(strict=True, ge=1, le=10**9)],
    "threads": Annotated[int, Field(strict=True, ge=1, le=1024)],
    "step": _Count,
    "seconds": Annotated[_Size, Field(allow_inf_nan=False)],
    "symbols": _Count,
    "best": _Size,
    "checked": Annotated[int, Field(strict=True, ge=-1, lt=2**63)],
    "planned": _Count,
    "stepping": Annotated[_Size, Field(allow_inf_nan=False)],
    "checking": Annotated[_Size, Field(allow_inf_nan=False)],
    "block": list[float],
}
"""What state.json holds of a training, and what each may be."""


@dataclass(frozen=True)
class Shape:
    """What a model has to fit: V symbols, and G numbers of a condition."""

    vocab_size: int
    given_size: int = 0


@dataclass
class Training:
    """All that a run in progress consists of. Everything here, and nothing else, survives a restart.

    What is random in a step follows from (seed, step), the rate from step / steps, and the log is cut back to `step`;
    `seconds` is the time used, and `steps` and `threads` are what a limit in seconds became when `planned` steps were
    taken. `judged` are the weights that are measured, sampled and kept: the averaged ones, or `model` itself. Weights
    and optimiser lie on one device.
    """

    model: AnyModel
    judged: AnyModel
    optimiser: Optimiser
    steps: int
    threads: int
    processes: Processes = ALONE
    """Those that share each step: no part of what survives, and a restart may have others."""
    step: int = 0
    seconds: float = 0.0
    symbols: int = 0
    best: float = math.inf
    checked: int = -1
    """The step after which validation was last measured."""
    planned: int = 0
    """The step after which `steps` was last planned (train/limit.py)."""
    stepping: float = 0.0
    """Seconds of the steps since then."""
    checking: float = 0.0
    """Seconds of the last check."""
    block: list[float] = field(default_factory=list)
    """The losses of the steps since the last logged one."""

    @classmethod
    def begin(cls, config: Config, shape: Shape, steps: int, threads: int, processes: Processes = ALONE) -> Training:
        """The state of step 0: weights drawn from the seed, on the CPU, so that they are the same on every device."""
        model = build(config.model, shape.vocab_size, config.train.seed, shape.given_size).to(config.train.device)
        judged = copy.deepcopy(model) if config.train.average else model
        if processes.count > 1:
            for norm in (module for module in model.modules() if isinstance(module, BatchNorm)):
                norm.total = processes.total
        optimiser = Optimiser(model.parameters(), model.matrices, config.train, processes)
        return cls(model, judged, optimiser, steps, threads, processes)

    @property
    def device(self) -> str:
        """Where its steps run."""
        return self.model.device.type

    def advance(self, piece: Piece, config: Config) -> list[Tensor]:
        """One step, and its gradients in the order of the optimiser's parameters.

        What dropout leaves out is drawn from (seed, step).
        """
        settings = config.train
        loss, gradients = self._gradients(piece, config)
        workers = 1 if config.data.kind == "items" or self.device != "cpu" else self.threads
        self.optimiser.step(gradients, rate_at(self.step, self.steps, settings), self.step + 1, workers)
        self.step += 1
        self.symbols += _predictions(piece)
        self.block.append(loss)
        if settings.average:
            keep = min(settings.average, self.step / (self.step + 10))  # the first weights are soon forgotten
            with torch.no_grad():
                for mean, now in zip(self.judged.state_dict().values(), self.model.state_dict().values(), strict=True):
                    mean.lerp_(now, 1 - keep)
        return gradients

    def _gradients(self, piece: Piece, config: Config) -> tuple[float, list[Tensor]]:
        """The mean loss of a piece and its gradients; where processes share the batch, those of the whole of it.

        Rows of a stream come in parts, side by side where threads allow. They are the same whatever the threads, and
        added in pairs: the sum is the same to the last bit. A GPU works side by side within a part, and has but one.
        """
        parts: Sequence[Piece] = [piece]
        if isinstance(piece, StreamRows) and self.device == "cpu":
            parts = piece.parts(own_parts(config, self.processes))
        count, half = _predictions(piece), config.train.precision == "bfloat16"

        def of(number: int) -> tuple[Tensor, tuple[Tensor, ...]]:
            with torch.autocast(self.device, torch.bfloat16) if half else nullcontext():
                logits, targets = predictions(self.model, parts[number], drawn(config.train.seed, self.step, 0))
            loss = F.cross_entropy(logits.float() if half else logits, targets, reduction="sum") / count
            return loss.detach(), torch.autograd.grad(loss, self.optimiser.parameters)

        if len(parts) > 1 and self.threads > 1 and not config.data.local:  # whose dropout is torch's own
            with ThreadPoolExecutor(self.threads) as pool:
                found = list(pool.map(of, range(len(parts))))
        else:
            seed = drawn(config.train.seed, self.step, self.processes.rank)
            with drawn_from(seed) if config.noisy else nullcontext():
                found = [of(number) for number in range(len(parts))]
        added = [in_pairs(each) for each in zip(*([loss, *slopes] for loss, slopes in found), strict=True)]
        mean, *gradients = self.processes.totals(added)
        return mean.item(), gradients

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """The tensors of a checkpoint: what samples and scores, and what only goes on with training.

        They are the CPU's, whatever the device: here, and nowhere else, weights come back from it.
        """
        raw = {} if self.judged is self.model else {f"raw.{k}": v for k, v in self.model.state_dict().items()}
        buffers = {f"optimiser.{k}": v for k, v in self.optimiser.state.items()}
        groups = {"model": self.judged.state_dict(), "training": raw | buffers}
        return {group: {name: tensor.cpu() for name, tensor in held.items()} for group, held in groups.items()}

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
        for name, kind in NUMBERS.items():
            setattr(self, name, TypeAdapter(kind).validate_python(numbers[name]))
        if self.step > self.steps:
            raise ValueError("more steps than there are")


def _predictions(piece: Piece) -> int:
    """How many predictions the batch has that a piece is, or is a share of."""
    return int(np.count_nonzero(piece.targets != NO_TARGET)) if piece.whole is None else piece.whole


def drawn(seed: int, step: int, rank: int) -> int:
    """A seed for what process `rank` draws in a step."""
    return int(np.random.SeedSequence((seed, step, rank)).generate_state(1)[0])


@contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """In here torch draws from this seed, on every device; after it the CPU draws on from where it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def own_parts(config: Config, processes: Processes) -> int:
    """How many parts a process makes of its rows of a stream.

    On one machine there are `train.parts` for all of them, so that the sum of all is that of one process, to the last
    bit. Several machines do not add up in pairs, and each of their processes may have as many threads.
    """
    return max(1, config.train.parts // processes.count) if processes.hub else config.train.parts


def most_threads(config: Config, processes: Processes) -> int:
    """How many threads a process has work for in a step: of a stream one for each part, of a list any number."""
    if config.data.kind == "items":
        return torch.get_num_threads()
    rows = -(-config.train.rows // processes.count)
    return 1 if config.data.local else min(own_parts(config, processes), rows, torch.get_num_threads())


def keep_memory() -> None:
    """Tells the C library (glibc) to keep what a step frees for the next step.

    By itself it gives large pieces back to the system, and each step gets them anew page by page: two threads then wait
    for each other there for a fifth of their time (docs/log.md).
    """
    with suppress(OSError, AttributeError):  # another C library
        change = ctypes.CDLL(None).mallopt
        for what, size in ((M_MMAP_THRESHOLD, 1 << 25), (M_TRIM_THRESHOLD, 1 << 26), (M_ARENA_MAX, 1)):
            change(what, size)


def use_threads(threads: int, config: Config) -> None:
    """Threads for torch itself: all for items; one for rows of a stream, of which each part has a thread."""
    torch.set_num_threads(threads if config.data.kind == "items" else 1)


def _with_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def resumed(
    config: Config,
    shape: Shape,
    tensors: dict[str, dict[str, Tensor]],
    numbers: dict[str, object],
    processes: Processes = ALONE,
) -> Training:
    """The training that a checkpoint was taken of. Raises DamagedError if it does not fit the settings."""
    step = numbers.get("step")
    # the first checkpoints of format 1 are those of checks alone, and do not say when they were planned
    numbers = {"checked": step, "planned": step, "stepping": 0.0, "checking": 0.0, **numbers}
    if fits(outline(config.model, shape.vocab_size, shape.given_size), tensors["model"]):
        training = Training.begin(config, shape, 1, 1, processes)
        with suppress(KeyError, RuntimeError, IndexError, ValueError):
            training.restore(tensors, numbers)
            if processes.count > 1:  # it may have begun with fewer of them
                training.threads = min(training.threads, processes.threads)
            return training
    raise DamagedError("the latest checkpoint does not fit the settings of the run. Train it anew.")
