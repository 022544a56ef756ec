"""What tests of faithfulness take, and how it is checked: pixels, a map, a classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Map = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Predict = Callable[[Pixels], NDArray[np.floating[Any]]]


def probabilities(predict: Predict, batch: Pixels) -> NDArray[np.float64]:
    """One probability a radiograph."""
    probability = np.asarray(predict(batch), dtype=np.float64)
    if probability.shape != (len(batch),) or not np.isfinite(probability).all():
        shape = probability.shape
        raise ValueError(f"predict must give {len(batch)} finite probabilities. Received: shape {shape}")
    return probability


def require_same_shape(first: NDArray[Any], second: NDArray[Any]) -> None:
    """Raise a ValueError unless both are of one shape (H, W)."""
    if first.ndim != 2 or first.shape != second.shape:
        raise ValueError(
            f"two arrays must be of one shape (H, W). Received: {first.shape} and {second.shape}"
        )
