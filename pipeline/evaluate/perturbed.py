"""The classifier on perturbed radiographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Evaluate, Preprocess, Run
from pipeline.evaluate import robustness
from pipeline.files import engine
from pipeline.predict.operating_points import OperatingPoints
from pipeline.preprocess import perturbations


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
        One row a radiograph: ``path``, ``group`` and ``fractured``.
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
    """
    fractured, group = rows["fractured"].to_numpy(bool), rows["group"].to_numpy(str)
    chosen = robustness.sample(fractured, group, settings.robustness_radiographs, run.seed)
    paths = [root / path for path in rows["path"].iloc[chosen]]
    jobs = [perturbations.Job(path, canvas, max_pixels) for path in paths]
    canvases = engine.process(perturbations.prepare, jobs, workers=run.workers, label="perturbations")
    y_scores = np.array([predict(levels) for levels in canvases])
    return robustness.tabulate(
        perturbations.LEVELS,
        fractured[chosen],
        y_scores,
        points,
        n_samples=settings.bootstrap_samples,
        seed=run.seed,
    )
