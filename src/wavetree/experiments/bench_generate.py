"""`wavetree bench generate`: sound from a WaveNet on one core, and what a step costs by levels and by what it sees."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from wavetree.codecs import PAD
from wavetree.config import WaveNetConfig
from wavetree.experiments.machine import median_time, using_threads
from wavetree.generate import Choice
from wavetree.generate.engine import Engine
from wavetree.generate.sampler import choose
from wavetree.models import WaveNet, build, evaluating
from wavetree.report import machine_stamp

RATE = 16_000
REFERENCE = WaveNetConfig(stacks=3, levels=10, channels=32, hidden=32, skip=64, norm="none")
"""30 levels, three times 1, 2, 4 ... 512, which see 3,070 samples: the network that public code is timed with."""
CODES = 256
ROUNDS = 9
TORCH_STEPS = 30
NAIVE_STEPS = 3
LEVELS = tuple(range(6, 13))
"""Of one stack, which see 64 to 4,096."""
REACHES = (64, 128, 256, 512, 1024, 2048, 4096)
NEAR = 64
SAMPLES = RATE // 4
"""How many are made in a round."""


@dataclass(frozen=True)
class StepCost:
    """Microseconds for one more sample of one stream, the choice included: compiled, in torch, and the window anew."""

    levels: int
    sees: int
    compiled: float
    torch: float
    naive: float


@dataclass(frozen=True)
class GenerateBench:
    """What was measured, on one core. Speeds are medians of rounds."""

    machine: dict[str, object]
    network: dict[str, Any]
    samples_per_second: float
    realtime: float
    """How many seconds of sound at 16 kHz are made in one."""
    torch_samples_per_second: float
    naive_samples_per_second: float
    near_and_far: float
    """What a step costs where as many levels see `NEAR` symbols, as a share of where they see all; they take turns."""
    by_levels: tuple[StepCost, ...]
    by_reach: tuple[StepCost, ...]
    name: str = "generate"

    def document(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self)


def bench_generate(
    say: Callable[[str], None],
    network: WaveNetConfig = REFERENCE,
    levels: Sequence[int] = LEVELS,
    reaches: Sequence[int] = REACHES,
    samples: int = SAMPLES,
) -> GenerateBench:
    """Times `network`, then one stack of each of `levels`, then as many levels as it has that see each of `reaches`."""
    say(f"{len(network.all_dilations)} levels, one stream, one core ...")
    with using_threads(1):
        reference = step_cost(network, samples)
        speed = 1e6 / reference.compiled
        say(f"compiled: {speed:,.0f} samples a second, {speed / RATE:.2f} x real time")
        near = _other(network, dilations_that_see(len(network.all_dilations), min(NEAR, reference.sees)))
        ratio = near_and_far(near, network, samples)
        say(f"a step that sees {min(NEAR, reference.sees)} costs {ratio:.2f} of one that sees {reference.sees:,}")
        stacks = [step_cost(_other(network, tuple(1 << i for i in range(count))), samples) for count in levels]
        say("by levels: done")
        spread = [
            step_cost(_other(network, dilations_that_see(len(network.all_dilations), reach)), samples)
            for reach in reaches
        ]
    return GenerateBench(
        machine=machine_stamp(),
        network={**network.model_dump(mode="json"), "symbols": CODES, "sees": reference.sees, "rate": RATE},
        samples_per_second=speed,
        realtime=speed / RATE,
        torch_samples_per_second=1e6 / reference.torch,
        naive_samples_per_second=1e6 / reference.naive,
        near_and_far=ratio,
        by_levels=tuple(stacks),
        by_reach=tuple(spread),
    )


def dilations_that_see(levels: int, reach: int) -> tuple[int, ...]:
    """Dilations for kernel 2 that see exactly `reach` symbols without a hole, all grown as evenly as they can be."""
    dilations, left, grown = [1] * levels, reach - 1 - levels, True
    while left > 0 and grown:
        grown = False
        for level in range(levels):
            more = min(dilations[level], left, (1 << min(level, 16)) - dilations[level])
            dilations[level], left, grown = dilations[level] + more, left - more, grown or more > 0
    if left:
        raise ValueError(f"{levels} levels cannot see exactly {reach} symbols")
    return tuple(dilations)


def step_cost(network: WaveNetConfig, samples: int) -> StepCost:
    """The three ways to make one more sample; torch with as many threads as it is set to."""
    model = build(network, CODES, seed=1)
    draws = np.random.default_rng(1).random((1, samples))
    with evaluating(model):
        return StepCost(
            levels=len(network.all_dilations),
            sees=model.receptive_field,
            compiled=statistics.median(_rounds(model, draws)) * 1e6,
            torch=_torch_step(model) * 1e6,
            naive=_naive_step(model) * 1e6,
        )


def near_and_far(near: WaveNetConfig, far: WaveNetConfig, samples: int) -> float:
    """The cost of a step of one network as a share of another's: they take turns, and the median round counts."""
    draws = np.random.default_rng(1).random((1, samples))
    streams = [_Stream(build(network, CODES, seed=1), draws) for network in (near, far)]
    rounds = [[stream.round() for stream in streams] for _ in range(2 * ROUNDS)]
    return statistics.median(one / other for one, other in rounds)


class _Stream:
    """One stream that goes on from round to round."""

    def __init__(self, model: WaveNet, draws: npt.NDArray[np.float64]) -> None:
        self.engine, self.draws, self.last = Engine.of(model), draws, np.array([PAD])
        self.state = self.engine.start(1)
        self.round()

    def round(self) -> float:
        """Seconds a sample."""
        begun = time.perf_counter()
        self.last = self.engine.run(self.last, self.state, self.draws, Choice())[:, -1]
        seconds = time.perf_counter() - begun
        return seconds / len(self.draws[0])


def _rounds(model: WaveNet, draws: npt.NDArray[np.float64]) -> list[float]:
    stream = _Stream(model, draws)
    return [stream.round() for _ in range(ROUNDS)]


def _torch_step(model: WaveNet) -> float:
    state, symbol = model.start(), np.array([PAD])

    def step() -> None:
        nonlocal state, symbol
        logits, state = model.step(torch.from_numpy(symbol), state)
        symbol = choose(logits, np.array([0.5]), Choice())

    return median_time(step, TORCH_STEPS)


def _naive_step(model: WaveNet) -> float:
    window = torch.from_numpy(np.random.default_rng(1).integers(0, CODES, (1, model.receptive_field)))
    return median_time(lambda: choose(model.window(window), np.array([0.5]), Choice()), NAIVE_STEPS)


def _other(network: WaveNetConfig, dilations: tuple[int, ...]) -> WaveNetConfig:
    return network.model_copy(update={"dilations": dilations})
