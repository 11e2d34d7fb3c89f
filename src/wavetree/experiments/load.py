"""Many clients at one server, in a process of their own: each asks, waits for its answer, and asks again.

    python load.py < plan.json > found.json

The HTTP is written by hand: a client library would take longer than the server that is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import count

CONNECT_TRIES = 50


@dataclass(frozen=True)
class Plan:
    """`clients` ask for `seconds` seconds for the scores of `strings`, one by one. `path` is the route."""

    port: int
    path: str
    clients: int
    seconds: float
    strings: list[str]


@dataclass
class Found:
    """Latencies of good answers in seconds; how many answers had each status; what was lost on the way."""

    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    lost: int = 0
    wrong: int = 0
    """Answers that belong to another question."""
    seconds: float = 0.0


async def client(plan: Plan, found: Found, number: int, until: float) -> None:
    """One client: a connection, and one question after another on it."""
    reader, writer = await _connected(plan.port)
    for turn in count():
        if time.monotonic() >= until:
            break
        string = plan.strings[(number * 7919 + turn) % len(plan.strings)]
        body = json.dumps({"items": [string]}).encode()
        head = (
            f"POST {plan.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        begun = time.perf_counter()
        try:
            writer.write(head.encode() + body)
            status, wait, answer = await _answer(reader)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            found.lost += 1
            writer.close()
            reader, writer = await _connected(plan.port)
            continue
        found.statuses[status] = found.statuses.get(status, 0) + 1
        if status == 200:
            found.latencies.append(time.perf_counter() - begun)
            found.wrong += len(json.loads(answer)["scores"][0]["surprisal"]) != len(string) + 1
        elif status == 429:
            await asyncio.sleep(wait)
    writer.close()


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    for _ in range(CONNECT_TRIES):
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
    return await asyncio.open_connection("127.0.0.1", port)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, float, bytes]:
    """The status, the seconds to wait before the next try, and the body. Raises ValueError for what is no answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
    body = await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split(" ")[1]), float(headers.get("retry-after", 0)), body


async def load(plan: Plan) -> Found:
    """All clients at once."""
    found = Found()
    begun = time.monotonic()
    await asyncio.gather(*(client(plan, found, number, begun + plan.seconds) for number in range(plan.clients)))
    found.seconds = time.monotonic() - begun
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(asyncio.run(load(Plan(**json.loads(sys.stdin.read())))))))
