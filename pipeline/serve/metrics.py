"""What Prometheus reads of the service: counts and seconds, and nothing of a patient, a file or a client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_BATCHES = (1, 2, 4, 8, 16)


class Metrics:
    """The metrics of one app, in a registry of their own."""

    def __init__(self) -> None:
        here = self.registry = CollectorRegistry()
        self._requests = Counter(
            "fracture_requests", "Requests by route and status", ["route", "code"], registry=here
        )
        self._seconds = Histogram(
            "fracture_request_seconds", "Seconds from a request's head to its answer", ["route"],
            buckets=_SECONDS, registry=here,
        )  # fmt: skip
        self._under_way = Gauge(
            "fracture_requests_under_way", "Requests that are being answered", registry=here
        )
        self._decisions = Counter(
            "fracture_radiographs", "Radiographs by decision", ["decision"], registry=here
        )
        self._refusals = Counter("fracture_refusals", "Files refused, by reason", ["reason"], registry=here)
        self._parts = Histogram(
            "fracture_part_seconds",
            "Seconds by part: read is of a file; preprocess, network and regions are of a batch",
            ["part"], buckets=_SECONDS, registry=here,
        )  # fmt: skip
        self._batches = Histogram(
            "fracture_batch_radiographs", "Radiographs asked at once", buckets=_BATCHES, registry=here
        )
        names = ["name", "sha256", "learnt_from"]
        self._model = Gauge("fracture_model_info", "The model that answers; 1", names, registry=here)
        self._follow = Counter(
            "fracture_follow_failures", "Champions that could not be loaded", registry=here
        )
        self._canary = Gauge("fracture_canary_ok", "Whether the last canary passed; 1 or 0", registry=here)
        self._figures = Gauge(
            "fracture_canary", "Figures of the last canary, 0 to 1", ["figure"], registry=here
        )
        self._ran = Gauge("fracture_canary_timestamp_seconds", "When the last canary ended", registry=here)

    def request(self, route: str, code: int, seconds: float) -> None:
        """Count a request; ``route`` is a template and never a path."""
        self._requests.labels(route, str(code)).inc()
        self._seconds.labels(route).observe(seconds)

    def under_way(self, number: int) -> None:
        """Set how many requests are being answered."""
        self._under_way.set(number)

    def part(self, part: str, seconds: float) -> None:
        """Observe the seconds of one part."""
        self._parts.labels(part).observe(seconds)

    def batch(self, radiographs: int) -> None:
        """Observe the size of a batch."""
        self._batches.observe(radiographs)

    def answers(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Count what was decided and refused."""
        for record in records:
            if "error" in record:
                self._refusals.labels(record["error"]["reason"]).inc()
            else:
                self._decisions.labels(record["decision"]).inc()

    def model(self, told: Mapping[str, str]) -> None:
        """Say which model answers from now on."""
        self._model.clear()
        self._model.labels(told["name"], told["sha256"], told["learnt_from"]).set(1)

    def not_followed(self) -> None:
        """Count a champion that could not be loaded."""
        self._follow.inc()

    def canary(self, passed: bool, figures: Mapping[str, float | None], at: float) -> None:
        """Say how a canary went; ``at`` in seconds since 1970."""
        self._canary.set(passed)
        self._ran.set(at)
        self._figures.clear()
        for name, value in figures.items():
            if value is not None:
                self._figures.labels(name).set(value)

    def text(self) -> bytes:
        """Write all in Prometheus's text format."""
        return generate_latest(self.registry)
