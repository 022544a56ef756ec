"""Asking the network: canvases in, logits, evidence and parts of the body out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.files import engine
from pipeline.network.parts import PARTS

BATCH = 16  # radiographs asked at once, and held in memory


class Answer(NamedTuple):
    """What the network says of B radiographs.

    Attributes
    ----------
    logits
        (B,).
    evidence
        (B, M, N), as logits.
    parts
        (B, K), probabilities of the parts of the body; K is 0 where it names none.
    """

    logits: NDArray[np.float32]
    evidence: NDArray[np.float32]
    parts: NDArray[np.float32]


Predict = Callable[[NDArray[np.uint8]], Answer]


def predictor(model: keras.Model) -> Predict:
    """Compile ``model`` into a function from canvases to its answers.

    A compiled function stays on all cores, which ``model.predict`` does not always do.

    Returns
    -------
    callable
        From uint8 (B, H, W) to an :class:`Answer` with evidence (B, H/8, W/8).
    """

    def forward(canvases: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        outputs = model(tf.cast(canvases, tf.float32)[..., None], training=False)
        parts = outputs.get(PARTS, tf.zeros((tf.shape(canvases)[0], 0)))
        return outputs["logit"][:, 0], outputs["evidence"][..., 0], parts

    run = tf.function(forward, input_signature=[tf.TensorSpec((None, *model.input_shape[1:3]), tf.uint8)])

    def predict(canvases: NDArray[np.uint8]) -> Answer:
        return Answer(*(part.numpy() for part in run(tf.constant(canvases))))

    return predict


def predict_all(predict: Predict, batches: tf.data.Dataset) -> Answer:
    """Answer for all batches of ``shards.dataset``, reading the next one meanwhile."""
    shown = engine.ahead(batches.as_numpy_iterator())
    return joined([predict(canvases[..., 0]) for canvases, *_ in shown])


def joined(answers: Sequence[Answer]) -> Answer:
    """Join the answers for several batches into one."""
    return Answer(*(np.concatenate(part) for part in zip(*answers, strict=True)))
