"""Canaries on a schedule: the app asks itself, through the same limits and routes as a client."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from pipeline.serve import canary, guard
from pipeline.serve.canary import Outcome, Phantom
from pipeline.serve.service import Service

log = logging.getLogger(__name__)

_NAME = "canary"
_CLIENT = ("canary", 0)  # no address of a network, so no client's rate is used up


async def watch(app: ASGIApp, service: Service) -> None:
    """Send canaries for ever; the service is not ready before the first has passed, nor after one failed."""
    settings = service.config.serve
    service.troubles[_NAME] = "the first one is under way"
    phantoms = await asyncio.to_thread(canary.draw, settings.canary_radiographs)
    while True:
        outcome = await once(app, service, phantoms)
        service.metrics.canary(not outcome.failures, outcome.figures, time.time())
        service.troubles.pop(_NAME, None)
        if outcome.failures:
            service.troubles[_NAME] = "; ".join(outcome.failures)
            log.error("serve: canary: %s", service.troubles[_NAME])
        await asyncio.sleep(settings.canary_s)


async def once(app: ASGIApp, service: Service, phantoms: Sequence[Phantom]) -> Outcome:
    """Send one canary; an answer by another model than at its start, just promoted, is asked for anew."""
    for _ in range(3):
        model = service.model
        own = await asyncio.to_thread(canary.asked_directly, model, phantoms)
        try:
            answers = [await _post(app, service, phantoms[i : i + 8]) for i in range(0, len(phantoms), 8)]
        except Exception as error:
            return Outcome({}, [str(error) or type(error).__name__])
        if all(answer["model"] == dict(model.told) for answer in answers):
            break
    records = [record for answer in answers for record in answer["results"]]
    scope = model.bundle.scope
    return canary.judge(
        service.config.serve, phantoms, records, own, phantoms_only=bool(scope and scope.phantoms_only)
    )


async def _post(app: ASGIApp, service: Service, phantoms: Sequence[Phantom]) -> dict[str, Any]:
    """Ask the app as a client does, without a network between."""
    settings = service.config.serve
    headers = {"host": "localhost", "content-type": "application/json"}
    if settings.trusted_hosts:
        headers["host"] = settings.trusted_hosts[0]
    headers["authorization"] = f"Bearer {guard.token(settings)}"
    sent: list[Message] = []
    waiting: list[Message] = [
        {"type": "http.request", "body": json.dumps(canary.body(phantoms)).encode(), "more_body": False}
    ]

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(_scope(headers), receive, send)
    answer = b"".join(message.get("body", b"") for message in sent)
    status = sent[0]["status"]
    told: dict[str, Any] = json.loads(answer)
    if "results" not in told:
        raise ValueError(f"/predict answered {status}: {told['error']['reason']}")
    return told


def _scope(headers: Mapping[str, str]) -> Scope:
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/predict", "raw_path": b"/predict", "query_string": b"", "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": _CLIENT, "server": ("localhost", 80),
    }  # fmt: skip
