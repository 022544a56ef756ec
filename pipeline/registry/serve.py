"""A model served over HTTP by MLflow, in this environment and for this machine alone.

The files of a registered version are fetched and compared with what the registry holds of them first;
those of a bundle in a folder with its seal. Requests have limits.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from pipeline.config import Config
from pipeline.drift.served import FOLDER_VARIABLE
from pipeline.predict import fitted_here, origin
from pipeline.registry import model_choice, registration, versions
from pipeline.registry.model_choice import Candidate
from pipeline.track import models, repository, ui
from pipeline.track.secrets import relay
from pipeline.track.store import resolve_uri

log = logging.getLogger(__name__)

_MOST_PIXELS = 1_000_000_000  # of all radiographs of a request


def run(
    config: Config, model: str | None, seen: Path | None, images: Path | None, options: Sequence[str]
) -> int:
    """Serve until interrupted or terminated, and return the server's exit code.

    Parameters
    ----------
    model
        Which one; see `model_choice.opened`.
    seen
        Folder for a line about each radiograph that is seen; None for no record.
    images
        Folder whose files clients may name; None where they send files and name none.
    options
        Passed on to ``mlflow models serve``, and stronger than what is chosen here.

    Raises
    ------
    VersionError
        There is no such version, or its files are not those that were registered.
    StoreError
        The store does not answer within ``track.timeout_s``, or refuses.
    ValueError
        ``images`` is no folder.
    """
    uri = resolve_uri(config.track.uri, repository.root())
    around = environment(uri, seen, images)
    with TemporaryDirectory(prefix="fracture-") as folder:
        name, served = model_choice.first(config, model, lambda each: _prepared(each, Path(folder)))
        if fitted_here.is_known(config, models.artifact(served, versions.BUNDLE)):
            around[fitted_here.VARIABLE] = "1"
        else:
            log.warning("%s: %s", name, fitted_here.NOTE.detail)
        return relay(command(name, served, options), around | {origin.VARIABLE: name}, sys.stderr.write)


def _prepared(candidate: Candidate, folder: Path) -> tuple[str, Path]:
    """Fetch a version, or save a bundle as MLflow loads it; return its name and its folder."""
    if candidate.version is not None:
        return candidate.name, candidate.model(folder)
    bundle, saved = candidate.fetch(folder), folder / "saved"
    example = pd.DataFrame({"image": [versions.example()]})
    models.save(saved, {versions.BUNDLE: str(bundle)}, registration.requirements(), example)
    return candidate.name, saved


def environment(uri: str, seen: Path | None, images: Path | None) -> dict[str, str]:
    """Say to the server what it may read and write; `serving` and `limited` read it."""
    scripts = str(Path(sys.executable).parent)  # MLflow calls uvicorn by name
    around = os.environ | {
        "MLFLOW_TRACKING_URI": uri,
        "PATH": os.pathsep.join(filter(None, (scripts, os.environ.get("PATH")))),
        models.PIXELS_VARIABLE: os.environ.get(models.PIXELS_VARIABLE, str(_MOST_PIXELS)),
    }
    if seen is not None:
        around[FOLDER_VARIABLE] = str(seen.absolute())
        log.info("%s: what is seen is described there, without pictures and names", seen)
    if images is not None:
        if not images.is_dir():
            raise ValueError(f"--images must be a folder. Received: {images}.")
        around[models.IMAGES_VARIABLE] = str(images.absolute())
        log.info("%s: clients may name files below it", images)
    return around


def command(title: str, model: Path, options: Sequence[str]) -> list[str]:
    """Build the command: bound to this machine, on the first free port from 5000 on."""
    chosen = [sys.executable, "-P", str(models.LAUNCH), "models", "serve", "--model-uri", str(model)]
    chosen += ["--env-manager", "local"]
    return [*chosen, *ui.address_options(options, title), *options]
