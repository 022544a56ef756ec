"""Gradient methods beside the network's own map, on the same radiographs and by the same scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pandas as pd
from scipy.special import logit

from pipeline.dataset.annotations import Annotations
from pipeline.network.interface import STRIDE
from pipeline.predict.calibration import Calibration
from pipeline.predict.maps import MapSet
from pipeline.region_maps import attributions, deletion, references, scores
from pipeline.region_maps.inputs import Predict
from pipeline.types import UInt8Array

OWN = "region_map"
CELL_PX = 2 * STRIDE  # what deletion takes away at once
_DELETION = "deletion_auc"
_ENDS = ("", "_low", "_high")
COLUMNS = [
    *("method", "radiographs", "annotated"),
    *(f"{name}{end}" for name in scores.OWN for end in _ENDS),
    *("max_box_acc_0.1", "max_box_acc_0.3", "max_box_acc_0.5", "pixel_average_precision"),
    *(f"{_DELETION}{end}" for end in _ENDS),
]
_BATCH = 8


def compare(
    model: keras.Model,
    predict: Predict,
    maps: MapSet,
    canvases: Sequence[UInt8Array],
    annotations: Annotations,
    *,
    steps: int,
    n_samples: int,
    seed: int,
) -> pd.DataFrame:
    """Score the network's own map, Grad-CAM++ and integrated gradients.

    Parameters
    ----------
    model, predict
        The classifier that drew the maps, and its probabilities: uint8 (B, H, W) to (B,).
    maps, canvases
        From :func:`sample` and, in the same order, the canvases behind them, uint8 (H, W) each.
    annotations
        Of all radiographs, checked; without any, the columns of localization are empty.
    steps, n_samples, seed
        Steps of deletion, resamples of the groups, and where random numbers start.

    Returns
    -------
    DataFrame
        The columns of :data:`COLUMNS`, a row a method.
    """
    drawn = references.collect(maps, annotations, canvases)
    rows: list[dict[str, Any]] = []
    for name, own in _drawn(model, maps, canvases) if len(maps) else ():
        figures, _ = scores.localize(own, drawn, n_samples=n_samples, seed=seed)
        by_iou = figures.pop("max_box_acc", {})
        figures |= {f"max_box_acc_{iou.removeprefix('iou_')}": share for iou, share in by_iou.items()}
        areas = _delete(predict, own, canvases, steps=steps, seed=seed)
        figures |= scores.means(areas, [_DELETION], n_samples=n_samples, seed=seed)
        rows.append({"method": name, "radiographs": len(own)} | figures)
    return pd.DataFrame(rows, columns=COLUMNS)


def sample(maps: MapSet, annotations: Annotations, limit: int) -> MapSet:
    """Choose evenly among the annotated fractures; where there are none, the likeliest radiographs."""
    positions = np.flatnonzero(references.is_annotated(maps, annotations))
    if not len(positions):
        positions = np.argsort(-maps.rows["y_score"].to_numpy(), kind="stable")[:limit]
    even = np.linspace(0, len(positions) - 1, min(limit, len(positions))).round().astype(int)
    return maps.where(np.isin(np.arange(len(maps)), positions[even]))


def _drawn(model: keras.Model, maps: MapSet, canvases: Sequence[UInt8Array]) -> Iterator[tuple[str, MapSet]]:
    """Yield each method with its maps."""
    yield OWN, maps
    for name, method in attributions.METHODS.items():
        attribute = method(model)
        starts = range(0, len(canvases), _BATCH)
        values = np.concatenate([attribute(np.stack(canvases[start : start + _BATCH])) for start in starts])
        evidence = logit(np.clip(values, 1e-6, 1 - 1e-6)).astype(np.float32)
        yield name, replace(maps, evidence=evidence, calibration=Calibration(1.0))  # as they are


def _delete(
    predict: Predict, maps: MapSet, canvases: Sequence[UInt8Array], *, steps: int, seed: int
) -> pd.DataFrame:
    """Area under the probability of each radiograph while its cells go in the map's order."""
    areas = []
    for place, pixels in enumerate(canvases):
        own, only, own_seed = maps.on_canvas(place), ["deletion"], seed + place
        curve = deletion.curves(pixels, own, predict, only, steps=steps, cell_px=CELL_PX, seed=own_seed)
        areas.append(deletion.area(*curve.values()))
    return pd.DataFrame({_DELETION: areas, "group": maps.rows["group"].to_numpy()})
