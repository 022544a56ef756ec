"""The network's second output: which part of the body a radiograph shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

BODY_PART_HEAD = "part"  # name of the layer, and of its output


@keras.saving.register_keras_serializable(package="fracture")
class PartHead(keras.layers.Layer):  # type: ignore[misc]
    """Probabilities of the named parts: input (B, C), output (B, K)."""

    def __init__(self, names: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.names = tuple(names)

    def build(self, shape: tuple[int | None, int]) -> None:
        """Make the weights, zero until they are fitted."""
        self.kernel = self.add_weight(shape=(shape[-1], len(self.names)), initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(len(self.names),), initializer="zeros", name="bias")

    def call(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """Weigh the features."""
        return ops.softmax(ops.matmul(features, self.kernel) + self.bias)

    def get_config(self) -> dict[str, Any]:
        """Return the names, for saving."""
        return {**super().get_config(), "names": list(self.names)}


def part_names(model: keras.Model) -> tuple[str, ...]:
    """Return the parts that a network can name, in the order of its output."""
    return tuple(model.get_layer(BODY_PART_HEAD).names) if BODY_PART_HEAD in model.output else ()
