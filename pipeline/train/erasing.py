"""Training radiographs without their fractures: the logit must hang on what the map shows.

A drawn fracture is painted over, and the radiograph then counts as not fractured. As often a
patch of the same shape is painted over elsewhere, and it still counts as fractured: else the
network would learn to see the paint.

References
----------
A. S. Ross, M. C. Hughes, F. Doshi-Velez, "Right for the right reasons: training differentiable
models by constraining their explanations", IJCAI 2017, arXiv:1703.03717 (the aim, by gradients).
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

_MARGIN_PX = 9  # painted around a drawing, whose outline may itself be seen
_REACHES = ((32, 7), (8, 7))  # pixels of a cell, cells of a window: what paint is mixed from, far to near
_ENOUGH = 0.05  # of a window that must be left to mix paint from


class Counterfactuals(NamedTuple):
    """Radiographs that were painted over.

    Attributes
    ----------
    canvases
        float32 (K, H, W, 1), 0..255.
    fractured
        float32 (K, 1): 0 where the fractures were painted over, 1 where other places were.
    weight
        float32 (K, 1): 0 for radiographs in which nothing is drawn, 1 for the others.
    """

    canvases: tf.Tensor
    fractured: tf.Tensor
    weight: tf.Tensor


def counterfactuals(canvases: tf.Tensor, masks: tf.Tensor, key: tf.Tensor) -> Counterfactuals:
    """Paint over half as many radiographs as a batch has, those with drawn fractures first.

    Parameters
    ----------
    canvases
        float32 (B, H, W, 1), 0..255.
    masks
        float32 (B, H, W, 1), 0 to 1: the union of a radiograph's fractures; all 0 where none is drawn.
    key
        Two integers that decide which radiographs keep their fractures, and where those are painted.
    """
    height, width = canvases.shape[1:3]
    is_drawn = tf.cast(tf.reduce_max(masks, axis=(1, 2, 3)) > 0, tf.float32)
    weight, chosen = tf.math.top_k(is_drawn, tf.maximum(1, tf.shape(canvases)[0] // 2))
    canvases, fractures = tf.gather(canvases, chosen), _widened(tf.gather(masks, chosen))
    chance = tf.random.stateless_uniform([tf.shape(chosen)[0] + 2], key)
    sides = tf.constant([height, width], tf.float32)
    by = tf.cast(sides * (0.25 + 0.5 * chance[:2]), tf.int32)
    elsewhere = tf.roll(fractures, by, axis=[1, 2]) * (1 - fractures)
    fractured = tf.cast(chance[2:] < 0.5, tf.float32)[:, None]
    painted = tf.where(fractured[..., None, None] > 0, elsewhere, fractures)
    return Counterfactuals(paint_over(canvases, painted), fractured, weight[:, None])


def paint_over(canvases: tf.Tensor, masks: tf.Tensor) -> tf.Tensor:
    """Fill masked pixels (B, H, W, 1) with the mean of what is left around them."""
    uncovered = 1 - masks
    total = tf.reduce_sum(uncovered, axis=(1, 2, 3), keepdims=True)
    paint = tf.math.divide_no_nan(tf.reduce_sum(canvases * uncovered, axis=(1, 2, 3), keepdims=True), total)
    paint = tf.broadcast_to(paint, tf.shape(canvases))
    for cell, window in _REACHES:
        grey, share = (_spread(part, cell, window) for part in (canvases * uncovered, uncovered))
        near = tf.image.resize(tf.math.divide_no_nan(grey, share), canvases.shape[1:3])
        paint = tf.where(tf.image.resize(share, canvases.shape[1:3]) > _ENOUGH, near, paint)
    return tf.where(masks > 0, paint, canvases)


def _spread(values: tf.Tensor, cell: int, window: int) -> tf.Tensor:
    """Mean over windows of cells."""
    cells = tf.nn.avg_pool2d(values, cell, cell, "VALID")
    return tf.nn.avg_pool2d(cells, window, 1, "SAME")


def _widened(masks: tf.Tensor) -> tf.Tensor:
    """Masks as 0 or 1, with a margin."""
    return tf.cast(tf.nn.max_pool2d(masks, _MARGIN_PX, 1, "SAME") > 0, tf.float32)
