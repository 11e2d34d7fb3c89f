"""Sums over the processes of one machine: each has a socket to the first of them, which adds up and answers.

gloo's sum is made for networks. It goes through two threads more in each process, which wake each other: ten times as
long for a small message as this, where who waits for the sum is who reads it (docs/scale.md).
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

LONGEST = 108
"""Bytes of a socket's path: no system allows more."""
RANK = 4
"""Bytes by which a process says which one it is."""


@dataclass(frozen=True)
class Hub:
    """Process `rank` has `lines`: number 0 one to each of the others, by their rank; the others one to number 0.

    What is done here raises OSError when another process has ended, or does not answer in time.
    """

    rank: int
    lines: Sequence[socket.socket]

    def total(self, numbers: Tensor) -> None:
        """In place of a contiguous tensor the sum of all, `in_pairs` by rank: the same to the last bit in each."""
        own = _bytes(numbers)
        if self.rank == 0:
            others = [torch.empty_like(numbers) for _ in self.lines]
            for line, other in zip(self.lines, others, strict=True):
                _read(line, _bytes(other))
            in_pairs([numbers, *others])
        for line in self.lines:
            line.sendall(own)
        if self.rank > 0:
            _read(self.lines[0], own)

    def close(self) -> None:
        """After this there are no more sums; who waits for one hears of it at once."""
        for line in self.lines:
            line.close()


def in_pairs(parts: Sequence[Tensor]) -> Tensor:
    """The sum of both halves' sums, in the place of the first: of four that of two sums of two, to the last bit."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    total = in_pairs(parts[:half])
    total += in_pairs(parts[half:])
    return total


def hub_of(rank: int, count: int, seconds: float) -> Hub | None:
    """The part of process `rank` of `count`, each of which has to call this; it waits for `seconds` for another.

    None where the system has no such sockets, or no place for one.
    """
    if not hasattr(socket, "AF_UNIX"):
        return None
    if rank > 0:
        place = _told("")
        return Hub(rank, [_line_to(place, rank, seconds)]) if place else None
    with ExitStack() as stack:
        try:
            place = str(
                Path(stack.enter_context(tempfile.TemporaryDirectory()), "hub")
            )  # nobody else may look in there
            door = stack.enter_context(socket.socket(socket.AF_UNIX))
            door.bind(place)
            door.listen(count)
        except OSError:
            _told("")
            return None
        door.settimeout(seconds)
        _told(place)
        lines = dict(_introduced(door.accept()[0], seconds) for _ in range(1, count))
    return Hub(rank, [lines[other] for other in sorted(lines)])


def _told(place: str) -> str:
    """What process 0 has here."""
    told = torch.tensor(list(place.encode().ljust(LONGEST, b"\0")), dtype=torch.uint8)
    dist.broadcast(told, 0)
    return bytes(told.tolist()).rstrip(b"\0").decode()


def _line_to(place: str, rank: int, seconds: float) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(seconds)
    line.connect(place)
    line.sendall(rank.to_bytes(RANK))
    return line


def _introduced(line: socket.socket, seconds: float) -> tuple[int, socket.socket]:
    """Who is at the other end, and the line."""
    line.settimeout(seconds)
    rank = bytearray(RANK)
    _read(line, memoryview(rank))
    return int.from_bytes(rank), line


def _bytes(numbers: Tensor) -> memoryview:
    """The memory of a tensor, of any type."""
    return memoryview(numbers.view(-1).view(torch.uint8).numpy())  # type: ignore[arg-type]


def _read(line: socket.socket, into: memoryview) -> None:
    while into:
        count = line.recv_into(into)
        if not count:
            raise ConnectionError("the other end is closed")
        into = into[count:]
