"""Several processes at once for the tests: the real ones, small, from a server that has imported torch already."""

from __future__ import annotations

import multiprocessing
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from wavetree.config import TrainConfig
from wavetree.errors import WavetreeError
from wavetree.layers import BatchNorm
from wavetree.models.graph import FusionGraph
from wavetree.runs import RunFolder, given_size, sides_of
from wavetree.train import Processes, hub, joined, loop, optimisers, train, training
from wavetree.train.batches import batches_of
from wavetree.train.limit import Limit
from wavetree.train.loop import planned
from wavetree.train.training import Shape, Training

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["tests.train.several"])


@dataclass(frozen=True)
class Learnt:
    """The loss of each step, and the gradients of the first."""

    losses: list[float]
    gradients: list[npt.NDArray[np.float32]]


def together(count: int, work: Callable[..., Any], *told: Any) -> list[Any]:
    """What `work(*told)` gives in each of `count` processes, by rank; an error of wavetree as its text."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    started = []
    for rank in range(count):
        ours, theirs = SERVER.Pipe(duplex=False)
        process = SERVER.Process(target=_one, args=(rank, count, port, theirs, work, told))
        process.start()
        theirs.close()
        started.append((process, ours))
    given = []
    for process, ours in started:
        try:
            given.append(ours.recv())
        except EOFError:  # it has ended without a word
            given.append(None)
        process.join(60)
    return given


def _one(rank: int, count: int, port: int, answer: Any, work: Callable[..., Any], told: tuple[Any, ...]) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    try:
        answer.send(work(*told))
    except WavetreeError as error:
        answer.send(str(error))


def learn(path: Path, steps: int, twin: str = "") -> Learnt:
    """The first steps of a run; by a broken `twin` of the sharing, if one is named."""
    if twin == "as on two machines":  # no broken one
        os.environ["LOCAL_WORLD_SIZE"] = "1"
    with joined() as processes:
        assert (processes.hub is None) == (twin == "as on two machines")
        return steps_of(path, steps, processes, twin)


def steps_of(path: Path, steps: int, processes: Processes, twin: str = "") -> Learnt:
    """The same, by one of the processes."""
    folder = RunFolder.open(path)
    config = folder.config()
    batches = batches_of(sides_of(folder).train, config, processes)
    shape = Shape(folder.codec().vocab_size, given_size(folder))
    state = Training.begin(config, shape, steps, 1, processes)
    if twin == "statistics of its own":
        for norm in (module for module in state.model.modules() if isinstance(module, BatchNorm)):
            norm.total = None
    if twin == "nodes counted by each":
        FusionGraph.after = uncounted(FusionGraph.after)  # type: ignore[method-assign]
    if twin == "noise of its own":
        training.drawn = lambda seed, step, _: 100 * step + processes.rank
    if twin == "directions of its own":
        optimisers.orthogonalised = half_done(processes)
    if twin == "parts of its own":
        training.own_parts = lambda config, _: config.train.parts
    if twin == "one after the other":
        hub.in_pairs = lambda parts: sum(parts[1:], parts[0])  # type: ignore[assignment]
    if twin == "means of means":
        batches = OwnCount(batches, processes)
    piece = batches[0]
    _, gradients = state._gradients(piece, config)
    losses = []
    for step in range(steps):
        state.advance(batches[step], config)
        losses.append(state.block[-1])
    return Learnt(losses, [gradient.clone().numpy() for gradient in gradients])


def uncounted(after: Callable[[FusionGraph, int], FusionGraph]) -> Callable[[FusionGraph, int], FusionGraph]:
    """A share of a graph in which every node counts, though others have it too."""

    def broken(graph: FusionGraph, position: int) -> FusionGraph:
        share = after(graph, position)
        return replace(share, counted=(None,) * len(share.counted))

    return broken


def half_done(processes: Processes) -> Callable[..., torch.Tensor]:
    """Matrices of which each process makes its share orthogonal, and tells nobody."""
    alone = replace(processes, hub=None, count=1)
    whole = optimisers.orthogonalised

    def broken(stack: torch.Tensor, workers: int, _: Processes) -> torch.Tensor:
        if len(stack) < processes.count:
            return whole(stack, workers, alone)
        own = processes.share(len(stack))
        found = stack.clone()
        found[own] = whole(stack[own], workers, alone)
        return found

    return broken


class OwnCount:
    """Batches whose loss is the mean over processes of their means, as if all shares were equally long."""

    def __init__(self, batches: Any, processes: Processes) -> None:
        self.batches, self.processes = batches, processes

    def __getitem__(self, step: int) -> Any:
        piece = self.batches[step]
        return replace(piece, whole=int((piece.targets >= 0).sum()) * self.processes.count)


def vanish(path: Path) -> object:
    """The last process ends in the middle of a run, without a word."""
    with joined() as processes:
        if processes.rank == processes.count - 1:
            steps_of(path, 2, processes)
            os._exit(1)
        return steps_of(path, 50, processes)


def refuse(path: Path) -> object:
    """Process 0 cannot begin."""
    with joined() as processes:

        def work() -> None:
            raise WavetreeError(f"{path} is not there.")

        return processes.lead(work)


def add_up() -> object:
    """Sums of numbers whose order matters, of several types and shapes; and which way they went."""
    with joined() as processes:
        third = torch.tensor([[1e8, 3.0, 3.0, 3.0][processes.rank], 1 / 3]).repeat(2, 3, 100_000)
        sums = [processes.total(third.clone().to(kind)) for kind in (torch.float32, torch.float64, torch.bfloat16)]
        return [each.flatten()[:2].tolist() for each in sums], int(processes.total(torch.tensor(processes.rank)))


def go_on(path: Path, threads: int = 1) -> float:
    """Goes on with a run to its end; its best loss. One that begins has so many threads."""
    with joined() as processes:
        loop.planned = lambda config, *_: (config.train.steps or 1, threads, 0.0)
        return train(RunFolder.open(path), processes=processes).val_nll


def plan(path: Path) -> tuple[int, int, float]:
    """What a limit in seconds becomes, where process 1 has twice the processors and a clock that goes twice as fast.

    Gives steps, threads, the seconds of a check. Of a stream, a check is reckoned from a part that the processes cannot
    share evenly.
    """
    with joined() as processes:
        torch.set_num_threads(1 + processes.rank)
        clock = time.perf_counter
        loop.time = SimpleNamespace(perf_counter=lambda: (1 + processes.rank) * clock())  # type: ignore[assignment]
        loop.TIMED = 100
        folder = RunFolder.open(path)
        config, sides = folder.config(), sides_of(folder)
        shape = Shape(folder.codec().vocab_size, given_size(folder))
        return planned(config, shape, batches_of(sides.train, config, processes), sides.validation, processes)


def plan_anew() -> tuple[int, list[int]]:
    """The steps of a run and of its checks, as they are planned half-way: process 1 has seen steps twice as long."""
    with joined() as processes:
        state = SimpleNamespace(steps=100, planned=0, step=50, checked=-1, checking=0.0, processes=processes)
        state.stepping = state.seconds = 10.0 * (1 + processes.rank)
        due = Limit(state, TrainConfig(seconds=60), None).kept({50, 100})  # type: ignore[arg-type]
        return state.steps, sorted(due)


def agree() -> object:
    """What all have in common: of the first its number, and whether any was asked to stop."""
    with joined() as processes:
        told = processes.told(float(processes.rank + 5))
        return told, [processes.stop(processes.rank == 1, step) for step in (8, 9)], torch.get_num_threads()
