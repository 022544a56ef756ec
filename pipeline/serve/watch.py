"""Canaries on a schedule: the app asks itself, through the same limits and routes as a client."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Message, Scope

from pipeline.predict.bundle import Finding
from pipeline.serve import canary, guard
from pipeline.serve.canary import Outcome, Phantom
from pipeline.serve.service import Service

log = logging.getLogger(__name__)

_NAME = "canary"
_AGAIN_S = 30.0  # after one that failed: it may have met a service that was busy


def is_canary(request: Request) -> bool:
    """Whether a request is one of ours."""
    return request.client == guard.CANARY


async def watch(app: ASGIApp, service: Service) -> None:
    """Send canaries for ever; the service is not ready before the first has passed, nor after one failed."""
    settings = service.config.serve
    service.troubles[_NAME] = "the first one is under way"
    watcher = Watcher(app, service, await asyncio.to_thread(canary.draw, settings.canary_radiographs))
    while True:
        outcome = await watcher.once()
        service.metrics.canary(not outcome.failures, outcome.figures, time.time())
        service.troubles.pop(_NAME, None)
        if outcome.failures:
            service.troubles[_NAME] = "; ".join(outcome.failures)
            log.error("serve: canary: %s", service.troubles[_NAME])
        await asyncio.sleep(min(settings.canary_s, _AGAIN_S) if outcome.failures else settings.canary_s)


class Watcher:
    """Sends the same phantoms again and again, and keeps what each model answered at first."""

    def __init__(self, app: ASGIApp, service: Service, phantoms: Sequence[Phantom]) -> None:
        self._app, self._service, self._phantoms = app, service, phantoms
        self._model, self._own = service.model, list[Finding]()

    async def once(self) -> Outcome:
        """Send one canary; where another model took over meanwhile, send it anew."""
        try:
            while True:
                await self._ask_directly()
                answers = await self._answers()
                if all(answer["model"] == dict(self._model.told) for answer in answers):
                    break
        except Exception as error:
            return Outcome({}, [str(error) or type(error).__name__])
        records = [record for answer in answers for record in answer["results"]]
        scope = self._model.bundle.scope
        return canary.judge(
            self._service.config.serve,
            self._phantoms,
            records,
            self._own,
            phantoms_only=bool(scope and scope.phantoms_only),
        )

    async def _ask_directly(self) -> None:
        """Ask a model that is new to us, without the service: what it answers now, it must answer later."""
        model = self._service.model
        if not self._own or model is not self._model:
            self._own = await asyncio.to_thread(canary.asked_directly, model, self._phantoms)
            self._model = model

    async def _answers(self) -> list[dict[str, Any]]:
        bodies = canary.bodies(self._service.config.serve, self._phantoms)
        return [await _post(self._app, self._service, body) for body in bodies]


async def _post(app: ASGIApp, service: Service, body: bytes) -> dict[str, Any]:
    """Ask the app as a client does, without a network between."""
    settings = service.config.serve
    headers = {
        "host": next(iter(settings.trusted_hosts), "localhost"),
        "content-type": "application/json",
        "authorization": f"Bearer {guard.token(settings)}",
    }
    sent: list[Message] = []
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(_scope(headers), receive, send)
    told: dict[str, Any] = json.loads(b"".join(message.get("body", b"") for message in sent))
    if "results" not in told:
        raise ValueError(f"/predict answered {sent[0]['status']}: {told['error']['reason']}")
    return told


def _scope(headers: Mapping[str, str]) -> Scope:
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1",
        "method": "POST", "scheme": "http", "path": "/predict", "raw_path": b"/predict", "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": guard.CANARY, "server": ("localhost", 80),
    }  # fmt: skip
