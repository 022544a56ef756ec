"""Cross-checks of the network's own map: gradient methods on the same network.

They cost a pass backwards and more; the network's own map costs none. Each map lies on a grid over the
canvas and is stretched so that its maximum is 1.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.network import device
from pipeline.network.interface import STRIDE

Attribute = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

LAST_FEATURES = "pyramid32_lateral"  # the layer that reads the backbone's last feature map
IG_STEPS = 8


def grad_cam_plus_plus(model: keras.Model) -> Attribute:
    """Grad-CAM++ at the backbone's last feature map, where libraries for explanations look by default.

    Returns
    -------
    callable
        From canvases, uint8 (B, H, W), to maps (B, H/32, W/32), float32, 0..1.

    References
    ----------
    Chattopadhay et al., Grad-CAM++: generalized gradient-based visual explanations for deep
    convolutional networks, WACV 2018. https://doi.org/10.1109/WACV.2018.00097
    """
    features = model.get_layer(LAST_FEATURES).input
    twin = keras.Model(model.input, {"features": features, "logit": model.output["logit"]})

    def attribute(canvases: tf.Tensor) -> tf.Tensor:
        image = tf.cast(canvases, tf.float32)[..., None]
        with tf.GradientTape() as tape:
            tape.watch(image)
            output = twin(image, training=False)
            features = output["features"]
        slope = tape.gradient(output["logit"], features)
        # Of exp(logit), whose higher derivatives are powers of the first: equation 19.
        mass = tf.reduce_sum(features, axis=(1, 2), keepdims=True)
        below = 2 * slope**2 + mass * slope**3
        alpha = tf.math.divide_no_nan(slope**2, below)
        weight = tf.reduce_sum(alpha * tf.nn.relu(slope), axis=(1, 2), keepdims=True)
        return _stretch(tf.nn.relu(tf.reduce_sum(weight * features, axis=-1)))

    return _compiled(attribute)


def integrated_gradients(model: keras.Model, *, steps: int = IG_STEPS) -> Attribute:
    """Integrated gradients from a black canvas, their amounts averaged over the cells of our own map.

    Returns
    -------
    callable
        From canvases, uint8 (B, H, W), to maps (B, H/8, W/8), float32, 0..1.

    References
    ----------
    Sundararajan, Taly and Yan, Axiomatic attribution for deep networks, ICML 2017.
    https://doi.org/10.48550/arXiv.1703.01365
    """

    def attribute(canvases: tf.Tensor) -> tf.Tensor:
        image = tf.cast(canvases, tf.float32)[..., None]
        total = tf.zeros_like(image)
        for step in tf.range(steps):
            with tf.GradientTape() as tape:
                between = image * (tf.cast(step, tf.float32) + 0.5) / steps
                tape.watch(between)
                logit = model(between, training=False)["logit"]
            total += tape.gradient(logit, between)
        amount = tf.abs(image * total)
        return _stretch(tf.nn.avg_pool2d(amount, STRIDE, STRIDE, "VALID")[..., 0])

    return _compiled(attribute)


METHODS: dict[str, Callable[[keras.Model], Attribute]] = {
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "integrated_gradients": integrated_gradients,
}


def _stretch(maps: tf.Tensor) -> tf.Tensor:
    """Divide each map (B, M, N) by its maximum; one without evidence stays 0."""
    return tf.math.divide_no_nan(maps, tf.reduce_max(maps, axis=(1, 2), keepdims=True))


def _compiled(attribute: Callable[[tf.Tensor], tf.Tensor]) -> Attribute:
    """Compile, and take and give NumPy arrays."""
    compiled = tf.function(attribute, reduce_retracing=True)

    def run(canvases: NDArray[np.uint8]) -> NDArray[np.float32]:
        with device.no_rewriting():
            return np.asarray(compiled(tf.constant(canvases)).numpy(), np.float32)

    return run
