"""The network without TensorFlow: written once for a bundle, and used only where it decides alike."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from pipeline.dataset.names import CLASSIFIER, GRAPH
from pipeline.files import outputs
from pipeline.network import export, runtime, tta
from pipeline.network.interface import NetworkOutput, Predict
from pipeline.predict import operating_points
from pipeline.predict.calibration import Calibration
from pipeline.predict.operating_points import OperatingPoints

log = logging.getLogger(__name__)

MOST_APART = 1e-3  # of logits
_NONE = b""  # in place of the graph: TensorFlow answers


def write(
    folder: Path,
    model: keras.Model,
    expected: NetworkOutput,
    examine: Callable[[Predict], NetworkOutput],
    points: OperatingPoints,
    calibration: Calibration,
    *,
    tta_views: int,
    threads: int,
) -> None:
    """Write the graph of a bundle's network, if it answers as the network does; else an empty file.

    Parameters
    ----------
    folder
        Of the bundle; it holds the network.
    expected
        What the network computes of ``val``.
    examine
        Lets a predictor see ``val``.
    points, calibration
        How logits become decisions.
    """
    path = folder / GRAPH
    outputs.write_bytes(path, _NONE)
    try:
        outputs.write_bytes(path, export.graph(model, folder / CLASSIFIER))
        predict = runtime.load(path, folder / CLASSIFIER, threads).predict
        check(expected, examine(tta.with_tta(predict, tta_views)), points, calibration)
    except Exception as error:  # a layer that the converter does not know raises whatever it likes
        outputs.write_bytes(path, _NONE)
        log.warning("%s: this model needs TensorFlow to answer, and more seconds to start: %s", path, error)


def check(
    expected: NetworkOutput, light: NetworkOutput, points: OperatingPoints, calibration: Calibration
) -> None:
    """Compare what two libraries compute of the same radiographs.

    Raises
    ------
    ValueError
        Logits or evidence are more than 0.001 apart, or a decision differs.
    """
    decided = [
        operating_points.decide(calibration.probability(each.logits.astype(float)), points)
        for each in (expected, light)
    ]
    apart = max(
        float(np.abs(expected.logits - light.logits).max()),
        float(np.abs(expected.evidence - light.evidence).max()),
    )
    n_other = int((decided[0] != decided[1]).sum())
    if not apart <= MOST_APART or n_other:
        raise ValueError(
            f"logits must agree within {MOST_APART} and decisions always. Received: {apart:.2g} apart, "
            f"{n_other} of {len(decided[0])} radiographs decided otherwise."
        )
