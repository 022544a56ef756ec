"""The network's third output: how far the sides of a fracture's box lie from each cell.

References
----------
Tian, Shen, Chen and He, FCOS: fully convolutional one-stage object detection, ICCV 2019.
https://doi.org/10.1109/ICCV.2019.00972
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

BOX_HEAD = "box"  # name of the layer, and of its output
_N_CONVOLUTIONS = 2
_START_CELLS = 2.0  # where distances start: at those of a small fracture
_MOST = 6.0  # log of the greatest distance in cells: no canvas is so large


def distances(pyramid: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    """Add the head.

    Parameters
    ----------
    pyramid
        (B, M, N, C).
    channels
        Width of its convolutions.

    Returns
    -------
    keras.KerasTensor
        (B, M, N, 4), above 0: from each cell's centre up, left, down and right to the sides, in cells.
    """
    for place in range(_N_CONVOLUTIONS):
        pyramid = layers.SeparableConv2D(
            channels, 3, padding="same", activation="relu", name=f"{BOX_HEAD}_smooth{place}"
        )(pyramid)
    start = keras.initializers.Constant(float(np.log(_START_CELLS)))
    logs = layers.Conv2D(4, 1, bias_initializer=start, dtype="float32", name=f"{BOX_HEAD}_logs")(pyramid)
    return Distances(dtype="float32", name=BOX_HEAD)(logs)


@keras.saving.register_keras_serializable(package="fracture")
class Distances(keras.layers.Layer):  # type: ignore[misc]
    """Distances from their logarithms, of any shape."""

    def call(self, logs: keras.KerasTensor) -> keras.KerasTensor:
        """Exponentiate, within what a canvas can hold."""
        return ops.exp(ops.clip(logs, -_MOST, _MOST))

    def compute_output_shape(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the shape, which stays."""
        return shape
