"""What the box head learns: in each cell of a drawn fracture, how far the sides of its box are.

References
----------
Tian, Shen, Chen and He, FCOS: fully convolutional one-stage object detection, ICCV 2019.
https://doi.org/10.1109/ICCV.2019.00972
Rezatofighi et al., Generalized intersection over union: a metric and a loss for bounding box regression,
CVPR 2019. https://doi.org/10.1109/CVPR.2019.00075
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from pipeline.train.losses import WHOLE, Reduce


class Targets(NamedTuple):
    """What the cells of B radiographs should say.

    Attributes
    ----------
    distances
        float32 (B, M, N, 4): up, left, down and right to the sides, in cells; less than 0 where the
        fracture is smaller than a cell and lies beside its centre.
    weight
        float32 (B, M, N): 0 for a cell of no fracture; those of one fracture add up to 1.
    """

    distances: tf.Tensor
    weight: tf.Tensor


def box_loss(
    outlines: tf.Tensor,
    distances: tf.Tensor,
    canvas_shape: tuple[int, int],
    total: Reduce = WHOLE.total,
) -> tf.Tensor:
    """Mean of 1 minus the generalised IoU, each fracture counting as one; 0 where there is none.

    Parameters
    ----------
    outlines
        float32 (B, K, P, 2), points of fractures in pixels of the canvas, row before column.
    distances
        float32 (B, M, N, 4), above 0, in cells: up, left, down and right.
    canvas_shape
        Height and width of the canvas in pixels.
    total
        As in :class:`pipeline.train.losses.Reduction`.

    Returns
    -------
    tf.Tensor
        Scalar, 0 to 2.
    """
    wanted = targets(outlines, tuple(distances.shape[1:3]), canvas_shape)
    lost = wanted.weight * (1 - generalised_iou(distances, wanted.distances))
    return tf.math.divide_no_nan(tf.reduce_sum(lost), total(tf.reduce_sum(wanted.weight)))


def targets(outlines: tf.Tensor, grid: tuple[int, int], canvas_shape: tuple[int, int]) -> Targets:
    """Give each cell the smallest box that holds its centre.

    A fracture so small that it holds no centre has the cell that its middle lies in.

    Parameters
    ----------
    outlines, canvas_shape
        As for :func:`box_loss`.
    grid
        Rows and columns of cells over the canvas.
    """
    boxes, is_there = _boxes(outlines, grid, canvas_shape)
    rows, columns = (tf.range(side, dtype=tf.float32) + 0.5 for side in grid)
    centre = tf.stack(tf.meshgrid(rows, columns, indexing="ij"), -1)[None, None]  # (1, 1, M, N, 2)
    start, stop = boxes[:, :, None, None, :2], boxes[:, :, None, None, 2:]
    distances = tf.concat([centre - start, stop - centre], -1)  # (B, K, M, N, 4)
    holds = tf.reduce_min(distances, -1) >= 0
    lies_in = tf.reduce_all(tf.floor((start + stop) / 2) == tf.floor(centre), -1)
    has_none = ~tf.reduce_any(holds, axis=(2, 3), keepdims=True)
    own = (holds | lies_in & has_none) & is_there[:, :, None, None]
    area = tf.reduce_prod(stop - start, -1)
    smallest = tf.argmin(tf.where(own, area, tf.float32.max), axis=1)
    chosen = tf.one_hot(smallest, tf.shape(boxes)[1], axis=1) * tf.cast(own, tf.float32)  # (B, K, M, N)
    counts = tf.reduce_sum(chosen, axis=(2, 3), keepdims=True)
    weight = tf.reduce_sum(tf.math.divide_no_nan(chosen, counts), axis=1)
    return Targets(tf.reduce_sum(chosen[..., None] * distances, axis=1), weight)


def generalised_iou(distances: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Generalised IoU, -1 to 1, of boxes around one point each: (..., 4) with (..., 4), gives (...)."""
    overlap = tf.reduce_prod(tf.nn.relu(_sides(tf.minimum(distances, others))), -1)
    hull = tf.reduce_prod(_sides(tf.maximum(distances, others)), -1)
    union = tf.reduce_prod(_sides(distances), -1) + tf.reduce_prod(_sides(others), -1) - overlap
    return tf.math.divide_no_nan(overlap, union) - tf.math.divide_no_nan(hull - union, hull)


def _sides(distances: tf.Tensor) -> tf.Tensor:
    """Height and width."""
    return distances[..., :2] + distances[..., 2:]


def _boxes(
    outlines: tf.Tensor, grid: tuple[int, int], canvas_shape: tuple[int, int]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Top, left, bottom and right in cells, (B, K, 4), on the canvas, and whether there is anything."""
    limit = tf.constant(canvas_shape, tf.float32)
    start, stop = (
        tf.clip_by_value(ends, 0.0, limit)
        for ends in (tf.reduce_min(outlines, 2), tf.reduce_max(outlines, 2))
    )
    is_there = tf.reduce_all(stop - start > 0, -1)
    cell = limit / tf.constant(grid, tf.float32)
    return tf.concat([start / cell, stop / cell], -1), is_there
