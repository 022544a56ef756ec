"""Maps that each point at one cell, and the annotations that they are held against."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.dataset.annotations import Annotations
from pipeline.dataset.region import Region
from pipeline.predict.calibration import Calibration
from pipeline.predict.maps import MapSet
from pipeline.preprocess.canvas import Placement

SIDE, GRID = 128, 8  # a cell of the grid is 8 x 8 on the canvas of 64, 16 x 16 in the radiograph
CELLS = [(2, 3), (5, 1), (4, 4), (1, 6)]
FRACTURED = [True, True, False, False]


def box(cell: tuple[int, int]) -> Region:
    """Left, top, width and height of a cell in the radiograph."""
    return Region((), (cell[1] * 16.0, cell[0] * 16.0, 16.0, 16.0))


KNOWN = Annotations(
    {"r0": (box(CELLS[0]),), "r1": (box(CELLS[1]),)}, {f"r{i}": (SIDE, SIDE) for i in range(4)}
)
NOTHING = Annotations({}, KNOWN.sizes)


def drawn(cells: list[tuple[int, int]], peak: float = 4.0) -> MapSet:
    """Maps that are dark but for one cell each."""
    evidence = np.full((len(cells), GRID, GRID), -6.0, np.float32)
    for one, cell in zip(evidence, cells, strict=True):
        one[cell] = peak
    placement = Placement(SIDE, SIDE, False, (0, 0, SIDE, SIDE), 0.5, 0.0, 0.0)
    rows = pd.DataFrame(
        {
            "path": [f"r{i}" for i in range(len(cells))],
            "group": ["g0", "g1", "g2", "g3"],
            "fractured": FRACTURED,
            "y_score": [0.9, 0.8, 0.3, 0.2],
            "decision": ["fracture", "fracture", "needs review", "no finding"],
        }
    )
    return MapSet(rows, evidence, [placement] * len(cells), (64, 64), Calibration(1.0))
