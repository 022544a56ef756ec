"""The classifier on perturbed radiographs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Evaluate, Preprocess, Run
from pipeline.evaluate import robustness
from pipeline.files import engine
from pipeline.files.faults import ImageFault
from pipeline.predict.operating_points import OperatingPoints
from pipeline.preprocess import perturbations

log = logging.getLogger(__name__)


def score_perturbed(
    predict: Callable[[NDArray[np.uint8]], NDArray[np.float64]],
    rows: pd.DataFrame,
    root: Path,
    points: OperatingPoints,
    canvas: Preprocess,
    settings: Evaluate,
    run: Run,
    *,
    max_pixels: int,
) -> pd.DataFrame:
    """Score a sample of radiographs in each of :data:`pipeline.preprocess.perturbations.LEVELS`.

    Parameters
    ----------
    predict
        From canvases, uint8 (B, H, W), to calibrated probabilities (B,).
    rows
        One row a radiograph: ``path``, ``group`` and ``fractured``, and the ``sha256`` of its file, if known.
    root
        What the paths are relative to.
    points
        Thresholds, chosen on other radiographs.
    canvas, settings, run
        Settings: how a radiograph comes onto the canvas; how many are tried; seed and workers.
    max_pixels
        As ``validate`` allowed.

    Returns
    -------
    DataFrame
        As :func:`pipeline.evaluate.robustness.tabulate` says; empty where none are to be tried.
        A file that is gone or changed meanwhile is left out, and told.
    """
    fractured, group = rows["fractured"].to_numpy(bool), rows["group"].to_numpy(str)
    chosen = robustness.sample(fractured, group, settings.robustness_radiographs, run.seed)
    hashes = rows.get("sha256", pd.Series("", rows.index))
    jobs = [
        perturbations.Job(root / rows["path"].iloc[row], canvas, max_pixels, hashes.iloc[row])
        for row in chosen
    ]
    canvases = engine.process(perturbations.attempt, jobs, workers=run.workers, label="perturbations")
    y_scores = {}
    for row, levels in zip(chosen, canvases, strict=True):
        if isinstance(levels, ImageFault):
            log.warning("evaluate: not tried in perturbations: %s", levels)
        else:
            y_scores[row] = predict(levels)
    return robustness.tabulate(
        perturbations.LEVELS,
        fractured[[*y_scores]],
        np.array([*y_scores.values()]),
        points,
        n_samples=settings.bootstrap_samples,
        seed=run.seed,
    )
