"""Poolings that turn an evidence map into one logit, and let small evidence decide.

References
----------
P. O. Pinheiro, R. Collobert, "From image-level to pixel-level labeling with convolutional
networks", CVPR 2015, doi 10.1109/CVPR.2015.7298780 (log-sum-exp); W. Ye, J. Yao, H. Xue, Y. Li,
"Weakly supervised lesion localization with probabilistic-CAM pooling", 2020, arXiv:2005.14480
(PCAM); M. Ilse, J. Tomczak, M. Welling, "Attention-based deep multiple instance learning",
ICML 2018, arXiv:1802.04712 (gated attention; the gate is in :func:`gated_attention`).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="fracture")
class LogSumExpPooling(keras.layers.Layer):  # type: ignore[misc]
    """Smooth maximum over a map: ``log(mean(exp(r * x))) / r``.

    A small ``sharpness`` r comes near the mean, a large one near the maximum.
    Input (B, M, N, 1), output (B, 1).
    """

    def __init__(self, sharpness: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sharpness = sharpness

    def call(self, evidence: keras.KerasTensor) -> keras.KerasTensor:
        """Pool the map."""
        n_cells = evidence.shape[1] * evidence.shape[2]
        total = ops.logsumexp(self.sharpness * evidence, axis=(1, 2))
        return (total - ops.log(float(n_cells))) / self.sharpness

    def get_config(self) -> dict[str, Any]:
        """Return the settings, for saving."""
        return {**super().get_config(), "sharpness": self.sharpness}


@keras.saving.register_keras_serializable(package="fracture")
class ProbabilisticPooling(keras.layers.Layer):  # type: ignore[misc]
    """Mean of the evidence weighted by its own probability, ``sigmoid(x)``.

    Input (B, M, N, 1), output (B, 1).
    """

    def call(self, evidence: keras.KerasTensor) -> keras.KerasTensor:
        """Pool the map."""
        probability = ops.sigmoid(evidence)
        total = ops.sum(probability, axis=(1, 2))
        return ops.sum(probability * evidence, axis=(1, 2)) / (total + keras.config.epsilon())


@keras.saving.register_keras_serializable(package="fracture")
class AttentionPooling(keras.layers.Layer):  # type: ignore[misc]
    """Mean of the evidence weighted by a softmax over an attention map of the same grid.

    Input two maps (B, M, N, 1), evidence and attention; output (B, 1).
    """

    def call(self, maps: list[keras.KerasTensor]) -> keras.KerasTensor:
        """Pool the first map by the softmax of the second."""
        evidence, attention = maps
        weight = ops.exp(attention - ops.logsumexp(attention, axis=(1, 2), keepdims=True))
        return ops.sum(weight * evidence, axis=(1, 2))


def gated_attention(features: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    """Add the layers of an attention map: what is found (tanh), where it counts (sigmoid).

    Parameters
    ----------
    features
        (B, M, N, C).
    channels
        Width of the hidden layer.

    Returns
    -------
    keras.KerasTensor
        (B, M, N, 1), before the softmax.
    """
    content = keras.layers.Conv2D(channels, 1, activation="tanh", name="attention_found")(features)
    gate = keras.layers.Conv2D(channels, 1, activation="sigmoid", name="attention_gate")(features)
    gated = keras.layers.Multiply(name="attention_gated")([content, gate])
    return keras.layers.Conv2D(1, 1, name="attention")(gated)
