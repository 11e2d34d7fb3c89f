"""What is refused, as a small answer: a code for programs, a sentence for people, and no word of what was sent.

{"error": {"code": "unknown_symbol", "message": "...", "field": "texts.0"}}
"""

from __future__ import annotations

import json

from wavetree.errors import DamagedError, InputError, ListError, RunError, SettingError, SymbolError, WavetreeError

STATUS = {
    "bad_request": 400,
    "no_token": 401,
    "foreign_origin": 403,
    "not_found": 404,
    "method": 405,
    "slow_body": 408,
    "wrong_kind": 409,
    "no_checkpoint": 409,
    "wrong_state": 409,
    "damaged": 409,
    "too_large": 413,
    "not_json": 415,
    "foreign_host": 421,
    "invalid": 422,
    "unknown_symbol": 422,
    "not_found_in_model": 422,
    "bad_list": 422,
    "busy": 429,
    "headers": 431,
    "failed": 500,
    "stopping": 503,
    "too_long": 504,
}
"""Every code, and the status that it comes with."""
AGAIN = {"busy": "1", "stopping": "5"}
"""Seconds to wait before the next try (`Retry-After`)."""
LONGEST = 400
"""Characters of a message."""


class Refusal(Exception):
    """A request that is not answered as it was asked."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field

    @property
    def status(self) -> int:
        """Of HTTP."""
        return STATUS[self.code]

    @property
    def document(self) -> dict[str, str | None]:
        """What stands under "error"."""
        return {"code": self.code, "message": self.message[:LONGEST], "field": self.field}

    @property
    def body(self) -> bytes:
        """As JSON."""
        return json.dumps({"error": self.document}).encode()

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After`, where waiting helps; and that a connection ends whose body was not read."""
        wait = {"retry-after": AGAIN[self.code]} if self.code in AGAIN else {}
        return wait | ({"connection": "close"} if self.code in ("too_large", "slow_body", "headers") else {})


def refusal_of(error: WavetreeError) -> Refusal:
    """What to answer where a room below refused. Its own sentence may quote the request, and is kept to ourselves.

    But for a list: its sentences name places and counts alone.
    """
    if isinstance(error, ListError):
        return Refusal("bad_list", str(error), "text")
    code, message = next(told for kind, told in SAID.items() if isinstance(error, kind))
    return Refusal(code, message)


SAID: dict[type[WavetreeError], tuple[str, str]] = {
    SymbolError: ("unknown_symbol", "there is a symbol that the model never saw: the run's alphabet has them all."),
    SettingError: ("invalid", "these values do not fit this run, this machine, or each other."),
    DamagedError: ("damaged", "a file of this run is damaged: copy the run again from its source."),
    RunError: ("wrong_kind", "this run cannot do that: it learnt something of another kind, or holds nothing."),
    InputError: ("invalid", "this cannot be used: see /limits and /openapi.json."),
    WavetreeError: ("not_found_in_model", "the model hardly ever makes what was asked for: ask for less of it."),
}
"""In this order: a kind before those that it is one of."""
