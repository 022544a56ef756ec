"""Region maps of a set of radiographs, kept as the network's small evidence and drawn on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.assess.calibration import Calibration
from pipeline.data.canvas import Placement

Map = NDArray[np.float32]


@dataclass(frozen=True)
class MapSet:
    """The maps of N radiographs.

    Attributes
    ----------
    rows
        A row a radiograph: ``path``, ``group``, ``fractured``, ``y_score``, ``decision``.
    evidence
        (N, M', N'), the network's evidence on the canvas, as logits.
    placements
        Where each radiograph lies on the canvas.
    canvas_shape
        Height and width of the canvas in pixels.
    calibration
        From logits to probabilities: a cell counts as a radiograph that says the same everywhere.
    """

    rows: pd.DataFrame
    evidence: NDArray[np.float32]
    placements: Sequence[Placement]
    canvas_shape: tuple[int, int]
    calibration: Calibration

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Map]:
        return (self.in_radiograph(position) for position in range(len(self)))

    def in_radiograph(self, position: int) -> Map:
        """Map (H, W), 0..1, in the radiograph's own pixels."""
        probability = self.on_grid(position)
        return self.placements[position].map_to_radiograph(probability, self.canvas_shape)

    def on_grid(self, position: int) -> Map:
        """Map (M', N'), 0..1, on the network's grid over the canvas."""
        return probability_map(self.evidence[position], self.calibration)

    def on_canvas(self, position: int) -> Map:
        """Map (H, W), 0..1, in the pixels of the canvas."""
        grid = self.on_grid(position)
        return cv2.resize(grid, self.canvas_shape[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)

    def where(self, chosen: NDArray[np.bool_]) -> MapSet:
        """Select the radiographs for which ``chosen`` (N,) is true."""
        positions = np.flatnonzero(chosen).tolist()
        return MapSet(
            self.rows.iloc[positions].reset_index(drop=True),
            self.evidence[positions],
            [self.placements[position] for position in positions],
            self.canvas_shape,
            self.calibration,
        )


def probability_map(evidence: NDArray[np.float32], calibration: Calibration) -> Map:
    """Evidence as probabilities, float32, 0..1, of any shape."""
    return np.asarray(calibration.probability(evidence), dtype=np.float32)
