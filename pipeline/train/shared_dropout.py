"""Dropout of a share of a batch, as it is in the whole: what is left out hangs on the place in the batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import keras
import tensorflow as tf


class _Places:
    """Places in the batch of the radiographs that a network sees, and how often each layer saw them."""

    def __init__(self, positions: tf.Tensor, size: tf.Tensor) -> None:
        self.positions, self.size = positions, size
        self.n_calls: Counter[str] = Counter()


_IN_FORCE: ContextVar[_Places] = ContextVar("places")


class SharedDropout(keras.layers.SpatialDropout2D):  # type: ignore[misc]
    """Keras' layer for a share of a batch: it draws for the whole batch and takes its radiographs' part.

    It does not move its seed on, which all replicas have in common: :func:`advance` does.
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Leave features out, (M, H, W, C)."""
        if not training or not self.rate:
            return inputs
        places = _IN_FORCE.get()
        seed = tf.add(_cast(self.seed_generator.state.value), [0, places.n_calls[self.name]])
        places.n_calls[self.name] += 1
        whole = tf.ones((places.size, 1, 1, inputs.shape[-1]), inputs.dtype)
        kept = tf.nn.experimental.stateless_dropout(whole, self.rate, seed)
        return inputs * tf.gather(kept, places.positions)


@contextmanager
def in_force(positions: tf.Tensor, size: tf.Tensor) -> Iterator[None]:
    """Say for a while which radiographs, of a batch of how many, the network sees."""
    token = _IN_FORCE.set(_Places(positions, size))
    try:
        yield
    finally:
        _IN_FORCE.reset(token)


def advance(model: keras.Model, n_calls: int) -> None:
    """Move the seeds on by so many calls, as those of Keras' layers do by themselves; for all replicas."""
    for layer in model.layers:
        if isinstance(layer, SharedDropout) and layer.rate:
            state = layer.seed_generator.state.value
            state.assign(state + tf.constant([0, n_calls], state.dtype))


def twin(model: keras.Model) -> keras.Model:
    """Copy a network, weights, seeds and all, so that it may learn from shares of batches."""
    copy = keras.models.clone_model(model, clone_function=_shared)
    for own, given in zip(copy.variables, model.variables, strict=True):
        own.assign(given.numpy())
    return copy


def _shared(layer: keras.layers.Layer) -> keras.layers.Layer:
    kind = SharedDropout if isinstance(layer, keras.layers.SpatialDropout2D) else type(layer)
    return kind.from_config(layer.get_config())


def _cast(seed: tf.Tensor) -> tf.Tensor:
    """Bring a seed into the range of TensorFlow's, as Keras does."""
    return tf.cast(tf.math.floormod(seed, tf.int32.max - 1), tf.int32)
