"""Boxes, masks and simple maps that the tests of this folder share."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

SHAPE = (24, 40)
BOX = np.array([[4, 10, 6, 8]])

box_lists = st.lists(
    st.tuples(*(st.floats(low, high) for low, high in ((0, 20), (0, 30), (0.25, 12), (0.25, 12)))),
    min_size=1,
    max_size=4,
).map(np.array)


def blob(row, column, height, width, value=0.8):
    region_map = np.zeros(SHAPE, np.float32)
    region_map[row : row + height, column : column + width] = value
    return region_map
