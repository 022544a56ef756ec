"""The network's third output: how far the sides of a fracture's box lie from each cell.

References
----------
Tian, Shen, Chen and He, FCOS: fully convolutional one-stage object detection, ICCV 2019.
https://doi.org/10.1109/ICCV.2019.00972
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import layers, ops

BOX_HEAD = "box"  # name of the layer, and of its output; how the names of the layers before it begin
_N_CONVOLUTIONS = 2
_GROUPS = 8  # of channels that are normalised together
_START_CELLS = 2.0  # where distances start: at those of a small fracture
_MOST = 6.0  # log of the greatest distance in cells: no canvas is so large


def distances(
    pyramid: keras.KerasTensor, maps: Mapping[int, keras.KerasTensor], channels: int
) -> keras.KerasTensor:
    """Add the head.

    It sees the backbone's maps themselves, too, and normalises: so it comes to exact numbers in the few
    hundred steps that a small data set has.

    Parameters
    ----------
    pyramid
        (B, M, N, C).
    maps
        The backbone's maps by their stride, the smallest that of the pyramid.
    channels
        Width of its convolutions.

    Returns
    -------
    keras.KerasTensor
        (B, M, N, 4), above 0: from each cell's centre up, left, down and right to the sides, in cells.
    """
    seen = [layers.Conv2D(channels, 1, name=f"{BOX_HEAD}_pyramid")(pyramid)]
    for stride, level in maps.items():
        term = layers.Conv2D(channels, 1, use_bias=False, name=f"{BOX_HEAD}{stride}")(level)
        factor = stride // min(maps)
        seen.append(
            layers.UpSampling2D(factor, interpolation="bilinear", name=f"{BOX_HEAD}{stride}_up")(term)
        )
    hidden = _normalised(layers.Add(name=f"{BOX_HEAD}_add")(seen), channels, "_add")
    for place in range(_N_CONVOLUTIONS):
        name = f"{BOX_HEAD}_smooth{place}"
        hidden = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=name)(hidden)
        hidden = _normalised(hidden, channels, f"_smooth{place}")
    start = keras.initializers.Constant(float(np.log(_START_CELLS)))
    logs = layers.Conv2D(4, 1, bias_initializer=start, dtype="float32", name=f"{BOX_HEAD}_logs")(hidden)
    return Distances(dtype="float32", name=BOX_HEAD)(logs)


def _normalised(hidden: keras.KerasTensor, channels: int, name: str) -> keras.KerasTensor:
    groups = layers.GroupNormalization(math.gcd(_GROUPS, channels), name=f"{BOX_HEAD}{name}_norm")(hidden)
    return layers.ReLU(name=f"{BOX_HEAD}{name}_relu")(groups)


@keras.saving.register_keras_serializable(package="fracture")
class Distances(keras.layers.Layer):  # type: ignore[misc]
    """Distances from their logarithms, of any shape."""

    def call(self, logs: keras.KerasTensor) -> keras.KerasTensor:
        """Exponentiate, within what a canvas can hold."""
        return ops.exp(ops.clip(logs, -_MOST, _MOST))

    def compute_output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the shape, which stays."""
        return shape
