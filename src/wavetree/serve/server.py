"""The application under uvicorn: how it listens, and how it stops without losing what it has taken."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wavetree.errors import InputError
from wavetree.serve.app import Settings, make_app
from wavetree.serve.guard import is_loopback
from wavetree.serve.limits import limit, most
from wavetree.serve.refusals import Refusal

GRACE = 30
"""Seconds that requests have to end, once the server is asked to stop."""


class Protocol(HttpToolsProtocol):
    """HTTP whose headers are counted, and waited for, before there is a request."""

    def connection_made(self, transport: Any) -> None:
        """Begins to wait."""
        super().connection_made(transport)
        self._head_bytes = 0
        self._overdue: asyncio.TimerHandle | None = None
        self._wait_for_head()

    def _wait_for_head(self) -> None:
        self._head_bytes = 0
        self._overdue = self.loop.call_later(limit("header_seconds").most, self._give_up)

    def _head_came(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no more."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hands on what is within the limit."""
        if self._overdue is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._overdue is not None and self._head_bytes > most("header_bytes"):
            self._give_up()

    def on_headers_complete(self) -> None:
        """The head of a request has come."""
        self._head_came()
        super().on_headers_complete()

    def on_message_begin(self) -> None:
        """The first byte of another request."""
        if self._overdue is None:
            self._wait_for_head()
        super().on_message_begin()

    def _give_up(self) -> None:
        self._head_came()
        if self.transport.is_closing():
            return
        if self._head_bytes:  # one who has sent nothing has asked nothing, and gets no answer
            refusal = Refusal("headers", "the headers are too many, too long or too slow: see /limits.")
            head = f"HTTP/1.1 {refusal.status} Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
            head += f"content-length: {len(refusal.body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode() + refusal.body)
        self.transport.close()


class Server(uvicorn.Server):
    """Uvicorn, which first ends what would never end by itself: streams of events, and training."""

    def __init__(self, config: uvicorn.Config, app: Any, say: Callable[[str], None]) -> None:
        super().__init__(config)
        self._app, self._say = app, say

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says where it is, once it listens.

        What has been loaded by then stays: to look through all of it for garbage, now and then, would hold up answers.
        """
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            self._say(f"serving at http://{f'[{host}]' if ':' in host else host}:{port}/ (Ctrl-C ends)")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Saves training while the last answers are made."""
        service = self._app.state.service
        service.stopping.set()
        if any(job.live for job in service.jobs.all()):
            self._say("stopping; what is training is saved first")
        closing = asyncio.ensure_future(service.jobs.close())
        await super().shutdown(sockets)
        await closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Asked to stop; the signal is not raised again after that, since stopping in order is a good end."""
        super().handle_exit(sig, frame)
        self._captured_signals.clear()


def serve(settings: Settings, port: int, say: Callable[[str], None]) -> None:
    """Serves until it is asked to stop. Raises InputError for an address that cannot be had, or may not."""
    if settings.token is None and not is_loopback(settings.address):
        raise InputError(
            f"{settings.address} can be reached from other machines: give a --token that they have to know, or leave "
            "--host out."
        )
    torch.set_num_threads(1)
    guarded, app = make_app(settings)
    listening = _listen(settings.address, port)
    config = uvicorn.Config(
        guarded,
        http=Protocol,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        backlog=1024,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE,
    )
    Server(config, app, say).run([listening])


def _listen(address: str, port: int) -> socket.socket:
    """A socket that listens. Raises InputError."""
    found: socket.socket | None = None
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(place)
    except (OSError, OverflowError, UnicodeError) as error:
        if found is not None:
            found.close()
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise InputError(f"{address}, port {port} cannot be listened at: {reason}. Choose another --port.") from None
    return found
