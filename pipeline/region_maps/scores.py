"""Where the maps of a set of radiographs point: a row of scores each, and the figures over them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.region_maps import localization, pointing
from pipeline.statistics import intervals
from pipeline.types import BoolArray, Float64Array, FloatArray

OWN = ("pointing_game", "pointing_game_tolerant", "energy_in_box")
BASELINES = ("pointing_game_random", "pointing_game_center", "pointing_game_brightest")


@dataclass(frozen=True)
class Reference:
    """What is annotated on one fractured radiograph.

    Attributes
    ----------
    boxes
        (K, 4), row, column, height and width in pixels.
    mask
        (H, W) bool: the polygons, or the boxes where there are none.
    group
        Duplicate group, or patient.
    brightest
        (row, column) of the brightest bone, where it is known.
    """

    boxes: Float64Array
    mask: Callable[[], BoolArray]
    group: str
    brightest: tuple[int, int] | None = None


def localize(
    maps: Iterable[FloatArray], references: Sequence[Reference], *, n_samples: int, seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Score the maps of annotated, fractured radiographs, beside their baselines.

    Parameters
    ----------
    maps : iterable of N float ndarrays of shape (H, W), in 0..1
        In the references' order; iterated over more than once, so that one map is in memory.
    references : sequence of N Reference
        Without any, nothing is scored, whatever the maps.
    n_samples, seed : int
        Resamples of the groups, and where their random numbers start.

    Returns
    -------
    figures : dict
        ``annotated``; those of :data:`OWN`, with ``_low`` and ``_high``; those of :data:`BASELINES`;
        ``max_box_acc`` by IoU, ``pixel_average_precision``. Empty without references.
    table : DataFrame
        In the references' order: ``group``; those of :data:`OWN`, the tolerant game within 2 % of the
        longer side; those of :data:`BASELINES`, NaN for a brightest bone that is not known;
        ``fracture_size``, the share of the radiograph inside its boxes.
    """
    if not references:
        return {}, pd.DataFrame()
    table = pd.DataFrame([_score(*pair) for pair in zip(maps, references, strict=True)])
    box_acc = localization.max_box_acc(maps, [reference.boxes for reference in references])
    masks = (reference.mask() for reference in references)
    figures = {
        "annotated": len(references),
        **means(table, OWN, n_samples=n_samples, seed=seed),
        **{name: float(table[name].mean()) for name in BASELINES},
        "max_box_acc": {f"iou_{threshold:g}": share for threshold, share in box_acc.items()},
        "pixel_average_precision": localization.pixel_average_precision(maps, masks),
    }
    return figures, table


def means(table: pd.DataFrame, names: Sequence[str], *, n_samples: int, seed: int) -> dict[str, float]:
    """Mean of each column with its interval by ``group``; what is not a number does not count."""
    if table.empty:
        return dict.fromkeys((f"{name}{end}" for name in names for end in ("", "_low", "_high")), np.nan)

    def statistics(weight: Float64Array) -> dict[str, float]:
        return {name: _mean(table[name].to_numpy(np.float64), weight) for name in names}

    return intervals.summarize(statistics, table["group"].to_numpy(), n_samples=n_samples, seed=seed)


def _mean(values: Float64Array, weight: Float64Array) -> float:
    """Weighted mean of the values that are numbers; NaN where there are none."""
    counts = np.isfinite(values) & (weight > 0)
    return float(np.average(values[counts], weights=weight[counts])) if counts.any() else float("nan")


def _score(region_map: FloatArray, reference: Reference) -> dict[str, Any]:
    """Score one map and its baselines against its own radiograph's boxes."""
    boxes, shape = [reference.boxes], (region_map.shape[0], region_map.shape[1])
    peaks, brightest = [pointing.peak(region_map)], reference.brightest
    tolerant = pointing.pointing_game(peaks, boxes, tolerance_px=0.02 * max(shape))
    area = float(pointing.pointing_game_random(boxes, [shape])[0])
    return {
        "group": reference.group,
        "pointing_game": float(pointing.pointing_game(peaks, boxes)[0]),
        "pointing_game_tolerant": float(tolerant[0]),
        "energy_in_box": pointing.energy_in_box(region_map, reference.boxes),
        "pointing_game_random": area,
        "pointing_game_center": float(pointing.pointing_game_center(boxes, [shape])[0]),
        "pointing_game_brightest": float(pointing.pointing_game([brightest], boxes)[0])
        if brightest
        else np.nan,
        "fracture_size": area,
    }
