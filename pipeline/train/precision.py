"""Half precision: on a GPU a network learns faster in it; its weights and outputs stay float32.

Evidence, pooling and loss are float32 in either case. The loss is scaled up before gradients are taken, and
they are scaled down after, since small ones would be 0 in half precision.

References
----------
P. Micikevicius et al., "Mixed precision training", ICLR 2018, arXiv:1710.03740.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import keras
import tensorflow as tf

from pipeline.config import Config

_LOSS_SCALE = 1024.0

Policy = Literal["float32", "mixed_float16"]

_HALF: Policy = "mixed_float16"


def policy(config: Config) -> Policy:
    """Which precision is in force: ``train.precision``, or for ``auto`` half of it where a GPU is used."""
    if config.train.precision != "auto":
        return config.train.precision
    uses_gpu = config.run.device != "cpu" and bool(tf.config.list_physical_devices("GPU"))
    return _HALF if uses_gpu else "float32"


@contextmanager
def in_force(chosen: Policy) -> Iterator[None]:
    """Build layers that compute in this precision, for a while."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(chosen)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def loss_scale(model: keras.Model) -> float:
    """By how much the loss of a network is scaled up; 1 for one that computes in float32."""
    return _LOSS_SCALE if model.dtype_policy.name == _HALF else 1.0


def in_float32(model: keras.Model) -> keras.Model:
    """Rebuild a network to compute in float32, with the weights that it has; itself if it does so already."""
    if model.dtype_policy.name == "float32":
        return model
    whole = keras.models.clone_model(model, clone_function=_in_float32)
    whole.set_weights(model.get_weights())
    return whole


def _in_float32(layer: keras.layers.Layer) -> keras.layers.Layer:
    return type(layer).from_config({**layer.get_config(), "dtype": "float32"})
