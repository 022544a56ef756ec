"""What training lowers: the error of the logit, of where the evidence lies, and of what it hangs on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

Reduce = Callable[[tf.Tensor], tf.Tensor]


class Reduction(NamedTuple):
    """How errors become the loss of a batch.

    Attributes
    ----------
    mean
        From one number a radiograph, (B,), to their mean over the batch. Of a share of a batch, from those of
        the share to its part of that mean.
    total
        From a sum over the radiographs that are here to that over the batch: what a sum is divided by.
    """

    mean: Reduce
    total: Reduce


def _here(value: tf.Tensor) -> tf.Tensor:
    return value


WHOLE = Reduction(tf.reduce_mean, _here)  # where all of the batch is here


def label_loss(
    fractured: tf.Tensor, logit: tf.Tensor, label_smoothing: float, mean: Reduce = WHOLE.mean
) -> tf.Tensor:
    """Cross-entropy between label (B, 1) and logit (B, 1), averaged over the batch.

    A function, not a loss of Keras: that one divides by the number of devices.
    """
    errors = keras.losses.binary_crossentropy(
        fractured, logit, from_logits=True, label_smoothing=label_smoothing
    )
    return mean(errors)


def mask_loss(
    masks: tf.Tensor, evidence: tf.Tensor, sharpness: float, total: Reduce = WHOLE.total
) -> tf.Tensor:
    """How much of what the pooling sees lies outside the drawn fractures.

    The log-sum-exp pooling sums ``exp(sharpness * evidence)`` over the map. The loss is minus the
    logarithm of the share of that sum that lies inside the mask: 0 where all evidence is in the
    fracture, whatever the fracture's size. Only radiographs with a mask count, so that a
    few of them already tell where fractures lie, and one without polygons adds nothing.

    Parameters
    ----------
    masks
        float32 (B, H, W, 1), 0 to 1: the union of a radiograph's fractures; all 0 where none is drawn.
    evidence
        float32 (B, M, N, 1), H and W being multiples of M and N.
    sharpness
        That of the pooling.
    total
        As in :class:`Reduction`, and for all losses.

    Returns
    -------
    tf.Tensor
        Scalar, 0 or more: the mean over the radiographs with a mask, 0 if there is none.
    """
    cell = masks.shape[1] // evidence.shape[1]
    n_cells = math.prod(evidence.shape[1:])
    covered = tf.reshape(tf.nn.avg_pool2d(masks, cell, cell, "VALID"), (-1, n_cells))
    strength = tf.reshape(sharpness * evidence, (-1, n_cells))
    share_inside = tf.reduce_sum(covered * tf.nn.softmax(strength), axis=1)
    is_drawn = share_inside > 0
    outside = -tf.math.log(tf.where(is_drawn, share_inside, 1.0))
    return tf.math.divide_no_nan(tf.reduce_sum(outside), total(tf.reduce_sum(tf.cast(is_drawn, tf.float32))))


def erase_loss(
    fractured: tf.Tensor, logit: tf.Tensor, weight: tf.Tensor, total: Reduce = WHOLE.total
) -> tf.Tensor:
    """Cross-entropy of radiographs that were painted over, as a weighted mean.

    Parameters
    ----------
    fractured, logit, weight
        float32 (K, 1); ``fractured`` and ``weight`` as in
        :class:`pipeline.train.erasing.Counterfactuals`.

    Returns
    -------
    tf.Tensor
        Scalar, 0 or more; 0 where all weights are 0.
    """
    errors = tf.nn.sigmoid_cross_entropy_with_logits(fractured, logit)
    return tf.math.divide_no_nan(tf.reduce_sum(weight * errors), total(tf.reduce_sum(weight)))
