"""A predictor that other machines can compile for themselves, from the bytes of its network's file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import keras

from pipeline.config import Run
from pipeline.network import classifier, device, inference
from pipeline.network.interface import Portable, Predict


def predictor(model: keras.Model, file: Path) -> Portable:
    """Compile the network of a file as `inference.predictor` does, so that it can travel.

    Elsewhere it is computed with the device and the threads that were prepared here.
    """
    return Portable(inference.predictor(model), partial(_opened, file.read_bytes(), device.prepared))


def _opened(data: bytes, settings: Run | None) -> Predict:
    if settings is not None:
        device.prepare(settings)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "classifier.keras"
        path.write_bytes(data)
        return inference.predictor(classifier.load(path))
