"""Any request of any route, many times: no answer with a status from 500, and all as the OpenAPI document says.

    python scripts/fuzz_api.py RUN [EXAMPLES]

The short form is tests/serve/test_openapi.py. Needs the extra test.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from wavetree.serve.app import Settings, make_app

PLACES = {"question": "flat-width", "job": "train-00000000"}
BASE = "http://127.0.0.1:8000"
EXAMPLES = 300
JOBS = ("/api/jobs/train", "/api/jobs/compare")
"""Each good request would train: the tests try what they refuse."""


def main() -> int:
    """Every route in turn; the first answer that is not as it should be ends it with its request."""
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    examples = int(sys.argv[2]) if len(sys.argv) > 2 else EXAMPLES
    with tempfile.TemporaryDirectory() as folder:
        guarded, _ = make_app(Settings(Path(folder), Path(sys.argv[1])))
        with TestClient(guarded, base_url=BASE) as client:
            schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
            known = client.get("/api/runs").json()["default"]
            operations: list[Any] = list(schema.get_all_operations())
            for operation in (found.ok() for found in operations):
                if operation.path not in JOBS:
                    statuses = tried(client, operation, examples, known)
                    print(f"{operation.method.upper():5} {operation.path:45} {dict(sorted(statuses.items()))}")
    return 0


def tried(client: TestClient, operation: Any, examples: int, known: str) -> Counter[int]:
    """How many answers had each status."""
    statuses: Counter[int] = Counter()

    @given(case=operation.as_strategy())
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def every(case: Any) -> None:
        case.path_parameters = {name: PLACES.get(name) or known for name in case.path_parameters or {}}
        sent = case.as_transport_kwargs(base_url=BASE)
        response = client.request(**{name: value for name, value in sent.items() if name != "cookies"})
        statuses[response.status_code] += 1
        assert response.status_code < 500
        refused = response.status_code == 422  # also for what the run is, which no document knows
        case.validate_response(response, excluded_checks=[positive_data_acceptance] if refused else [])

    every()
    return statuses


if __name__ == "__main__":
    sys.exit(main())
