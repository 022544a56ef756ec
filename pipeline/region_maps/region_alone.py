"""Whether the region alone still answers, and whether its size and place, or the blurred rest, do without it.

The complement of erasing a region. Each radiograph, of either class, shows its first region, that of the
highest peak; all else is blurred as far as :mod:`pipeline.region_maps.deletion` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import cv2
import numpy as np
import pandas as pd

from pipeline.network import interface
from pipeline.predict.maps import MapSet
from pipeline.predict.regions import Region
from pipeline.preprocess.canvas import Placement
from pipeline.region_maps import deletion
from pipeline.region_maps.inputs import Predict, probabilities
from pipeline.statistics import cross_fitted, intervals, metrics
from pipeline.types import BoolArray, Float64Array, UInt8Array

Window = tuple[slice, slice]  # rows and columns of the canvas

RADIOGRAPHS = 128  # half of either class; two pictures of each are predicted
FIGURES = (
    *("alone_auroc", "blurred_auroc", "geometry_auroc"),
    *("alone_blurred_gap", "alone_geometry_gap", "alone_kept"),
)


def measure(
    maps: MapSet,
    regions: Sequence[Sequence[Region]],
    canvases: Callable[[Iterable[str]], Iterator[UInt8Array]],
    predict: Predict,
    *,
    n_samples: int,
    seed: int,
) -> dict[str, float]:
    """Predict radiographs of which the first region is left, and of which nothing is.

    One radiograph of each group and class is looked at, at most :data:`RADIOGRAPHS`, so that groups count
    alike. The regression on geometry learns from those that are too many to predict, too.

    Parameters
    ----------
    maps, regions
        Of N radiographs, the regions of each with the highest peak first.
    canvases
        From paths to the canvases that the network was given, uint8 (H, W) each.
    predict
        From uint8 (B, H, W) to probabilities (B,), calibrated as ``y_score`` is.
    n_samples, seed
        Resamples of the groups, and where random numbers start.

    Returns
    -------
    dict of str to float
        ``alone_radiographs``, predicted; ``alone_without_region``, radiographs left out for want of a
        region; with ``_low`` and ``_high`` those of :data:`FIGURES`: AUROC of the answers to the region
        alone, of those to the blurred radiograph without it, and of :func:`geometry`; the first less
        either of the others, paired; the mean probability of fractured radiographs that the region alone
        keeps, as a share of that of the whole ones. NaN where a class or its groups are too few.
    """
    has_region = np.array([len(own) > 0 for own in regions], bool)
    pool = _one_of_each_group(maps.rows, has_region, seed)
    rows = pool.groupby("fractured").head(RADIOGRAPHS // 2).sort_index()
    counts = {"alone_radiographs": len(rows), "alone_without_region": int((~has_region).sum())}
    if rows.empty:
        ends = ("", "_low", "_high")
        return counts | dict.fromkeys((name + end for name in FIGURES for end in ends), np.nan)
    windows = {
        place: window(regions[place][0], maps.placements[place], maps.canvas_shape)
        for place in pool.index.tolist()
    }
    shown = zip(canvases(rows["path"]), (windows[place] for place in rows.index), strict=True)
    n_regions = [len(regions[place]) for place in windows]
    described = geometry(list(windows.values()), n_regions, maps.canvas_shape)
    by_geometry = pd.Series(_scored(described, pool, seed), pool.index)[rows.index].to_numpy()
    scores = (*_predicted(predict, shown), by_geometry)
    return counts | _summarize(rows, scores, n_samples=n_samples, seed=seed)


def window(region: Region, placement: Placement, canvas_shape: tuple[int, int]) -> Window:
    """Bring a region's box onto the canvas: at least a pixel of it."""
    corners = np.array([region.box[:2], np.add(region.box[:2], region.box[2:])], np.float64)
    start, stop = np.rint(placement.to_canvas(corners)).astype(int)
    start = start.clip(0, np.array(canvas_shape) - 1)
    stop = stop.clip(start + 1, canvas_shape)
    return slice(start[0], stop[0]), slice(start[1], stop[1])


def pictures(pixels: UInt8Array, window: Window) -> tuple[UInt8Array, UInt8Array]:
    """Blur all but a window, and all, of a canvas (H, W).

    In float32: of bytes OpenCV rounds the weights of a wide blur to a few levels, and fine rows and columns
    shine through, up to 15 grey levels at 512 pixels.
    """
    smooth = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), deletion.blur_px(pixels.shape))
    blurred = np.rint(smooth).astype(np.uint8)
    alone = blurred.copy()
    alone[window] = pixels[window]
    return alone, blurred


def geometry(windows: Sequence[Window], n_regions: Sequence[int], shape: tuple[int, int]) -> Float64Array:
    """Describe first regions without a pixel and without a score.

    Parameters
    ----------
    windows
        Of N radiographs, on a canvas of this shape.
    n_regions
        How many regions each radiograph has.

    Returns
    -------
    float64 ndarray of shape (N, 6)
        Logarithms of the share of the canvas and of width over height; the centre's row and column as
        shares of the canvas, from its middle, and its distance from there; the number of regions.
    """
    edges = np.array([[(side.start, side.stop) for side in own] for own in windows], np.float64)
    start, stop = np.moveaxis(edges.reshape(-1, 2, 2) / np.array(shape)[:, None], -1, 0)
    centre, size = (start + stop) / 2 - 0.5, stop - start
    aspect = np.log(size[:, 1] * shape[1]) - np.log(size[:, 0] * shape[0])
    return np.column_stack(
        [np.log(size.prod(axis=1)), aspect, centre, np.linalg.norm(centre, axis=1), n_regions]
    )


def _one_of_each_group(rows: pd.DataFrame, has_region: BoolArray, seed: int) -> pd.DataFrame:
    """Draw one radiograph with a region of each group and class, in random order."""
    order = np.random.default_rng(seed).permutation(np.flatnonzero(has_region))
    return rows.reset_index(drop=True).iloc[order].drop_duplicates(["group", "fractured"])


def _predicted(
    predict: Predict, shown: Iterable[tuple[UInt8Array, Window]]
) -> tuple[Float64Array, Float64Array]:
    """Predict regions alone, and nothing but the blur."""
    batches = interface.in_batches(picture for own in shown for picture in pictures(*own))
    answers = np.concatenate([probabilities(predict, np.stack(own)) for own in batches])
    return answers[::2], answers[1::2]


def _scored(described: Float64Array, pool: pd.DataFrame, seed: int) -> Float64Array:
    """Score geometries by what others tell; NaN where a class has fewer than two groups."""
    truth, group = pool["fractured"].to_numpy(bool), pool["group"].to_numpy()
    if min(truth.sum(), (~truth).sum()) < 2:
        return np.full(len(pool), np.nan)
    return cross_fitted.logistic_scores(described, truth, group, seed=seed)


def _summarize(
    rows: pd.DataFrame, scores: tuple[Float64Array, ...], *, n_samples: int, seed: int
) -> dict[str, float]:
    truth, whole = rows["fractured"].to_numpy(bool), rows["y_score"].to_numpy(np.float64)

    def statistics(weight: Float64Array) -> dict[str, float]:
        alone, blurred, by_geometry = (_auroc(truth, score, weight) for score in scores)
        fractured = weight * truth
        kept = fractured @ scores[0] / (fractured @ whole) if truth.any() else np.nan
        gaps = alone - blurred, alone - by_geometry
        return dict(zip(FIGURES, (alone, blurred, by_geometry, *gaps, float(kept)), strict=True))

    return intervals.summarize(statistics, rows["group"].to_numpy(), truth, n_samples=n_samples, seed=seed)


def _auroc(truth: BoolArray, score: Float64Array, weight: Float64Array) -> float:
    """AUROC; NaN with one class, or scores that are not known."""
    if truth.all() or not truth.any() or np.isnan(score).any():
        return float("nan")
    return metrics.auroc(truth, score, weight)
