from __future__ import annotations

import numpy as np


def two_peaks(high: float = 0.9, low: float = 0.3) -> np.ndarray:
    """A block of 4 x 4 and, apart, one of 2 x 2 pixels."""
    region_map = np.zeros((20, 30), np.float32)
    region_map[2:6, 3:7], region_map[12:14, 20:22] = high, low
    return region_map
