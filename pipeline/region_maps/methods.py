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
from pipeline.predict.calibration import Calibration
from pipeline.predict.maps import MapSet
from pipeline.region_maps import attributions, deletion, faithfulness, scores, scoring
from pipeline.region_maps.asking import Predict
from pipeline.types import UInt8Array

OWN = "region_map"
_LOCALIZED = ("pointing_game", "pointing_game_tolerant", "energy_in_box")
_DELETION = "deletion_auc"
_ENDS = ("", "_low", "_high")
_WHOLE = ("max_box_acc_0.1", "max_box_acc_0.3", "max_box_acc_0.5", "pixel_average_precision")
COLUMNS = [
    *("method", "radiographs", "annotated"),
    *(f"{name}{end}" for name in _LOCALIZED for end in _ENDS),
    *_WHOLE,
    *(f"{_DELETION}{end}" for end in _ENDS),
]
_BATCH = 8


def compare(
    model: keras.Model,
    probability: Predict,
    found: MapSet,
    seen: Sequence[UInt8Array],
    known: Annotations,
    *,
    steps: int,
    n_samples: int,
    seed: int,
) -> pd.DataFrame:
    """Score the network's own map, Grad-CAM++ and integrated gradients.

    Parameters
    ----------
    model, probability
        The classifier that drew the maps, and how it is asked again.
    found, seen
        Maps and, in the same order, what the network saw, uint8 (H, W) each.
    known
        Annotations of all radiographs, checked; without any, the columns of localization are empty.
    steps, n_samples, seed
        Steps of deletion, resamples of the groups, and where random numbers start.

    Returns
    -------
    DataFrame
        The columns of :data:`COLUMNS`, a row a method.
    """
    rows: list[dict[str, Any]] = []
    for name, maps in _drawn(model, found, seen) if len(found) else ():
        figures, _ = scoring.localize(
            maps,
            known,
            lambda _: iter(seen),
            pd.DataFrame(index=maps.rows.index),
            n_samples=n_samples,
            seed=seed,
        )
        by_iou = figures.pop("max_box_acc", {})
        figures |= {f"max_box_acc_{iou.removeprefix('iou_')}": share for iou, share in by_iou.items()}
        areas = _delete(probability, maps, seen, steps=steps, seed=seed)
        asked = scores.means(areas, [_DELETION], n_samples=n_samples, seed=seed)
        rows.append({"method": name, "radiographs": len(maps)} | figures | asked)
    return pd.DataFrame(rows, columns=COLUMNS)


def sample(found: MapSet, known: Annotations, limit: int) -> MapSet:
    """Choose evenly among the annotated fractures; where there are none, the likeliest radiographs."""
    positions = np.flatnonzero(scoring.is_annotated(found, known))
    if not len(positions):
        positions = np.argsort(-found.rows["y_score"].to_numpy(), kind="stable")[:limit]
    even = np.linspace(0, len(positions) - 1, min(limit, len(positions))).round().astype(int)
    chosen = np.zeros(len(found), bool)
    chosen[positions[even]] = True
    return found.where(chosen)


def _drawn(model: keras.Model, found: MapSet, seen: Sequence[UInt8Array]) -> Iterator[tuple[str, MapSet]]:
    """Yield each method with its maps."""
    yield OWN, found
    for name, method in attributions.METHODS.items():
        attribute = method(model)
        batches = [np.stack(seen[start : start + _BATCH]) for start in range(0, len(seen), _BATCH)]
        maps = np.concatenate([attribute(batch) for batch in batches])
        evidence = logit(np.clip(maps, 1e-6, 1 - 1e-6)).astype(np.float32)
        yield name, replace(found, evidence=evidence, calibration=Calibration(1.0))  # as they are


def _delete(
    probability: Predict, found: MapSet, seen: Sequence[UInt8Array], *, steps: int, seed: int
) -> pd.DataFrame:
    """Area under the probability of each radiograph while its cells go in the map's order."""
    areas = [
        deletion.area(
            deletion.curve(
                pixels,
                found.on_canvas(position),
                probability,
                steps=steps,
                cell_px=faithfulness.CELL_PX,
                seed=seed + position,
            )
        )
        for position, pixels in enumerate(seen)
    ]
    return pd.DataFrame({_DELETION: areas, "group": found.rows["group"].to_numpy()})
