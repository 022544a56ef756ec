"""A canary from outside: a running service is asked over HTTP, as a client asks it."""

from __future__ import annotations

import http.client
import json
import logging
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence, Set
from typing import Any

from pipeline.config import Config, Serve
from pipeline.predict import origin
from pipeline.predict.bundle import Finding
from pipeline.registry import loading
from pipeline.serve import canary, guard
from pipeline.serve.canary import Outcome, Phantom
from pipeline.serve.model import Model

log = logging.getLogger(__name__)

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def run(config: Config, address: str | None, model: str | None, seed: int | None, *, as_json: bool) -> int:
    """Send a canary, say how it went, and return the exit code: 1 where it failed.

    Parameters
    ----------
    address
        Of the service, ``http://HOST:PORT``; None for that of the settings.
    model
        The one that serves, needed where it learnt from radiographs; see `model_choice.opened`.
    seed
        Of the drawings; None for those that the service sends itself.

    Raises
    ------
    OSError
        Nobody answers.
    ValueError
        What answers is no service of ours, or another model than the one here.
    """
    ask = _Asking(address or _address(config), config.serve)
    told = ask.model()
    phantoms = canary.draw(config.serve.canary_radiographs, canary.SEED if seed is None else seed)
    phantoms_only = bool(told["scope"] and told["scope"]["phantoms_only"])
    own = None if phantoms_only else _own(config, model, told["model"], phantoms)
    records = ask.about(phantoms)
    outcome = canary.judge(config.serve, phantoms, records, own, phantoms_only=phantoms_only)
    _say(outcome, told["model"], as_json)
    return 1 if outcome.failures else 0


def _own(
    config: Config, model: str | None, told: Mapping[str, str], phantoms: Sequence[Phantom]
) -> list[Finding]:
    loaded = Model(*loading.load_with_card(config, model))
    if loaded.told["sha256"] != told["sha256"]:
        raise ValueError(
            f"the model here must be the one that serves, {origin.title(told)}. Received: "
            f"{origin.title(loaded.told)}. Name it: --model."
        )
    return canary.asked_directly(loaded, phantoms)


def _say(outcome: Outcome, told: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        result = {"model": told, **outcome.figures, "failures": list(outcome.failures)}
        sys.stdout.write(json.dumps(result, indent=1) + "\n")
        return
    for name, value in outcome.figures.items():
        if value is not None:
            sys.stdout.write(f"{name} {value:.3f}\n")
    for failure in outcome.failures:
        log.error("canary: %s", failure)


def _address(config: Config) -> str:
    host = _ANY_ADDRESS.get(config.serve.host, config.serve.host)
    return guard.address(host, config.serve.port)


class _Asking:
    """A client of one service."""

    def __init__(self, address: str, settings: Serve) -> None:
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"--address must be http://HOST:PORT. Received: {address}.")
        self._address, self._settings, self._token = address.rstrip("/"), settings, guard.token(settings)

    def model(self) -> dict[str, Any]:
        return self._answer(urllib.request.Request(f"{self._address}/model"), {"model", "scope"})

    def about(self, phantoms: Sequence[Phantom]) -> list[dict[str, Any]]:
        """Ask about phantoms, a few a request."""
        asked = (
            urllib.request.Request(f"{self._address}/predict", body, {"Content-Type": "application/json"})
            for body in canary.bodies(self._settings, phantoms)
        )
        return [record for request in asked for record in self._answer(request, {"results"})["results"]]

    def _answer(self, request: urllib.request.Request, keys: Set[str]) -> dict[str, Any]:
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=self._settings.timeout_s) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read()
            if error.code != 422:
                raise ValueError(
                    f"{self._address} must answer. Received: {error.code}, {text[:300]!r}"
                ) from None
        except urllib.error.URLError as error:
            raise OSError(f"{self._address} must answer. Received: {error.reason}. Is it running?") from None
        except http.client.HTTPException as error:
            raise self._no_service(error) from None
        try:
            told = json.loads(text)
        except ValueError:
            raise self._no_service(text[:300]) from None
        if not (isinstance(told, dict) and keys <= set(told)):
            raise self._no_service(text[:300])
        return told

    def _no_service(self, received: object) -> ValueError:
        return ValueError(f"{self._address} must be a service of `fracture serve`. Received: {received!r}.")
