"""A registered version served over HTTP by MLflow, in this environment and for this machine alone."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.config import Config
from pipeline.drift.served import FOLDER_VARIABLE
from pipeline.track import models, repository, ui
from pipeline.track.models import VersionError
from pipeline.track.store import connect

log = logging.getLogger(__name__)


def run(config: Config, version: str, folder: Path | None, options: Sequence[str]) -> int:
    """Serve until interrupted, and return the server's exit code.

    Parameters
    ----------
    version
        A number or an alias.
    folder
        Folder for a line about each radiograph that is seen; None for no record.
    options
        Passed on to ``mlflow models serve``, and stronger than what is chosen here.

    Raises
    ------
    VersionError
        There is no such version.
    StoreError
        The store does not answer within ``track.timeout_s``, or refuses.
    """
    store, name = connect(config.track, repository.root()), config.track.model_name
    _, aliases = models.registered(store, name)
    number = aliases.get(version, version)
    if not number.isdigit():
        raise VersionError(
            f"serve needs a registered version. Received: {version}, and {name} has {aliases or 'no alias'}. "
            "`fracture promote` makes a champion."
        )
    around = os.environ | {"MLFLOW_TRACKING_URI": store.uri}
    if folder is not None:
        around[FOLDER_VARIABLE] = str(folder.absolute())  # `serving` reads it
        log.info("%s: what is seen is described there, without pictures and names", folder)
    return subprocess.run(command(f"models:/{name}/{number}", options), env=around, check=False).returncode


def command(model: str, options: Sequence[str]) -> list[str]:
    """Build the command: bound to this machine, on the first free port from 5000 on."""
    chosen = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", model]
    chosen += ["--env-manager", "local"]
    return [*chosen, *ui.address_options(options, model), *options]
