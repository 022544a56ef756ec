"""Random changes of training radiographs, the same again for the same seed, epoch and batch.

A radiograph is resampled once, whatever turns, zooms and shifts it: each resampling blurs, and a
fracture line is often a pixel wide.

References
----------
H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: Beyond empirical risk minimization",
ICLR 2018, arXiv:1710.09412.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.config import Augment
from pipeline.preprocess import perturbations
from pipeline.train import acquisition

_BRIGHTEST = 255.0
_SEEDS = 2.0**24  # what a float32 can tell apart
_BATCHES_PER_EPOCH = 1_000_000  # more than there can be: each (epoch, batch) has a number of its own


class Augmentation:
    """Random flips, rotations, zooms, shifts, grey, masked markers, other devices and mixtures.

    Parameters
    ----------
    settings
        How much of each; 0 leaves it out.
    seed
        Together with epoch and batch it decides every change.
    """

    def __init__(self, settings: Augment, seed: int) -> None:
        self._settings, self._seed = settings, seed

    def apply(self, batches: tf.data.Dataset, epoch: int) -> tf.data.Dataset:
        """Change the batches of ``shards.dataset``; wrap them in ``engine.ahead``.

        Returns
        -------
        tf.data.Dataset
            Of float32 (B, H, W, 1) in 0..255 and what came with it; masks are moved along, and
            labels and masks are mixed as the radiographs are.
        """
        first = epoch * _BATCHES_PER_EPOCH

        def change(batch: tf.Tensor, parts: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
            canvases, fractured, *masks = parts
            draw = _Draw(self._seed, first + batch)
            changed, *moved = self(canvases, *masks, draw=draw)
            return tuple(_mix([changed, fractured, *moved], self._settings.mixup, draw))

        return batches.enumerate().map(change, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    def __call__(self, canvases: tf.Tensor, *masks: tf.Tensor, draw: _Draw) -> list[tf.Tensor]:
        """Change one batch (B, H, W, 1) in 0..255, and move its masks as its pixels move; float32."""
        bare = _mask_markers(canvases, self._settings.marker_cutout, draw)
        retaken = _retake(bare, self._settings.acquisition, draw)
        stacked = tf.concat([tf.cast(part, tf.float32) for part in (retaken, *masks)], axis=-1)
        moved = _move(stacked, self._settings, draw)
        changed, *others = tf.split(moved, 1 + len(masks), axis=-1)
        return [_colour(changed, self._settings, draw), *others]


class _Draw:
    """Random numbers that hang on seed and batch alone; each call gives new ones."""

    def __init__(self, seed: int, batch: tf.Tensor) -> None:
        self._key = tf.stack([tf.constant(seed, tf.int64), tf.cast(batch, tf.int64)])
        self._n_calls = 0

    def uniform(self, n: tf.Tensor, low: float, high: float) -> tf.Tensor:
        """Draw ``n`` numbers between ``low`` and ``high``."""
        return tf.random.stateless_uniform([n], self._next(), low, high)

    def beta(self, n: tf.Tensor, alpha: float) -> tf.Tensor:
        """Draw ``n`` numbers of the distribution Beta(alpha, alpha)."""
        one, other = (tf.random.stateless_gamma([n], self._next(), alpha) for _ in range(2))
        return tf.math.divide_no_nan(one, one + other)

    def _next(self) -> tf.Tensor:
        self._n_calls += 1
        return tf.random.experimental.stateless_fold_in(self._key, tf.constant(self._n_calls, tf.int64))


def _move(stacked: tf.Tensor, settings: Augment, draw: _Draw) -> tf.Tensor:
    """Flip, turn, zoom and shift (B, H, W, C); what comes from outside is 0."""
    if not (settings.flip or settings.rotation_deg or settings.zoom or settings.aspect or settings.shift):
        return stacked
    n, height, width = (tf.shape(stacked)[axis] for axis in range(3))
    angle = draw.uniform(n, -1.0, 1.0) * math.radians(settings.rotation_deg)
    scale = 1 + draw.uniform(n, -settings.zoom, settings.zoom)
    sides = tf.cast(tf.stack([width, height]), tf.float32)
    shift = tf.stack([draw.uniform(n, -settings.shift, settings.shift) for _ in range(2)], -1) * sides
    mirror = [_mirror(draw.uniform(n, 0.0, 1.0), settings.flip) for _ in range(2)]
    widen = _widen(n, settings.aspect, draw)
    # From a pixel of the result to the pixel that it shows: about the centre, column before row.
    cosine, sine = tf.cos(angle) / scale, tf.sin(angle) / scale
    columns = tf.stack([mirror[0] * cosine, mirror[0] * -sine], -1) / widen
    rows = tf.stack([mirror[1] * sine, mirror[1] * cosine], -1) * widen
    centre = (sides - 1) / 2
    offset = centre + shift - tf.stack([tf.linalg.matvec(part, centre) for part in (columns, rows)], -1)
    zeros = tf.zeros([n, 2])
    transforms = tf.concat([columns, offset[:, :1], rows, offset[:, 1:], zeros], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=stacked,
        transforms=transforms,
        output_shape=tf.stack([height, width]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _mirror(chance: tf.Tensor, flip: bool) -> tf.Tensor:
    """Minus one for a half of the radiographs, if they are flipped at all."""
    return tf.where((chance < 0.5) & flip, -1.0, 1.0)


def _widen(n: tf.Tensor, most: float, draw: _Draw) -> tf.Tensor:
    """Draw by how much each radiograph is made wider and less high, (n, 1); one number, 1, for none."""
    if not most:
        return tf.ones([1, 1])
    return tf.exp(draw.uniform(n, -most, most)[:, None] / 2)


def _colour(canvases: tf.Tensor, settings: Augment, draw: _Draw) -> tf.Tensor:
    """Change contrast about each radiograph's mean, and brightness."""
    if not (settings.contrast or settings.brightness):
        return canvases
    n = tf.shape(canvases)[0]
    contrast = 1 + draw.uniform(n, -settings.contrast, settings.contrast)
    brightness = draw.uniform(n, -settings.brightness, settings.brightness) * _BRIGHTEST
    mean = tf.reduce_mean(canvases, axis=(1, 2, 3), keepdims=True)
    changed = (canvases - mean) * _each(contrast) + mean + _each(brightness)
    return tf.clip_by_value(changed, 0.0, _BRIGHTEST)


def _mask_markers(canvases: tf.Tensor, share: float, draw: _Draw) -> tf.Tensor:
    """Paint over letters and lead plates in a share of the radiographs: a network can read, too."""
    if not share:
        return canvases
    chosen = draw.uniform(tf.shape(canvases)[0], 0.0, 1.0) < share
    masked = tf.numpy_function(_without_markers, [canvases, chosen], tf.uint8, stateful=False)
    return tf.ensure_shape(masked, canvases.shape)


def _without_markers(canvases: NDArray[np.uint8], chosen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    masked = canvases.copy()
    for position in np.flatnonzero(chosen):
        masked[position, ..., 0] = perturbations.mask_markers(canvases[position, ..., 0])
    return masked


def _retake(canvases: tf.Tensor, share: float, draw: _Draw) -> tf.Tensor:
    """Show a share of the radiographs as other devices would have."""
    if not share:
        return canvases
    n = tf.shape(canvases)[0]
    chosen = draw.uniform(n, 0.0, 1.0) < share
    seeds = tf.cast(draw.uniform(n, 0.0, 1.0) * _SEEDS, tf.int64)
    retaken = tf.numpy_function(acquisition.retake, [canvases, chosen, seeds], tf.uint8, stateful=False)
    return tf.ensure_shape(retaken, canvases.shape)


def _mix(parts: list[tf.Tensor], alpha: float, draw: _Draw) -> list[tf.Tensor]:
    """Lay each radiograph of a batch over another one, labels and masks alike."""
    if not alpha:
        return parts
    share = draw.beta(tf.shape(parts[0])[0], alpha)
    mixed = []
    for part in parts:
        own = tf.reshape(share, [-1, *[1] * (part.shape.rank - 1)])
        mixed.append(own * part + (1 - own) * tf.reverse(part, axis=[0]))
    return mixed


def _each(values: tf.Tensor) -> tf.Tensor:
    """Shape one number a radiograph so that it meets (B, H, W, 1)."""
    return tf.reshape(values, [-1, 1, 1, 1])
