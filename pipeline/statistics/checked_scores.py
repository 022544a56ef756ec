"""Outcomes, scores and weights as the metrics and curves take them: of one shape, and in range."""

from __future__ import annotations

import numpy as np

from pipeline.types import BoolArray, Float64Array, FloatArray


def checked(
    y_true: BoolArray, y_score: FloatArray, sample_weight: FloatArray | None = None
) -> tuple[BoolArray, Float64Array, Float64Array]:
    """Outcomes, scores and weights as bool, float64 and float64.

    Raises
    ------
    ValueError
        They do not match or are empty, or hold what is no outcome, no probability or no weight.
    """
    truth, score = np.asarray(y_true), np.asarray(y_score, dtype=np.float64)
    weight = np.ones(truth.shape) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if truth.ndim != 1 or not truth.shape == score.shape == weight.shape or not truth.size:
        shapes = f"{truth.shape}, {score.shape}, {weight.shape}"
        raise ValueError(
            f"y_true, y_score and sample_weight must be of one shape (N,), N > 0. Received: {shapes}"
        )
    if not (score.min() >= 0 and score.max() <= 1):
        raise ValueError(f"y_score must be a probability. Received: {score.min()} to {score.max()}")
    if not (weight.min() >= 0 and 0 < weight.sum() < np.inf):
        raise ValueError(f"sample_weight must be >= 0, finite and not all 0. Received: {weight}")
    if truth.dtype != bool and not np.isin(truth, (0, 1)).all():
        raise ValueError(f"y_true must be bool, or 0 and 1. Received: {np.unique(truth)[:5]}")
    return truth.astype(bool), score, weight
