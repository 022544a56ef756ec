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
        self._layers = _build(settings)

    def start_epoch(self, epoch: int) -> None:
        """Begin the random sequence of an epoch, so that a resumed run sees the same changes."""
        for position, layer in enumerate(self._layers):
            state = tf.random.experimental.stateless_split([self._seed, epoch], position + 1)[position]
            layer.generator.state.assign(tf.cast(tf.abs(state), layer.generator.state.dtype))

    def apply(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Change batches of ``shards.dataset`` while the step before them runs.

        One batch at a time, in order: the random sequence must not depend on the threads.

        Returns
        -------
        tf.data.Dataset
            Of float32 (B, H, W, 1) in 0..255 and what came with it.
        """
        changed = batches.map(lambda canvases, *rest: (self(canvases), *rest), num_parallel_calls=1)
        return changed.prefetch(2)

    def __call__(self, canvases: tf.Tensor) -> tf.Tensor:
        """Change one batch (B, H, W, 1) in 0..255; float32."""
        changed = tf.cast(canvases, tf.float32)
        for layer in self._layers:
            changed = layer(changed, training=True)
        return changed


def _build(settings: Augment) -> list[keras.layers.Layer]:
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
    if settings.contrast:
        built.append(layers.RandomContrast(settings.contrast, value_range=_RANGE))
    if settings.brightness:
        built.append(layers.RandomBrightness(settings.brightness, value_range=_RANGE))
    return built
