"""What tests of faithfulness take, and how it is checked: pixels, a map, a classifier."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.types import AnyArray, Float64Array, FloatArray, UInt8Array

Predict = Callable[[UInt8Array], FloatArray]


def probabilities(predict: Predict, batch: UInt8Array) -> Float64Array:
    """One probability a radiograph."""
    probability = np.asarray(predict(batch), dtype=np.float64)
    if probability.shape != (len(batch),) or not np.isfinite(probability).all():
        shape = probability.shape
        raise ValueError(f"predict must give {len(batch)} finite probabilities. Received: shape {shape}")
    return probability


def require_same_shape(first: AnyArray, second: AnyArray) -> None:
    """Raise a ValueError unless both are of one shape (H, W)."""
    if first.ndim != 2 or first.shape != second.shape:
        raise ValueError(
            f"two arrays must be of one shape (H, W). Received: {first.shape} and {second.shape}"
        )
