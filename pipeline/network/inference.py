"""A Keras network in batches: canvases in, logits, evidence, probabilities of body parts, boxes out."""

from __future__ import annotations

import logging

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.files import engine
from pipeline.network import classifier, device
from pipeline.network.body_part_head import BODY_PART_HEAD
from pipeline.network.box_head import BOX_HEAD
from pipeline.network.interface import STRIDE, NetworkOutput, Predict, concatenate, each

log = logging.getLogger(__name__)

_FEATURES = "features"


def predictor(model: keras.Model) -> Predict:
    """Compile ``model`` into a function from canvases to its outputs.

    A compiled function stays on all cores, which ``model.predict`` does not always do. Where memory is
    short a batch is halved once.

    Returns
    -------
    callable
        From uint8 (B, H, W) to a :class:`NetworkOutput` with evidence (B, H/8, W/8).
    """
    whole_model = with_features(model)

    def forward(canvases: tf.Tensor) -> dict[str, tf.Tensor]:
        return named(whole_model(as_image(canvases), training=False))

    run = tf.function(forward, input_signature=[tf.TensorSpec((None, *model.input_shape[1:3]), tf.uint8)])

    def whole(canvases: NDArray[np.uint8]) -> NetworkOutput:
        outputs = run(tf.constant(canvases))
        return NetworkOutput.of_named({name: output.numpy() for name, output in outputs.items()})

    def predict(canvases: NDArray[np.uint8]) -> NetworkOutput:
        try:
            return whole(canvases)
        except device.OUT_OF_MEMORY:
            if len(canvases) < 2:
                raise
            log.warning("out of memory with %d radiographs at once: half as many are tried", len(canvases))
        half = len(canvases) // 2
        return concatenate([whole(canvases[:half]), whole(canvases[half:])])

    return predict


def predict_all(predict: Predict, batches: tf.data.Dataset) -> NetworkOutput:
    """Predict all batches of ``shards.dataset``, reading the next one meanwhile; see `interface.each`."""
    ahead = engine.ahead(batches.as_numpy_iterator())
    return concatenate([*each(predict, (canvases[..., 0] for canvases, *_ in ahead))])


def with_features(model: keras.Model) -> keras.Model:
    """Give a classifier the backbone's coarsest features as one more output."""
    return keras.Model(model.input, {**model.output, _FEATURES: classifier.coarsest(model)})


def as_image(canvases: tf.Tensor) -> tf.Tensor:
    """Turn canvases, uint8 (B, H, W), into the input of a classifier, float32 (B, H, W, 1)."""
    return tf.cast(canvases, tf.float32)[..., None]


def named(outputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Name the outputs of :func:`with_features` as :class:`NetworkOutput` does, in its shapes."""
    coarsest = tf.cast(outputs[_FEATURES], tf.float32)
    pooled = tf.concat([tf.reduce_mean(coarsest, (1, 2)), tf.reduce_max(coarsest, (1, 2))], axis=1)
    found = {"logits": outputs["logit"][:, 0], "evidence": outputs["evidence"][..., 0], "features": pooled}
    if BODY_PART_HEAD in outputs:
        found["parts"] = outputs[BODY_PART_HEAD]
    if BOX_HEAD in outputs:
        found["boxes"] = tf.cast(STRIDE * outputs[BOX_HEAD], tf.float16)
    return found
