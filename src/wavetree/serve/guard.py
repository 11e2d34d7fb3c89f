"""What every request passes before anything looks at it, and what every answer carries.

A body is counted as it comes in and handed on whole; who sends too much, too slowly or too deep is told so and left.
A page of another site can neither ask (`Origin`) nor pretend to be this one under a name of its own (`Host`).
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import re
import socket
import time
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs, urlsplit

from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wavetree.serve.limits import limit, most
from wavetree.serve.refusals import Refusal

COOKIE = "wavetree_token"
POLICY = (
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'"
)
ALWAYS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
}
OPEN = ("/health", "/ready")
"""What a supervisor asks, who has no token."""
EVERYWHERE = {"0.0.0.0", "::"}
LISTS = ("/api/jobs/train", "/api/jobs/compare")
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)
"""A string, to its end or that of the body, so that no byte is looked at twice; or a bracket."""


Seen = Callable[[str, int, float], None]
"""Is told the route, the status and the seconds of every answer; a status of 0 is none."""


class Guard:
    """The ASGI app that stands before the other one."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str], token: str | None, seen: Seen) -> None:
        self._app, self._token, self._seen = app, token, seen
        self._hosts = frozenset(host.lower() for host in hosts)
        self._by_number = bool(self._hosts & EVERYWHERE)
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        begun, status = time.perf_counter(), 0

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                held = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *((k, v) for k, v in ALWAYS.items() if k not in held)]
            await send(message)

        if self._open >= most("requests"):
            await refuse(Refusal("busy", "too many requests are being answered: try again in a moment."), guarded)
            return
        self._open += 1
        try:
            await self._pass(scope, receive, guarded)
        except Refusal as refusal:
            await refuse(refusal, guarded)
        finally:
            self._open -= 1
            self._seen(getattr(scope.get("route"), "path", "other"), status, time.perf_counter() - begun)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = self._headers(scope)
        self._check_source(headers)
        if self._token is not None and scope["path"] not in OPEN:
            if scope["path"] == "/" and (shown := _asked_token(scope)) is not None:
                await self._let_in(shown, send)
                return
            self._check_token(headers)
        body = await self._body(scope, headers, receive)
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    def _headers(self, scope: Scope) -> dict[bytes, bytes]:
        """By name; of a name that comes twice where once is meant, nothing is taken."""
        raw: list[tuple[bytes, bytes]] = scope["headers"]
        size = len(scope.get("raw_path") or b"") + len(scope["query_string"]) + sum(len(k) + len(v) for k, v in raw)
        if len(raw) > most("headers") or size > most("header_bytes"):
            raise Refusal("headers", "the headers are too many or too long: see /limits.")
        names = [name for name, _ in raw]
        for once in (b"host", b"origin", b"content-type", b"content-length", b"authorization"):
            if names.count(once) > 1:
                raise Refusal("bad_request", "a header that may stand once stands twice.")
        return dict(raw)

    def _check_source(self, headers: dict[bytes, bytes]) -> None:
        """Raises Refusal where the request is not meant for this server, or comes from a page of another."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = _name(host)
        if name not in self._hosts and not (self._by_number and _is_number(name)):
            raise Refusal("foreign_host", "this server is not called that: open it by the address that it printed.")
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1").lower() not in (f"http://{host}", f"https://{host}"):
            raise Refusal("foreign_origin", "a page of another site may not ask this server.")
        elsewhere = origin is None and headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site")
        if elsewhere and headers.get(b"sec-fetch-mode") != b"navigate":
            raise Refusal("foreign_origin", "a page of another site may not ask this server.")

    def _check_token(self, headers: dict[bytes, bytes]) -> None:
        assert self._token is not None
        scheme, _, shown = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        shown = shown.strip() if scheme.lower() == "bearer" else _cookie(headers)
        if not hmac.compare_digest(shown.encode(), self._token.encode()):
            raise Refusal("no_token", "this server asks for its token: open /?token=..., or send it as a bearer token.")

    async def _let_in(self, shown: str, send: Send) -> None:
        """The page, opened with the token in its address: from now on a cookie holds it."""
        assert self._token is not None
        if not hmac.compare_digest(shown.encode(), self._token.encode()):
            raise Refusal("no_token", "this is not the token of this server.")
        cookie = f"{COOKIE}={self._token}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 303, "headers": [*headers, (b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def _body(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """All of it, counted while it comes. Raises Refusal for too much, too slow, too deep, or no JSON."""
        posts = scope["method"] not in ("GET", "HEAD", "OPTIONS")
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if posts and kind != b"application/json":
            raise Refusal("not_json", "a body is JSON here: send it as application/json.")
        allowed = most("list_bytes" if scope["path"] in LISTS else "body_bytes") if posts else 0
        said = headers.get(b"content-length", b"0")
        if not said.isdigit() or int(said) > allowed:
            raise Refusal("too_large", f"the body is too large: {allowed:,} bytes are allowed here.")
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(limit("body_seconds").most):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refusal("bad_request", "the body broke off.")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > allowed:
                        raise Refusal("too_large", f"the body is too large: {allowed:,} bytes are allowed here.")
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise Refusal("slow_body", "the body came too slowly.") from None
        body = b"".join(parts)
        if _too_deep(body):
            raise Refusal("bad_request", "the JSON is nested too deep.")
        return body


def hosts_of(address: str) -> set[str]:
    """The names by which a server that is bound to `address` may be called.

    One that is bound to all addresses goes by any number, since only a name can be made to point elsewhere.
    """
    return {"localhost", "127.0.0.1", "::1", address, *([socket.gethostname()] if address in EVERYWHERE else [])}


def is_loopback(address: str) -> bool:
    """Whether nothing but this machine reaches it."""
    if address.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


async def refuse(refusal: Refusal, send: Send) -> None:
    """The answer of a refusal."""
    body = refusal.body
    headers = {"content-type": "application/json", "content-length": str(len(body)), **refusal.headers}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _name(host: str) -> str:
    """`localhost` of `localhost:8000`, `::1` of `[::1]:8000`; nothing of what is no host."""
    try:
        return (
            urlsplit(f"//{host}").hostname or "" if re.fullmatch(r"[\w.\-]+(:\d+)?|\[[\da-f:.]+\](:\d+)?", host) else ""
        )
    except ValueError:
        return ""


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _asked_token(scope: Scope) -> str | None:
    found = parse_qs(scope["query_string"].decode("latin-1")).get("token")
    return found[0] if found else None


def _cookie(headers: dict[bytes, bytes]) -> str:
    """As browsers send them; a cookie of another program on this machine, however odd, hides none of ours."""
    return cookie_parser(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE, "")


def _too_deep(body: bytes) -> bool:
    """Whether brackets stand in more than `depth` others, those in strings not counted."""
    allowed = most("depth")
    if body.count(b"[") + body.count(b"{") <= allowed:
        return False
    depth = 0
    for found in _BRACKETS.finditer(body):
        depth += bool(found[1]) - bool(found[2])
        if depth > allowed:
            return True
    return False
