"""The OpenAPI document is true: every answer is as it says, and every limit in it holds, on both of its sides.

The limits are taken from the document, route by route and field by field; none is written down here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient
from tests.serve.conftest import BASE, opened

from wavetree.serve.limits import TABLE, most

BASES: dict[str, dict[str, Any]] = {
    "ScoreBody": {"items": ["ka"]},
    "NextBody": {"texts": ["ka"]},
    "GradeBody": {"answer": "1"},
}
"""What a body needs at least."""
PLACES = {"run": "small", "question": "flat-width", "job": "train-00000000"}
NO_JOBS = ("/api/jobs/train", "/api/jobs/compare")


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    found = client.get("/openapi.json")
    assert found.status_code == 200
    return dict(found.json())


# --- limits


@dataclass(frozen=True)
class Bound:
    """A limit of a field: `good` is the last value that is allowed, `bad` the first that is not."""

    route: str
    method: str
    place: tuple[str, ...]
    name: str
    good: object
    bad: object
    query: bool = False

    @property
    def title(self) -> str:
        return f"{self.method} {self.route} {'.'.join(self.place)} {self.name}"


def bounds(document: dict[str, Any]) -> Iterator[Bound]:
    """Every bound of every field of every body and every query."""
    for route, methods in document["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query":
                    for name, good, bad in of_schema(document, parameter["schema"]):
                        yield Bound(route, method, (parameter["name"],), name, good, bad, query=True)
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content:
                for place, name, good, bad in of_body(document, content["schema"], ()):
                    yield Bound(route, method, place, name, good, bad)


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema behind its reference, and of something that may be null what else it may be."""
    if "$ref" in schema:
        return resolved(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    for one in schema.get("anyOf", []):
        if one.get("type") != "null":
            return resolved(document, one)
    return schema


def of_body(
    document: dict[str, Any], schema: dict[str, Any], place: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str, object, object]]:
    schema = resolved(document, schema)
    for name, field in schema.get("properties", {}).items():
        inner = resolved(document, field)
        if inner.get("type") == "object":
            yield from of_body(document, inner, (*place, name))
        else:
            for what, good, bad in of_schema(document, field):
                yield ((*place, name), what, good, bad)


def of_schema(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, object, object]]:
    """Pairs of values on both sides of each bound of a field."""
    schema = resolved(document, schema)
    kind = schema.get("type")
    if kind in ("integer", "number"):
        for word, step in (("minimum", -1), ("maximum", 1)):
            if word in schema:
                edge = schema[word]
                off = step if kind == "integer" else step * max(1e-9, abs(edge) * 1e-6)
                yield word, int(edge) if kind == "integer" else edge, edge + off
    elif kind == "string":
        for word, step in (("minLength", -1), ("maxLength", 1)):
            if schema.get(word):
                yield word, "k" * schema[word], "k" * (schema[word] + step)
    elif kind == "array":
        for word, step in (("minItems", -1), ("maxItems", 1)):
            if schema.get(word):
                yield word, ["ka"] * schema[word], ["ka"] * (schema[word] + step)
        for what, good, bad in of_schema(document, schema["items"]):
            yield f"items {what}", [good], [bad]


def ask(client: TestClient, document: dict[str, Any], bound: Bound, value: object) -> Any:
    path = bound.route.format(**PLACES)
    if bound.query:
        return client.request(bound.method, path, params={bound.place[0]: value})
    schema = document["paths"][bound.route][bound.method]["requestBody"]["content"]["application/json"]["schema"]
    body = copy.deepcopy(BASES.get(schema["$ref"].rsplit("/", 1)[1], {}))
    inside = body
    for name in bound.place[:-1]:
        inside = inside.setdefault(name, {"level": 0, "position": 1} if name == "trace" else {"position": 1})
    inside[bound.place[-1]] = value
    return client.request(bound.method, path, json=body)


def test_every_limit_holds_on_both_sides(client: TestClient, document: dict[str, Any]) -> None:
    found = list(bounds(document))
    assert len(found) > 50
    assert len({bound.route for bound in found}) >= 10
    for bound in found:
        refused = ask(client, document, bound, bound.bad)
        assert refused.status_code == 422, bound.title
        assert refused.json()["error"]["code"] == "invalid", bound.title
        assert bound.place[0] in refused.json()["error"]["field"], bound.title
        if bound.route not in NO_JOBS:  # each would train: their limits are tried at the model, below
            taken = ask(client, document, bound, bound.good)
            if taken.status_code != 200:  # what the table allows may still not fit this run, which is said otherwise
                said = taken.json()["error"]
                assert said["field"] != ".".join(bound.place) or "/limits" not in said["message"], bound.title


def test_what_is_allowed_of_a_job(document: dict[str, Any]) -> None:
    from wavetree.serve import bodies

    tried = 0
    for bound in bounds(document):
        if bound.route in NO_JOBS:
            kind = bodies.TrainBody if bound.route.endswith("train") else bodies.CompareBody
            assert kind.model_validate({bound.place[0]: bound.good})
            tried += 1
    assert tried >= 10


def test_every_body_is_bounded(document: dict[str, Any]) -> None:
    """No text, list or number without a limit."""
    for route, methods in document["paths"].items():
        for operation in methods.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            stack = [resolved(document, content["schema"])] if content else []
            while stack:
                schema = stack.pop()
                assert schema.get("additionalProperties") is False, route
                for name, field in schema.get("properties", {}).items():
                    inner = resolved(document, field)
                    wanted = {
                        "string": {"maxLength"},
                        "array": {"maxItems"},
                        "integer": {"minimum", "maximum"},
                        "number": {"minimum", "maximum"},
                    }.get(inner.get("type"), set())
                    assert wanted <= set(inner) or "enum" in inner, f"{route} {name}"
                    if inner.get("type") == "object":
                        stack.append(inner)


def test_the_table_is_what_is_shown(client: TestClient) -> None:
    rows = client.get("/limits").json()["limits"]
    assert [row["name"] for row in rows] == [limit.name for limit in TABLE]
    assert all(row["least"] <= row["most"] for row in rows)


def test_bodies_of_just_as_many_bytes(client: TestClient) -> None:
    for size, status in ((most("body_bytes"), 200), (most("body_bytes") + 1, 413)):
        body = '{"items": ["ka"]}'
        answer = client.post(
            "/api/runs/small/score",
            content=body + " " * (size - len(body)),
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == status


def test_brackets_just_as_deep(client: TestClient) -> None:
    for depth, status in ((most("depth"), 422), (most("depth") + 1, 400)):
        text = '{"a":' * (depth - 1) + "[]" + "}" * (depth - 1)
        headers = {"content-type": "application/json"}
        assert client.post("/api/runs/small/score", content=text, headers=headers).status_code == status


# --- any request

EXAMPLES = 12
"""Of each route; scripts/fuzz_api.py takes more."""


def test_any_request_is_answered_as_the_document_says(shelf: Path) -> None:
    with opened(shelf) as client:
        schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
        tried = 0
        for operation in schema.get_all_operations():
            call = operation.ok()
            if call.path in NO_JOBS:
                continue
            tried += try_operation(client, call)
    assert tried >= 15


ABOUT_RUN = ("unknown_symbol", "not_found_in_model", "wrong_kind", "wrong_state", "not_found")
ABOUT_VALUES = ("condition", "max_length", "trace", "flip.position", "flip.symbol", "novel")


def about_the_run(response: Any) -> bool:
    """Whether it was refused by what the run is, which no document knows."""
    if response.status_code < 400:
        return False
    error = response.json()["error"]
    return error["code"] in ABOUT_RUN or (error["field"] in ABOUT_VALUES and "/limits" not in error["message"])


def try_operation(client: TestClient, operation: Any) -> int:
    """Some requests of a route, as good and as bad as the document allows."""
    from hypothesis import given

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
    )
    def every(case: Any) -> None:
        case.path_parameters = {name: PLACES[name] for name in case.path_parameters or {}}
        sent = case.as_transport_kwargs(base_url=BASE)
        response = client.request(**{name: value for name, value in sent.items() if name != "cookies"})
        assert response.status_code < 500
        case.validate_response(response, excluded_checks=[positive_data_acceptance] if about_the_run(response) else [])

    every()
    return 1


def test_the_document_names_every_status(document: dict[str, Any]) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            assert {"4XX", "5XX"} <= set(operation["responses"])
    assert json.dumps(document).count("HTTPValidationError") == 0


def test_the_shapes_of_streams_are_events(shelf: Path) -> None:
    with opened(shelf) as client:
        answer = client.post("/api/runs/small/sample/stream", json={"count": 2})
        assert answer.headers["content-type"].startswith("text/event-stream")
