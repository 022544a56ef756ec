"""Region maps of a set of radiographs, kept as the network's small evidence and drawn on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import pandas as pd

from pipeline.files import resize
from pipeline.network.interface import NetworkOutput
from pipeline.predict import operating_points
from pipeline.predict.calibration import Calibration
from pipeline.predict.head_boxes import Cells
from pipeline.predict.operating_points import OperatingPoints
from pipeline.preprocess.canvas import Placement
from pipeline.types import BoolArray, Float16Array, Float32Array, Float64Array


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
        From evidence to the maps' probabilities: a cell counts as a radiograph whose evidence is the same
        everywhere, as long as no site was fitted.
    boxes
        (N, M', N', 4), distances to the sides of boxes as in
        :class:`pipeline.network.interface.NetworkOutput`; empty without that head.
    answers
        From logits to ``y_score``; None: as the maps.
    """

    rows: pd.DataFrame
    evidence: Float32Array
    placements: Sequence[Placement]
    canvas_shape: tuple[int, int]
    calibration: Calibration
    boxes: Float16Array = field(default_factory=lambda: np.zeros((0, 0, 0, 4), np.float16))
    answers: Calibration | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Float32Array]:
        return (self.in_radiograph(position) for position in range(len(self)))

    def in_radiograph(self, position: int) -> Float32Array:
        """Map (H, W), 0..1, in the radiograph's own pixels."""
        probability = self.on_grid(position)
        return self.placements[position].map_to_radiograph(probability, self.canvas_shape)

    def on_grid(self, position: int) -> Float32Array:
        """Map (M', N'), 0..1, on the network's grid over the canvas."""
        return probability_map(self.evidence[position], self.calibration)

    def on_canvas(self, position: int) -> Float32Array:
        """Map (H, W), 0..1, in the pixels of the canvas."""
        return resize.to_shape(self.on_grid(position), self.canvas_shape, cv2.INTER_LINEAR)

    def cells(self, position: int) -> Cells | None:
        """Bring cells and their boxes into the radiograph's own pixels; None without a head for boxes."""
        if not self.boxes.size:
            return None
        return in_cells(
            self.on_grid(position), self.boxes[position], self.placements[position], self.canvas_shape
        )

    def inside(self, position: int, grid: tuple[int, int]) -> BoolArray:
        """Which cells of a grid over the canvas lie on the radiograph, and not beside it: bool, its shape."""
        return _inside(self.placements[position], grid, self.canvas_shape)

    def where(self, chosen: BoolArray) -> MapSet:
        """Select the radiographs for which ``chosen`` (N,) is true."""
        positions = np.flatnonzero(chosen).tolist()
        return MapSet(
            self.rows.iloc[positions].reset_index(drop=True),
            self.evidence[positions],
            [self.placements[position] for position in positions],
            self.canvas_shape,
            self.calibration,
            self.boxes[positions] if self.boxes.size else self.boxes,
            self.answers,
        )


def from_output(
    rows: pd.DataFrame,
    output: NetworkOutput,
    placements: Sequence[Placement],
    *,
    canvas_shape: tuple[int, int],
    points: OperatingPoints,
    calibration: Calibration,
    map_calibration: Calibration | None = None,
) -> MapSet:
    """Join the network's output for N radiographs with what is known of them, and decide.

    Parameters
    ----------
    rows
        ``path``, ``group`` and ``fractured`` of each radiograph.
    output
        Of the network, for all of them.
    placements, canvas_shape
        As in :class:`MapSet`.
    calibration, map_calibration
        From logits to probabilities, and from evidence to those of the maps; the same by default.
    points
        Thresholds on the calibrated probability.
    """
    y_score = calibration.probability(output.logits)
    table = rows[["path", "group", "fractured"]].reset_index(drop=True)
    predictions = table.assign(y_score=y_score, decision=operating_points.decide(y_score, points))
    return MapSet(
        predictions,
        output.evidence,
        placements,
        canvas_shape,
        map_calibration or calibration,
        output.boxes,
        calibration,
    )


def in_cells(
    probability: Float32Array, boxes: Float16Array, placement: Placement, canvas_shape: tuple[int, int]
) -> Cells:
    """Bring what the network says of one radiograph into its own pixels.

    Parameters
    ----------
    probability
        (M', N'), 0..1, on a grid over the canvas.
    boxes
        (M', N', 4), distances as in :class:`pipeline.network.interface.NetworkOutput`.
    placement, canvas_shape
        Where the radiograph lies on the canvas, and its size in pixels.
    """
    grid = (probability.shape[0], probability.shape[1])
    on_canvas = np.stack(np.meshgrid(*_centres(grid, canvas_shape), indexing="ij"), axis=-1)
    centre = placement.to_radiograph(on_canvas)
    distances = boxes.astype(np.float64) / placement.scale
    sides = np.concatenate([centre - distances[..., :2], centre + distances[..., 2:]], axis=-1)
    shown = np.where(_inside(placement, grid, canvas_shape), probability, np.float32(0))
    return Cells(shown, centre, sides)


def _inside(placement: Placement, grid: tuple[int, int], canvas_shape: tuple[int, int]) -> BoolArray:
    """Which cells of a grid over the canvas lie on the radiograph."""
    top, left, height, width = placement.crop
    corners = np.array([(top, left), (top + height, left + width)], np.float64)
    (first_row, first_column), (last_row, last_column) = placement.to_canvas(corners)
    rows, columns = _centres(grid, canvas_shape)
    down = (rows >= first_row) & (rows <= last_row)
    across = (columns >= first_column) & (columns <= last_column)
    return np.asarray(down[:, None] & across)


def _centres(grid: tuple[int, int], canvas_shape: tuple[int, int]) -> tuple[Float64Array, Float64Array]:
    """Rows and columns, on the canvas, of the centres of cells."""
    rows, columns = (
        (np.arange(size) + 0.5) * side / size for size, side in zip(grid, canvas_shape, strict=True)
    )
    return rows, columns


def probability_map(evidence: Float32Array, calibration: Calibration) -> Float32Array:
    """Evidence as probabilities, float32, 0..1, of any shape."""
    return np.asarray(calibration.probability(evidence), dtype=np.float32)
