"""Registered versions, fetched and run: a champion is scored as it is served."""

from __future__ import annotations

import base64
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset import tables
from pipeline.files import images
from pipeline.predict import sealing
from pipeline.track import models, seal
from pipeline.track.models import VersionError
from pipeline.track.store import Store

log = logging.getLogger(__name__)

BUNDLE_TAG = "bundle.sha256"
BUNDLE, LEARNT = "bundle", "learnt"  # artifacts of a version: the bundle, and what it learnt from

_ADVICE = "Bring the file back in the artifact store, or use another version; look who can write there."
_ADDED = "registered_model_meta"  # by MLflow, to what is downloaded
_LAST_LINES = 3  # of the messages of a failed process


def fetch(store: Store, name: str, version: str, folder: Path) -> Path:
    """Download a version of a registered model into a folder, and return where the model lies.

    Nothing of it is run before each file, its code too, is known to be the one that was registered.

    Raises
    ------
    VersionError
        Its files cannot be had, or are not those that were registered; the message names one.
    """
    tags = store.client.get_model_version(name, version).tags
    model = models.download(store, name, version, "", folder)
    (model / _ADDED).unlink(missing_ok=True)
    for compiled in [*model.rglob("__pycache__")]:  # by Python, perhaps from other code
        shutil.rmtree(compiled)
    check(model, tags, f"version {version} of {name}")
    return model


def check(model: Path, tags: Mapping[str, str], title: str) -> None:
    """Compare a downloaded model with the hashes that the registry holds in a version's tags.

    Parameters
    ----------
    title
        What messages call it.

    Raises
    ------
    VersionError
        A file is not the one that was registered.
    """
    if expected := tags.get(seal.TAG):
        if fault := seal.broken(model, expected):
            raise VersionError(
                f"{title} must hold the files that were registered. Received: {fault}. {_ADVICE}"
            )
    else:
        log.warning("%s was registered without hashes of its code: only its bundle is compared", title)
    try:
        sha256, _ = sealing.compared(models.artifact(model, BUNDLE), _ADVICE)
    except sealing.BundleError as error:
        raise VersionError(f"{title} must hold a sealed bundle. Received: {error}") from error
    if sha256 != tags.get(BUNDLE_TAG):
        raise VersionError(
            f"{title} must hold the bundle {tags.get(BUNDLE_TAG)}. Received: {sha256}, by its bundle.json. "
            f"{_ADVICE}"
        )


def score(model: Path, radiographs: Sequence[str], folder: Path) -> NDArray[np.float64]:
    """Let a fetched model examine radiographs, in a process of its own and with its own code.

    Parameters
    ----------
    model
        From :func:`fetch`.
    radiographs
        Paths, or files in base64.
    folder
        Where the request and its scores are written.

    Returns
    -------
    float64 ndarray of shape (N,)
        Probabilities.

    Raises
    ------
    VersionError
        The model fails, or its output is no probability.
    """
    request, scores = folder / "request.json", folder / "scores.json"
    request.write_text(json.dumps(list(radiographs)), encoding="utf-8")
    command = [sys.executable, "-P", *map(str, (models.SCORING, model, request, scores))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = " | ".join(done.stderr.strip().splitlines()[-_LAST_LINES:])
        raise VersionError(f"a version must answer with the code it was registered with. Received: {last}")
    answer = json.loads(scores.read_text(encoding="utf-8"))
    probability = np.array(answer["probability"], np.float64)
    if probability.shape != (len(radiographs),) or not ((probability >= 0) & (probability <= 1)).all():
        refused = next(filter(None, answer.get("reason", [])), None)
        raise VersionError(
            "a version must answer each radiograph with a probability. "
            f"Received: {probability if refused is None else refused}"
        )
    return probability


def learnt(model: Path) -> frozenset[str] | None:
    """Return the sha256 of each file that a fetched model was trained or tuned on; None where unrecorded."""
    path = models.artifact(model, LEARNT)
    return frozenset(tables.measured(path, dtype="str")["sha256"]) if path.is_file() else None


def example() -> str:
    """Return a picture that every version answers, in base64 as a client would send it."""
    rows, columns = np.indices((128, 128))
    bone = 120 * np.exp(-(((columns - 64) / 20) ** 2)) * (0.8 + rows / 640)
    film = 40 + bone + np.random.default_rng(0).normal(0, 4, bone.shape)  # a mere ramp is refused as blank
    return base64.b64encode(images.encode_png(film.astype(np.uint8))).decode()
