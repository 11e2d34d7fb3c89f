"""Many processes that learn one run: each works on its share of every batch, and their gradients are added up.

    torchrun --nproc-per-node 2 -m wavetree train ...

A step is then that of one process over the whole batch, to rounding: the batch follows from (seed, step), its loss is a
sum divided by the number of all its symbols, a batch norm has the statistics of all of it (layers/norm.py). All
processes hold the same weights, and take the same steps. Process 0 alone writes.

The gradients travel as one flat tensor, not by torch's DistributedDataParallel, which hooks into `backward()` of
one module and takes the mean over processes, whatever their shares (docs/scale.md says why).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from wavetree.data.rows import shares
from wavetree.errors import SettingError, WavetreeError
from wavetree.train.hub import Hub, hub_of

T = TypeVar("T")

SILENCE = timedelta(seconds=45)
"""How long a process waits for the others within a step. The default of gloo is half an hour."""
PATIENCE = timedelta(days=1)
"""How long the others wait for process 0 to read a corpus, or to save. That one has died is noticed at once."""
ASKED_EVERY = 8
"""Steps between two agreements on whether to stop."""


@dataclass(frozen=True)
class Processes:
    """Process `rank` of `count`, with `local` of them on this machine; what they do together, all of them have to call.

    Each raises WavetreeError when another process does not answer any more.
    """

    rank: int = 0
    count: int = 1
    local: int = 1
    restarts: int = 0
    """How often torchrun has started all of them anew."""
    launched: float | None = None
    """When it started them for the first time, by the clock of the file system; None where nothing tells."""
    patient: Any = None
    """The same processes once more, for what may take long."""
    place: int = 0
    """The number of this process among those of its machine."""
    gpus: Any = None
    """The same processes once more, for what lies on their GPUs."""
    hub: Hub | None = None
    """Where all are on this machine, what adds up for them in place of gloo."""

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    @property
    def threads(self) -> int:
        """Processors of this machine for each of its processes."""
        return max(1, processors() // self.local)

    def on(self, device: str) -> Processes:
        """The same, ready to add up what lies on a device: each takes a GPU of its own, and nccl carries the sums.

        Raises SettingError where there are not as many GPUs, or where what is on the device cannot be sent.
        """
        if self.count == 1 or device == "cpu":
            return self
        if device != "cuda":
            raise SettingError(
                f"{self.count} processes cannot share a run on {device}, whose sums nothing carries: start one, or set "
                "train.device=cpu."
            )
        if self.local > torch.cuda.device_count():
            raise SettingError(
                f"there are {self.local} processes on a machine that has {torch.cuda.device_count()} GPUs: start one "
                "process for each (--nproc-per-node), or set train.device=cpu."
            )
        torch.cuda.set_device(self.place)
        os.environ.setdefault("TORCH_NCCL_BLOCKING_WAIT", "1")  # so that a lost process is an error, and no abort
        with self._together():
            return replace(self, gpus=dist.new_group(backend="nccl", timeout=SILENCE))

    def share(self, size: int) -> slice:
        """Which of `size` things, at least one for each process, are this one's."""
        return shares(0, size, self.count)[self.rank]

    def total(self, numbers: Tensor) -> Tensor:
        """The sum over all processes of a tensor, in its place; the same to the last bit in each."""
        if numbers.device.type != "cpu":
            return self._summed(numbers, self.gpus)
        if self.hub is None:
            return self._summed(numbers, None)
        with self._together():
            self.hub.total(numbers)
        return numbers

    def total_patiently(self, numbers: Tensor) -> Tensor:
        """The same, where one process may be much slower than another."""
        return self._summed(numbers, self.patient)

    def totals(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The sums over all processes of each tensor, in one message."""
        if self.count == 1:
            return list(tensors)
        flat = self.total(torch.cat([tensor.reshape(-1) for tensor in tensors]))
        pieces = torch.split(flat, [tensor.numel() for tensor in tensors])
        return [piece.view_as(tensor) for piece, tensor in zip(pieces, tensors, strict=True)]

    def told(self, number: float) -> float:
        """What process 0 has here, such as a time that it measured, so that all decide alike."""
        if self.count == 1:
            return number
        found = torch.tensor(number, dtype=torch.float64)
        with self._together():
            dist.broadcast(found, 0, group=self.patient)
        return found.item()

    def stop(self, asked: bool, step: int) -> bool:
        """Whether any process was asked to stop; all learn of it before the same step."""
        if self.count == 1:
            return asked
        return step % ASKED_EVERY == 0 and bool(self.total(torch.tensor(int(asked))))

    def lead(self, work: Callable[[], T]) -> T | None:
        """Process 0 does it while the others wait, and get None. What it raises there ends the others too."""
        made, code = None, 0
        try:
            if self.leads:
                code = -1
                made = work()
                code = 0
        except WavetreeError as error:
            code = error.exit_code
            raise
        finally:
            found = int(self.told(code))
        if found and not self.leads:
            ended = WavetreeError(f"process {self.rank} ends, since process 0 does.")
            ended.exit_code = max(found, 1)
            raise ended
        return made

    def _summed(self, numbers: Tensor, group: Any) -> Tensor:
        if self.count > 1:
            with self._together():
                dist.all_reduce(numbers, group=group)
        return numbers

    @contextmanager
    def _together(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, ConnectionError, TimeoutError) as error:
            raise WavetreeError(
                f"process {self.rank} of {self.count} has lost another: it has ended, or does not answer. The "
                "last checkpoint is whole: go on from it with --resume, or let `torchrun --max-restarts` do so."
            ) from error


ALONE = Processes()


def _launched() -> float | None:
    """The time of the folder that torchrun makes for the first attempt; a file for errors lies in attempt_N/RANK."""
    file = Path(os.environ.get("TORCHELASTIC_ERROR_FILE", ""))
    if file.name != "error.json":
        return None
    try:
        return (file.parents[2] / "attempt_0").stat().st_mtime
    except (OSError, IndexError):
        return None


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that torchrun has started, for as long as they work together; `ALONE` where it has started none.

    torchrun allows each process one thread, where nothing else is told; here each may have its part of the machine.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    restarts = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
    if count == 1:
        yield Processes(restarts=restarts, launched=_launched())
        return
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_WORLD_SIZE", count))
    alone = Processes(rank, count, local, restarts, _launched(), place=int(os.environ.get("LOCAL_RANK", rank)))
    with alone._together():
        dist.init_process_group("gloo", timeout=SILENCE, **_meeting(alone))
        patient = dist.new_group(backend="gloo", timeout=PATIENCE)
        one_machine = os.environ.get("LOCAL_WORLD_SIZE") == str(count)
        hub = hub_of(rank, count, SILENCE.total_seconds()) if one_machine else None
    threads = torch.get_num_threads()
    torch.set_num_threads(alone.threads)
    try:
        yield replace(alone, patient=patient, hub=hub)
    finally:
        if hub is not None:
            hub.close()
        torch.set_num_threads(threads)
        dist.destroy_process_group()


def _meeting(processes: Processes) -> dict[str, Any]:
    """Where the processes find each other: where torchrun says, under a name of its own for each restart.

    The store of torchrun 2.13 outlives a restart, and with it the addresses of the dead: those who are started anew
    would wait for them (docs/scale.md).
    """
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return {}
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = dist.TCPStore(address, port, is_master=False, timeout=SILENCE)  # type: ignore[attr-defined]
    name = f"wavetree, restart {processes.restarts}"
    ours = dist.PrefixStore(name, store)  # type: ignore[attr-defined]
    return {"store": ours, "rank": processes.rank, "world_size": processes.count}


def processors() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
