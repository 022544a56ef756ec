"""Random changes of training radiographs, by Keras layers, the same again for the same epoch."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers

from pipeline.config import Augment

_RANGE = (0, 255)


class Augmentation:
    """Random flips, rotations, zooms, shifts, contrast and brightness of a batch.

    Parameters
    ----------
    settings
        How much of each; 0 leaves it out.
    seed
        Together with the epoch it decides every change.
    """

    def __init__(self, settings: Augment, seed: int) -> None:
        self._seed = seed
        self._moving, self._colouring = _moving(settings), _colouring(settings)

    def start_epoch(self, epoch: int) -> None:
        """Begin the random sequence of an epoch, so that a resumed run sees the same changes."""
        for position, layer in enumerate([*self._moving, *self._colouring]):
            state = tf.random.experimental.stateless_split([self._seed, epoch], position + 1)[position]
            layer.generator.state.assign(tf.cast(tf.abs(state), layer.generator.state.dtype))

    def apply(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Change batches of ``shards.dataset`` while the step before them runs.

        One batch at a time, in order: the random sequence must not depend on the threads.

        Returns
        -------
        tf.data.Dataset
            Of float32 (B, H, W, 1) in 0..255 and what came with it; masks are moved along.
        """

        def change(canvases: tf.Tensor, fractured: tf.Tensor, *masks: tf.Tensor) -> tuple[tf.Tensor, ...]:
            changed, *moved = self(canvases, *masks)
            return changed, fractured, *moved

        return batches.map(change, num_parallel_calls=1).prefetch(2)

    def __call__(self, canvases: tf.Tensor, *masks: tf.Tensor) -> list[tf.Tensor]:
        """Change one batch (B, H, W, 1) in 0..255, and move its masks as its pixels move; float32."""
        stacked = tf.concat([tf.cast(part, tf.float32) for part in (canvases, *masks)], axis=-1)
        for layer in self._moving:
            stacked = layer(stacked, training=True)
        changed, *moved = tf.split(stacked, 1 + len(masks), axis=-1)
        for layer in self._colouring:
            changed = layer(changed, training=True)
        return [changed, *moved]


def _moving(settings: Augment) -> list[keras.layers.Layer]:
    """Build the layers that say where a pixel goes; what comes from outside is black."""
    black = {"fill_mode": "constant", "fill_value": 0.0}
    built: list[keras.layers.Layer] = []
    if settings.flip:
        built.append(layers.RandomFlip("horizontal_and_vertical"))
    if settings.rotation_deg:
        built.append(layers.RandomRotation(settings.rotation_deg / 360, **black))
    if settings.zoom:
        built.append(layers.RandomZoom((-settings.zoom, settings.zoom), **black))
    if settings.shift:
        built.append(layers.RandomTranslation(settings.shift, settings.shift, **black))
    return built


def _colouring(settings: Augment) -> list[keras.layers.Layer]:
    """Build the layers that say how bright a pixel is."""
    built: list[keras.layers.Layer] = []
    if settings.contrast:
        built.append(layers.RandomContrast(settings.contrast, value_range=_RANGE))
    if settings.brightness:
        built.append(layers.RandomBrightness(settings.brightness, value_range=_RANGE))
    return built
