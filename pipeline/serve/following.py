"""The champion's alias: a new champion is loaded beside the old one, and takes over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from pipeline.config import Config
from pipeline.registry import loading
from pipeline.registry.loading import Version
from pipeline.serve.model import Model
from pipeline.serve.service import Service
from pipeline.track.models import VersionError

log = logging.getLogger(__name__)


class Follower:
    """Finds later versions of the model that was asked for.

    Parameters
    ----------
    name
        The alias; see `loading.followed`.
    """

    def __init__(self, config: Config, name: str) -> None:
        self._config, self._name = config, name
        self._failure = loading.Failure()
        self._had_one = False

    def later(self, told: Mapping[str, str]) -> Model | None:
        """Load the version that bears the alias now; None where it is the one so told, or failed lately.

        Before the first version bears the alias there is nothing to follow, which is no failure.

        Raises
        ------
        ValueError, OSError, RuntimeError
            It cannot be had; whoever answers goes on.
        """
        try:
            found = loading.version(self._config, self._name)
        except VersionError:
            if self._had_one:
                raise
            return None
        self._had_one = True
        if found == Version(told["name"], told["sha256"]) or self._failure.is_recent(found):
            return None
        self._failure.note(found)  # until it is loaded
        loaded = loading.load_with_card(self._config, self._name)
        loading.warm(loaded.bundle, loaded.told)
        self._failure.forget()
        return Model(*loaded)


async def follow(service: Service, later: Callable[[Mapping[str, str]], Model | None]) -> None:
    """Look for ever; what goes wrong is said, and the old model answers on."""
    while True:
        await asyncio.sleep(service.config.serve.follow_s)
        try:
            model = await asyncio.to_thread(later, service.model.told)
        except Exception as error:
            said = f"the champion cannot be followed, {service.model.told['name']} answers on: {error}"
            if service.warnings.get("champion") != said:
                log.warning("serve: %s", said)
            service.warnings["champion"] = said
            service.metrics.not_followed()
            continue
        service.warnings.pop("champion", None)
        if model is not None:
            log.info(
                "serve: from now on %s answers, no more %s", model.told["name"], service.model.told["name"]
            )
            service.take(model)
