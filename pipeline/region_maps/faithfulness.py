"""Whether the decisions on a set of radiographs use what the maps show: the figures and their curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from pipeline.region_maps import deletion, erasing, scores
from pipeline.region_maps.inputs import Predict
from pipeline.types import FloatArray, UInt8Array

FIGURES = ("deletion_auc", "insertion_auc", "random_deletion_auc", "erase_drop", "erase_drop_control")


def measure(
    radiographs: Iterable[tuple[UInt8Array, FloatArray]],
    groups: Sequence[str],
    predict: Predict,
    *,
    threshold: float,
    steps: int,
    cell_px: int,
    n_samples: int,
    seed: int,
) -> tuple[dict[str, float], pd.DataFrame]:
    """Predict again without what the maps show.

    Parameters
    ----------
    radiographs : iterable of N (pixels, map) pairs
        uint8 (H, W) and float (H, W), 0..1, both on the canvas.
    groups : sequence of N str
        Duplicate group, or patient, of each.
    predict : callable
        From uint8 (B, H, W) to probabilities (B,).
    threshold : float
        Where the region to erase begins; a map that stays below loses its top percent of pixels.
    steps, cell_px, seed : int
        See :func:`pipeline.region_maps.deletion.curves`.
    n_samples : int
        Resamples of the groups behind the intervals.

    Returns
    -------
    figures : dict of str to float
        Those of :data:`FIGURES`, means over radiographs, with ``_low`` and ``_high``; NaN where there is
        no radiograph, or every map shows everything.
    curves : DataFrame
        ``share``, of the cells taken away or brought back, and the mean probability after ``deletion``,
        ``insertion`` and ``random_deletion``.
    """
    rows, curves = [], []
    for position, (pixels, region_map) in enumerate(radiographs):
        own_seed = seed + position  # or all radiographs would share one random order
        own = deletion.curves(pixels, region_map, predict, steps=steps, cell_px=cell_px, seed=own_seed)
        row = {f"{name}_auc": deletion.area(curve) for name, curve in own.items()}
        region = region_map >= min(threshold, float(np.quantile(region_map, 0.99)))
        if not region.all():  # a map that shows everything leaves no rim to paint from
            row |= erasing.erase_drops(pixels, region, predict, seed=own_seed)
        rows.append(row)
        curves.append(pd.DataFrame(own))
    table = pd.DataFrame(rows, columns=list(FIGURES)).assign(group=list(groups))
    mean = pd.DataFrame(columns=["share", *deletion.CURVES])
    if rows:
        mean = sum(curves[1:], start=curves[0]) / len(curves)
        mean.insert(0, "share", np.linspace(0, 1, steps + 1))
    return scores.means(table, FIGURES, n_samples=n_samples, seed=seed), mean
