"""What the routes of one app share: the settings, the model that answers now, who examines, what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fastapi import Request

from pipeline.config import Config
from pipeline.serve.examining import Examiner
from pipeline.serve.metrics import Metrics
from pipeline.serve.model import Model
from pipeline.serve.problems import Problem


class Service:
    """The service behind the routes.

    Attributes
    ----------
    model
        The one that answers now; a request takes it once, so that one model answers it whole.
    troubles
        What keeps the service from being ready, by who found it.
    warnings
        What should be looked at, by who found it; the service answers all the same.
    """

    def __init__(self, config: Config, model: Model, metrics: Metrics, seen: Path | None) -> None:
        self.config, self.metrics = config, metrics
        self.examiner = Examiner(config, metrics, seen)
        self.troubles: dict[str, str] = {}
        self.warnings: dict[str, str] = {}
        self.take(model)

    def take(self, model: Model) -> None:
        """Let a model answer all requests that begin from now on."""
        self.model = replace(model, observe=self.metrics.part)
        self.metrics.model(model.told)

    def check_ready(self) -> None:
        """Raise a Problem where requests should go elsewhere."""
        if self.troubles:
            detail = "; ".join(f"{who}: {what}" for who, what in self.troubles.items())
            raise Problem(503, "not_ready", detail)


def of(request: Request) -> Service:
    """Return what the routes of a request's app share."""
    found: Service = request.app.state.service
    return found
