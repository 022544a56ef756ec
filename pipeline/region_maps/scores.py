"""Where the maps of a set of radiographs point: a row of scores each, and the figures over them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.region_maps import froc, localization, pointing
from pipeline.statistics import intervals
from pipeline.types import AnyArray, BoolArray, Float64Array, FloatArray

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


def tabulate(maps: Iterable[FloatArray], references: Sequence[Reference]) -> pd.DataFrame:
    """Score each map (H, W), 0..1, of annotated, fractured radiographs.

    Returns
    -------
    DataFrame
        In the references' order: ``group``; those of :data:`OWN`, the tolerant game within 2 % of the
        longer side; those of :data:`BASELINES`, NaN for a brightest bone that is not known;
        ``fracture_size``, the share of the radiograph inside its boxes.
    """
    pairs = zip(maps, references, strict=True)
    return pd.DataFrame([_look(region_map, reference) for region_map, reference in pairs])


def localize(
    maps: Callable[[], Iterable[FloatArray]],
    references: Sequence[Reference],
    table: pd.DataFrame,
    *,
    n_samples: int,
    seed: int,
) -> dict[str, Any]:
    """Sum the scores of annotated, fractured radiographs up, beside their baselines.

    Parameters
    ----------
    maps : callable
        Yields the maps (H, W), 0..1, in the references' order, each time it is called: so only
        one is in memory.
    references : sequence of N Reference
    table : DataFrame
        Of the same radiographs, from :func:`tabulate`.
    n_samples, seed : int
        Resamples of the groups, and where their random numbers start.

    Returns
    -------
    dict
        ``annotated``; those of :data:`OWN`, with ``_low`` and ``_high``; those of :data:`BASELINES`;
        ``max_box_acc`` by IoU, ``pixel_average_precision``.
    """
    box_acc = localization.max_box_acc(maps(), [reference.boxes for reference in references])
    return {
        "annotated": len(references),
        **means(table, OWN, n_samples=n_samples, seed=seed),
        **{name: float(table[name].mean()) for name in BASELINES},
        "max_box_acc": {f"iou_{wanted:g}": share for wanted, share in box_acc.items()},
        "pixel_average_precision": localization.pixel_average_precision(
            maps(), (reference.mask() for reference in references)
        ),
    }


def means(table: pd.DataFrame, names: Sequence[str], *, n_samples: int, seed: int) -> dict[str, float]:
    """Mean of each column with its interval by ``group``; what is not a number does not count."""

    def statistics(weight: Float64Array) -> dict[str, float]:
        return {name: _mean(table[name].to_numpy(np.float64), weight) for name in names}

    return intervals.summarize(statistics, table["group"].to_numpy(), n_samples=n_samples, seed=seed)


def free_response(marks: froc.Marks, group: AnyArray, *, n_samples: int, seed: int) -> dict[str, float]:
    """Sensitivity at 0.5, 1 and 2 false marks a radiograph, with intervals by group.

    Parameters
    ----------
    marks : Marks
        Of N radiographs, with and without a fracture.
    group : ndarray of shape (N,)
    n_samples, seed : int
        As for :func:`localize`. A resample without a fracture does not count.

    Returns
    -------
    dict of str to float
        ``froc_sensitivity_0.5``, ``_1`` and ``_2``, each with ``_low`` and ``_high``.
    """

    def statistics(weight: Float64Array) -> dict[str, float]:
        drawn = weight @ marks.n_fractures > 0
        found = froc.sensitivity_at(marks, weight=weight) if drawn else np.full(len(froc.FALSE_MARKS), np.nan)
        return {
            f"froc_sensitivity_{allowed:g}": float(value)
            for allowed, value in zip(froc.FALSE_MARKS, found, strict=True)
        }

    return intervals.summarize(statistics, group, marks.n_fractures > 0, n_samples=n_samples, seed=seed)


def _mean(values: Float64Array, weight: Float64Array) -> float:
    """Weighted mean of the values that are numbers; NaN where there are none."""
    known = np.isfinite(values) & (weight > 0)
    return float(np.average(values[known], weights=weight[known])) if known.any() else float("nan")


def _look(region_map: FloatArray, reference: Reference) -> dict[str, Any]:
    """Score one map, and what plays along, against its own radiograph's boxes."""
    boxes, shape = [reference.boxes], (region_map.shape[0], region_map.shape[1])
    peaks = [pointing.peak(region_map)]
    tolerance = 0.02 * max(shape)
    area = float(pointing.pointing_game_random(boxes, [shape])[0])
    brightest = reference.brightest
    return {
        "group": reference.group,
        "pointing_game": float(pointing.pointing_game(peaks, boxes)[0]),
        "pointing_game_tolerant": float(pointing.pointing_game(peaks, boxes, tolerance_px=tolerance)[0]),
        "energy_in_box": pointing.energy_in_box(region_map, reference.boxes),
        "pointing_game_random": area,
        "pointing_game_center": float(pointing.pointing_game_center(boxes, [shape])[0]),
        "pointing_game_brightest": np.nan
        if brightest is None
        else float(pointing.pointing_game([brightest], boxes)[0]),
        "fracture_size": area,
    }
