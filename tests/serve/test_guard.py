"""Attacks: each is refused with a small answer that quotes nothing, before anything looks at the request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serve.conftest import BASE, opened

from wavetree.serve import guard as guarding
from wavetree.serve.guard import Guard, hosts_of, is_loopback
from wavetree.serve.limits import Limit, most

SCORE = "/api/runs/small/score"
MARK = "zzsecretzz"


def code(answer: Any) -> str:
    """The code of a refusal, which is small, and quotes nothing of what was sent."""
    assert len(answer.content) < 1000
    assert MARK not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers
    found = answer.json()["error"]
    assert set(found) == {"code", "message", "field"}
    return str(found["code"])


@pytest.mark.parametrize(
    "host", [f"{MARK}.com", "localhost.evil.com", "127.0.0.1.nip.io", "evil.com:8000", "", "127.0.0.1@evil.com", "[::1"]
)
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/health", headers={"host": host})
    assert (answer.status_code, code(answer)) == (421, "foreign_host")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000"])
def test_our_own_names_are_not(client: TestClient, host: str) -> None:
    assert client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", [f"http://{MARK}.com", "null", "http://127.0.0.1:9999", "file://"])
def test_a_foreign_origin_is_refused(client: TestClient, origin: str) -> None:
    answer = client.post(SCORE, json={"items": ["ka"]}, headers={"origin": origin})
    assert (answer.status_code, code(answer)) == (403, "foreign_origin")


def test_our_own_origin_is_not(client: TestClient) -> None:
    assert client.post(SCORE, json={"items": ["ka"]}, headers={"origin": BASE}).status_code == 200


def test_a_page_of_another_site_may_lead_here_and_not_ask(client: TestClient) -> None:
    led = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/health", headers=led).status_code == 200
    answer = client.get("/health", headers=led | {"sec-fetch-mode": "no-cors"})
    assert code(answer) == "foreign_origin"


@pytest.mark.parametrize(
    "run",
    [
        "..",
        "%2e%2e",
        "..%2f..%2fetc",
        "small%2f..%2fflat",
        ".%2e",
        "%00",
        "small%00",
        "%2fetc%2fpasswd",
        "a" * 65,
        "SMALL",
    ],
)
def test_a_path_is_no_run(client: TestClient, run: str) -> None:
    for answer in (client.get(f"/api/runs/{run}"), client.post(f"/api/runs/{run}/sample", json={})):
        assert answer.status_code in (404, 405, 422)
        code(answer)


def test_a_path_is_no_file_of_the_page(client: TestClient) -> None:
    for path in ("/../app.py", "/%2e%2e/app.py", "/..%2fapp.py", "/tabs/../../app.py", "//etc/passwd", "/app.py"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"items": ["ka"] * 10_000}, "invalid"),
        ({"items": ["k" * (most("symbols") + 1)]}, "invalid"),
        ({"items": [MARK], "fpr": "0.1"}, "invalid"),
        ({"items": [7]}, "invalid"),
        ({"items": MARK}, "invalid"),
        ({MARK: 1, "items": ["ka"]}, "invalid"),
        ({"items": ["ka"], "condition": MARK}, "invalid"),
        ([MARK], "invalid"),
    ],
)
def test_a_body_that_is_not_as_it_should_be(client: TestClient, body: object, wanted: str) -> None:
    answer = client.post(SCORE, json=body)
    assert (answer.status_code, code(answer)) == (422, wanted)


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("sample", '{"temperature": NaN}'),
        ("sample", '{"temperature": Infinity}'),
        ("sample", '{"temperature": 1e999}'),
        ("sample", '{"top_p": -1}'),
        ("sample", '{"top_p": 0}'),
        ("sample", '{"seed": 1e400}'),
        ("sample", '{"seed": 100000000000000000000000000000}'),
        ("next", '{"texts": [""], "top_k": -3}'),
        ("score", '{"items": ["ka"], "fpr": NaN}'),
        ("sample", '{"count": true}'),
    ],
)
def test_numbers_that_are_none(client: TestClient, route: str, body: str) -> None:
    answer = client.post(f"/api/runs/small/{route}", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, code(answer)) == (422, "invalid")
    assert "nan" not in answer.text.lower()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 5_000, "[" * 17 + "]" * 17, '{"items": [' + "[" * 40])
def test_deeply_nested_json(client: TestClient, text: str) -> None:
    answer = client.post(SCORE, content=text, headers={"content-type": "application/json"})
    assert (answer.status_code, code(answer)) == (400, "bad_request")


def test_brackets_in_a_text_are_no_nesting(client: TestClient) -> None:
    assert client.post(SCORE, json={"items": ['["' * 100]}).status_code == 200


def test_no_byte_is_looked_at_twice_for_quotes() -> None:
    """A text without an end goes to that of the body: else its end would be looked for from each quote in it anew."""
    text = b'"' + b'\\"' * 1000 + b"[" * 20
    (found,) = guarding._BRACKETS.finditer(text)
    assert found.span() == (0, len(text))
    assert not guarding._too_deep(text)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_json_only(client: TestClient, kind: str) -> None:
    answer = client.post(SCORE, content='{"items": ["ka"]}', headers={"content-type": kind})
    assert (answer.status_code, code(answer)) == (415, "not_json")


@pytest.mark.parametrize("body", ["", MARK, '{"items": ', "\xff\xfe", '{"items": ["\ud83d"]'])
def test_what_is_no_json(client: TestClient, body: str) -> None:
    content = body.encode("utf-8", "surrogatepass")
    answer = client.post(SCORE, content=content, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    code(answer)


def test_half_a_surrogate_pair_is_no_text(client: TestClient) -> None:
    headers = {"content-type": "application/json"}
    answer = client.post(SCORE, content='{"items": ["ka\\ud800"]}', headers=headers)
    assert (answer.status_code, code(answer)) == (422, "invalid")


def test_too_many_headers(client: TestClient) -> None:
    answer = client.get("/health", headers={f"x-{number}": "1" for number in range(100)})
    assert (answer.status_code, code(answer)) == (431, "headers")
    answer = client.get("/health", headers={"x": MARK * 2000})
    assert (answer.status_code, code(answer)) == (431, "headers")


def test_no_question_of_another_site_is_answered_beforehand(client: TestClient) -> None:
    asked = {"origin": "http://evil.com", "access-control-request-method": "POST"}
    assert code(client.options(SCORE, headers=asked)) == "foreign_origin"


# --- bodies, counted as they come: straight at the guard


def call(
    chunks: Callable[[int], dict[str, Any]], headers: dict[str, str] | None = None, path: str = SCORE
) -> tuple[int, dict[str, Any], int]:
    """Sends chunk after chunk until there is an answer: its status, its document, and how many chunks were taken."""
    taken = 0
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        found = chunks(taken)
        if found.get("wait"):
            await asyncio.sleep(found["wait"])
        return found

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(*_: Any) -> None:
        raise AssertionError("it went through")

    raw = {"host": "localhost", "content-type": "application/json", **(headers or {})}
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in raw.items()],
    }
    asyncio.run(Guard(app, ["localhost"], None, lambda *_: None)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"]), taken


def test_a_gigabyte_is_refused_before_it_comes() -> None:
    status, document, taken = call(lambda _: {}, {"content-length": str(1 << 30)})
    assert (status, document["error"]["code"], taken) == (413, "too_large", 0)


def test_a_gigabyte_without_its_length_is_counted_as_it_comes() -> None:
    chunk = b"x" * (1 << 16)
    status, document, taken = call(lambda _: {"type": "http.request", "body": chunk, "more_body": True})
    assert (status, document["error"]["code"]) == (413, "too_large")
    assert taken == most("body_bytes") // len(chunk) + 1


def test_a_list_may_be_larger() -> None:
    chunk = b"x" * (1 << 20)
    status, _, taken = call(
        lambda _: {"type": "http.request", "body": chunk, "more_body": True}, path="/api/jobs/train"
    )
    assert status == 413
    assert taken == most("list_bytes") // len(chunk) + 1


def test_a_slow_body_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarding, "limit", lambda name: Limit(name, 0, 0.05, "seconds", ""))
    status, document, _ = call(lambda _: {"type": "http.request", "body": b"x", "more_body": True, "wait": 0.02})
    assert (status, document["error"]["code"]) == (408, "slow_body")


def test_a_body_that_breaks_off() -> None:
    status, _, _ = call(lambda _: {"type": "http.disconnect"})
    assert status == 400


@pytest.mark.parametrize("length", ["-1", "1e9", "x", str(most("body_bytes") + 1)])
def test_a_length_that_is_none(length: str) -> None:
    assert call(lambda _: {}, {"content-length": length})[0] == 413


# --- the token


def test_a_token_is_asked_for(shelf: Path) -> None:
    with opened(shelf, token="s" * 20) as client:
        assert code(client.get("/api/runs")) == "no_token"
        assert code(client.get("/")) == "no_token"
        assert code(client.get("/api/runs", headers={"authorization": f"Bearer {'t' * 20}"})) == "no_token"
        assert client.get("/health").status_code == 200
        bearer = {"authorization": f"Bearer {'s' * 20}"}
        assert client.get("/api/runs", headers=bearer).status_code == 200
        assert code(client.get("/", params={"token": "wrong"})) == "no_token"
        led = client.get("/", params={"token": "s" * 20}, follow_redirects=False)
        assert (led.status_code, led.headers["location"]) == (303, "/")
        assert "HttpOnly; SameSite=Strict" in led.headers["set-cookie"]
        assert client.get("/api/runs").status_code == 200  # by the cookie
        client.cookies.set("other", '{"of": [1, "another program"]}')
        assert client.get("/api/runs").status_code == 200


def test_what_is_loopback() -> None:
    assert [is_loopback(each) for each in ("127.0.0.1", "127.8.8.8", "::1", "localhost")] == [True] * 4
    assert [is_loopback(each) for each in ("0.0.0.0", "::", "192.168.0.1", "example.org", "")] == [False] * 5


def test_a_server_at_all_addresses_goes_by_any_number(shelf: Path) -> None:
    assert "0.0.0.0" in hosts_of("0.0.0.0")
    with opened(shelf, address="0.0.0.0", token="s" * 20) as client:
        assert client.get("/health", headers={"host": "192.168.7.7:8000"}).status_code == 200
        assert code(client.get("/health", headers={"host": "evil.com"})) == "foreign_host"
