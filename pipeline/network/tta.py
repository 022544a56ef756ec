"""Test-time augmentation: outputs averaged over views, mirror images of the canvas and its enlarged corners.

A cell of the network's grid is 8 pixels wide; in an enlarged corner it is 5 pixels of the canvas. Each view's
evidence returns to the canvas through the view's own inverse, on a grid of half the cell, and is averaged
there over the views that see the place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from pipeline.network.interface import NetworkOutput, Portable, Predict
from pipeline.types import BoolArray, Float16Array, Float32Array, Float64Array, UInt8Array

Shape = tuple[int, int]

FINER = 2  # cells of the averaged map to one of the network's


@dataclass(frozen=True)
class View:
    """A view of the canvas: enlarged towards a point of it, then mirrored.

    Attributes
    ----------
    mirrored, upturned
        Left and right exchanged; top and bottom.
    scale
        Pixels of the view to one of the canvas.
    towards
        The point that stays where it is when the canvas is enlarged, down and across: 0 is the centre, -1
        and 1 are the edges.
    """

    mirrored: bool = False
    upturned: bool = False
    scale: float = 1.0
    towards: tuple[float, float] = (0.0, 0.0)

    def matrix(self, canvas_shape: Shape) -> Float64Array:
        """Affine map of (row, column, 1) on the canvas to (row, column) in the view, (2, 3)."""
        centre = np.array(canvas_shape) / 2
        offset = (1 - self.scale) * centre * (1 + np.array(self.towards))
        enlarged = np.column_stack([np.diag([self.scale, self.scale]), offset])
        for axis, is_turned in enumerate((self.upturned, self.mirrored)):
            if is_turned:
                enlarged[axis] = [0.0, 0.0, canvas_shape[axis]] - enlarged[axis]
        return enlarged

    def warp(self, canvases: UInt8Array) -> UInt8Array:
        """Transform canvases (B, H, W) to the view; black beyond their edges."""
        shape: Shape = (canvases.shape[1], canvases.shape[2])
        forward = self.matrix(shape)
        # OpenCV counts columns first, and from the first pixel's centre.
        offset = forward[:, 2] + (np.diag(forward) - 1) / 2
        matrix = np.array([[forward[1, 1], 0.0, offset[1]], [0.0, forward[0, 0], offset[0]]])
        warped = [cv2.warpAffine(one, matrix, shape[::-1], flags=cv2.INTER_LINEAR) for one in canvases]
        return np.asarray(np.stack(warped), np.uint8)

    def unwarp(self, evidence: Float32Array, canvas_shape: Shape, grid: Shape) -> Float32Array:
        """Resample the view's cells (B, M, N, ...) onto a grid over the canvas; NaN outside the view."""
        cell = np.array(canvas_shape) / np.array(grid)
        rows, columns = ((np.arange(size) + 0.5) * side for size, side in zip(grid, cell, strict=True))
        forward = self.matrix(canvas_shape)
        across = forward[1, 1] * columns + forward[1, 2]
        down = forward[0, 0] * rows + forward[0, 2]
        own = np.array(canvas_shape) / np.array(evidence.shape[1:3])
        map_x = np.broadcast_to((across / own[1] - 0.5).astype(np.float32), grid).copy()
        map_y = np.broadcast_to((down / own[0] - 0.5).astype(np.float32)[:, None], grid).copy()
        outside = ~_within(down, canvas_shape[0])[:, None] | ~_within(across, canvas_shape[1])
        back = [
            cv2.remap(one, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for one in evidence
        ]
        found = np.stack(back).astype(np.float32)
        found[:, outside] = np.nan
        return found

    def unwarp_boxes(self, boxes: Float16Array, canvas_shape: Shape, grid: Shape) -> Float32Array:
        """Bring distances to the sides of boxes (B, M, N, 4) back onto a grid over the canvas."""
        up, down = (2, 0) if self.upturned else (0, 2)
        left, right = (3, 1) if self.mirrored else (1, 3)
        order = [up, left, down, right]
        distances = boxes[..., order].astype(np.float32) / self.scale
        return self.unwarp(distances, canvas_shape, grid)


_LARGER = 1.6  # times: two enlarged corners overlap by a quarter of the side
_CORNERS = tuple(View(scale=_LARGER, towards=(down, across)) for down in (-1, 1) for across in (-1, 1))
_MIRRORED = (View(), View(mirrored=True), View(upturned=True), View(mirrored=True, upturned=True))
VIEWS = (*_MIRRORED, *_CORNERS)
NUMBERS = (1, 2, 4, 8)  # of them that may be joined
WHOLE = len(_MIRRORED)  # views of all of the canvas; they come first


def with_tta(predict: Predict, n_views: int) -> Predict:
    """Average a predictor's outputs over the first ``n_views`` of :data:`VIEWS`.

    The logit is half that of whole views, in the mean, half that of enlarged corners: the logarithm of their
    mean odds, since a fracture lies in one of them. What part of the body is seen, whole views alone say.

    Parameters
    ----------
    predict
        From canvases, uint8 (B, H, W), to the network's outputs.
    n_views
        One of :data:`NUMBERS`. 1 for the canvas alone: ``predict`` is then returned as it is; 2 with its
        mirror image, 4 upside down and mirrored, too, 8 with enlarged corners.

    Returns
    -------
    callable
        The same, averaged, with evidence on a grid twice as fine; the features are those of the canvas.
    """
    if n_views == 1:
        return predict
    if isinstance(predict, Portable):
        return Portable(with_tta(predict.predict, n_views), partial(_made, predict.make, n_views))

    def averaged(canvases: UInt8Array) -> NetworkOutput:
        shape: Shape = (canvases.shape[1], canvases.shape[2])
        outputs = [predict(view.warp(canvases)) for view in VIEWS[:n_views]]
        _, cells_down, cells_across = outputs[0].evidence.shape
        grid: Shape = (FINER * cells_down, FINER * cells_across)
        seen = list(zip(VIEWS, outputs, strict=False))
        evidence = [view.unwarp(output.evidence, shape, grid) for view, output in seen]
        return NetworkOutput(
            _joined([output.logits for output in outputs]),
            np.nanmean(np.stack(evidence), axis=0).astype(np.float32),
            np.mean([output.parts for output in outputs[:WHOLE]], axis=0).astype(np.float32),
            outputs[0].features,
            _mean_boxes(seen, shape, grid),
        )

    return averaged


def _joined(logits: list[Float32Array]) -> Float32Array:
    """Average logits over whole views, and over these and enlarged corners."""
    whole, corners = np.mean(logits[:WHOLE], axis=0), logits[WHOLE:]
    if corners:
        whole = (whole + np.logaddexp.reduce(corners, axis=0) - np.log(len(corners))) / 2
    return np.asarray(whole, np.float32)


def _made(make: Callable[[], Predict], n_views: int) -> Predict:
    return with_tta(make(), n_views)


def _mean_boxes(seen: Sequence[tuple[View, NetworkOutput]], shape: Shape, grid: Shape) -> Float16Array:
    if not seen[0][1].boxes.size:
        return seen[0][1].boxes
    boxes = [view.unwarp_boxes(output.boxes, shape, grid) for view, output in seen]
    return np.asarray(np.nanmean(np.stack(boxes), axis=0), np.float16)


def _within(positions: Float64Array, side: int) -> BoolArray:
    """Which positions lie on a side of so many pixels."""
    return np.asarray((positions >= 0) & (positions <= side))
