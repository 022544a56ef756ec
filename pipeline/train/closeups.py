"""Close-ups of training radiographs: a part of each, enlarged, as `pipeline.network.tta` shows them.

A close-up of a fractured radiograph shows a drawn fracture; where none is drawn it stays whole, since a part
may show none. A close-up of another one shows some place that is not black.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from pipeline.train.draws import Draw

_LARGER = (1.4, 2.8)  # times
_OFF_CENTRE = 0.25  # of a side, at most, from the close-up's centre to the place
_STEP_PX = 8  # places are cells of so many pixels
_BLACK = 25.0


class Shares(NamedTuple):
    """How many radiographs become close-ups, 0..1: of those with drawn fractures, and of those without."""

    drawn: float
    others: float


class CloseUps(NamedTuple):
    """Of B radiographs: which become close-ups, how much larger, and which pixel is shown where."""

    chosen: tf.Tensor  # bool (B,)
    scale: tf.Tensor  # (B,), 1 where it stays whole
    place: tf.Tensor  # (B, 2), column and row on the radiograph
    shown: tf.Tensor  # (B, 2), columns and rows from the centre of the close-up


def choose(
    canvases: tf.Tensor, fractured: tf.Tensor, masks: tf.Tensor, shares: Shares, draw: Draw
) -> CloseUps:
    """Choose close-ups of a batch.

    Parameters
    ----------
    canvases, masks
        (B, H, W, 1): grey in 0..255, and what is drawn, 0 or 1.
    fractured
        (B, 1), 0 or 1.
    """
    n, sides = tf.shape(canvases)[0], tf.cast(tf.shape(canvases)[2:0:-1], tf.float32)
    drawn = _cells(tf.nn.max_pool2d, masks) > 0.5
    bright = _cells(tf.nn.avg_pool2d, canvases) > _BLACK
    is_drawn = tf.reduce_any(drawn, axis=(1, 2))
    wanted = tf.where(is_drawn[:, None, None], drawn, bright)
    share = tf.where(is_drawn, shares.drawn, shares.others)
    can_be = tf.reduce_any(wanted, axis=(1, 2)) & (is_drawn | (tf.reshape(fractured, [-1]) < 0.5))
    chosen = (draw.uniform(n, 0.0, 1.0) < share) & can_be
    scale = tf.exp(draw.uniform(n, *map(math.log, _LARGER)))
    place = _any_of(wanted, draw.uniform(n, 0.0, 1.0))
    shown = tf.stack([draw.uniform(n, -_OFF_CENTRE, _OFF_CENTRE) for _ in range(2)], -1) * sides
    return CloseUps(chosen, tf.where(chosen, scale, 1.0), place, shown)


def _cells(pool: Callable[..., tf.Tensor], pixels: tf.Tensor) -> tf.Tensor:
    return pool(tf.cast(pixels, tf.float32), _STEP_PX, _STEP_PX, "SAME")[..., 0]


def _any_of(wanted: tf.Tensor, chance: tf.Tensor) -> tf.Tensor:
    """Column and row of the middle of one of the cells wanted, each as likely: (B, 2)."""
    flat = tf.reshape(wanted, [tf.shape(wanted)[0], -1])
    passed = tf.cumsum(tf.cast(flat, tf.float32), axis=1)
    cell = tf.argmax(passed > chance[:, None] * passed[:, -1:], axis=1, output_type=tf.int32)
    n_columns = tf.shape(wanted)[2]
    return (tf.cast(tf.stack([cell % n_columns, cell // n_columns], -1), tf.float32) + 0.5) * _STEP_PX - 0.5
