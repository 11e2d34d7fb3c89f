"""What `/metrics` tells, by Prometheus' own client: one registry for each server."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

KIND = CONTENT_TYPE_LATEST
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Gauges:
    """The counters of a server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "wavetree_requests", "Answers, by route and status.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "wavetree_request_seconds", "From request to answer.", ["route"], buckets=SECONDS, registry=self.registry
        )
        self.waiting = Gauge("wavetree_queue", "Requests that wait for the model.", registry=self.registry)
        self.passes = Histogram(
            "wavetree_pass_requests", "Requests that share a pass.", buckets=SIZES, registry=self.registry
        )
        self.left = Counter("wavetree_left", "Requests whose client left before the answer.", registry=self.registry)
        self.jobs = Gauge("wavetree_jobs", "Jobs that run.", registry=self.registry)

    def seen(self, route: str, status: int, seconds: float) -> None:
        """An answer was given."""
        self.requests.labels(route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """In Prometheus' own format."""
        return generate_latest(self.registry)
