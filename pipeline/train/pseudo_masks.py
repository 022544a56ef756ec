"""Pseudo-masks: where a trained network's map has the fracture of radiographs labelled fractured.

A network trained on labels alone finds fractures with its coarse, linear evidence, while its pyramid learns
next to nothing about where they lie. A second network, trained on the first one's maps from the start, learns
it. The first one's maps are best on the radiographs that it was trained on: it has learnt their labels.

References
----------
C.-L. Zhang, Y.-H. Cao, J. Wu, "Rethinking the route towards weakly supervised object localization",
CVPR 2020, doi 10.1109/CVPR42600.2020.01347.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import cv2
import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Train
from pipeline.files import engine, images
from pipeline.network import inference, interface, tta
from pipeline.network.interface import STRIDE
from pipeline.preprocess import shards

_BLUR = 0.7  # standard deviation in cells of the network's map: single cells are noise
_REACH = 0.1  # of the peak's odds: what a region without annotations reaches down to, too


def rows_to_mask(rows: pd.DataFrame, source: Literal["annotations", "maps", "both"]) -> pd.DataFrame:
    """Choose the rows of an index that get a pseudo-mask: fractured ones, all or those without a drawing."""
    chosen = {
        "annotations": np.zeros(len(rows), np.bool_),
        "maps": rows["fractured"].to_numpy(bool),
        "both": (rows["fractured"] & (rows["fractures"] == 0)).to_numpy(bool),
    }
    return rows[chosen[source]]


def teacher_settings(settings: Train) -> Train:
    """Return the settings of the first network: without boxes, and for ``maps`` with labels alone."""
    if settings.mask_source == "both":
        return settings.model_copy(update={"box_loss_weight": 0.0})
    return settings.model_copy(update={"mask_loss_weight": 0.0, "erase_loss_weight": 0.0})


def draw(model: keras.Model, folder: Path, rows: pd.DataFrame) -> dict[str, bytes]:
    """Draw the mask of each row: where the map's odds reach a tenth of those of its peak.

    Parameters
    ----------
    model
        The trained network, computing in float32.
    folder
        Where the shards lie.
    rows
        Rows of their index, fractured radiographs.

    Returns
    -------
    dict
        By path, a PNG as large as the canvas, 255 inside and 0 outside.
    """
    predict = tta.with_tta(inference.predictor(model), tta.WHOLE)
    masks = []
    batches = shards.dataset(folder, rows, interface.BATCH)
    ahead = engine.ahead(batches.as_numpy_iterator())
    n_batches = -(-len(rows) // interface.BATCH)
    for canvases, _ in engine.track(ahead, total=n_batches, label="pseudo-masks"):
        evidence = predict(canvases[..., 0]).evidence
        masks += [images.encode_png(outline(each, canvases.shape[1:3])) for each in evidence]
    return dict(zip(rows["path"], masks, strict=True))


def outline(evidence: NDArray[np.float32], canvas_shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Turn a map (M, N) of logits into a mask (H, W), 255 inside; H and W are multiples of M and N."""
    cells_to_one = evidence.shape[0] * STRIDE / canvas_shape[0]
    smooth = cv2.GaussianBlur(evidence, (0, 0), _BLUR * cells_to_one)
    inside = smooth >= smooth.max() + np.log(_REACH)
    side = canvas_shape[0] // evidence.shape[0]
    return np.kron(inside, np.full((side, side), 255)).astype(np.uint8)
