"""What happens, in order, kept so that who comes late hears all of it; and the same as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent, so that a client that left is noticed."""
END = "end"


@dataclass(frozen=True)
class Event:
    """One thing that happened."""

    number: int
    kind: str
    data: Mapping[str, Any]

    @property
    def lines(self) -> bytes:
        """As a server-sent event."""
        return sse(self.kind, self.data, self.number)


def sse(kind: str, data: Mapping[str, Any], number: int | None = None) -> bytes:
    """A server-sent event."""
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


class EventLog:
    """Events in order. It is written and read in one event loop."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._changed = asyncio.Event()
        self._closed = False

    def add(self, kind: str, data: Mapping[str, Any]) -> None:
        """One more; every reader wakes."""
        self._events.append(Event(len(self._events) + 1, kind, data))
        self._wake()

    def close(self) -> None:
        """Readers end when they have read all; nothing more will come for now."""
        self._closed = True
        self._wake()

    async def after(self, number: int) -> AsyncIterator[bytes]:
        """Every event after that one, as server-sent events, until one is the end."""
        at = max(0, number)
        while True:
            changed = self._changed
            while at < len(self._events):
                event = self._events[at]
                at += 1
                yield event.lines
                if event.kind == END and at == len(self._events):
                    return
            if self._closed:
                return
            try:
                await asyncio.wait_for(changed.wait(), HEARTBEAT)
            except TimeoutError:
                yield b": \n\n"

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
