"""Batched inference: canvases in, logits, evidence, probabilities of body parts, boxes out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.files import engine
from pipeline.network import classifier, device
from pipeline.network.body_part_head import BODY_PART_HEAD
from pipeline.network.box_head import BOX_HEAD

log = logging.getLogger(__name__)

T = TypeVar("T")

BATCH = 16  # radiographs in memory at once
_FEATURES = "features"


class NetworkOutput(NamedTuple):
    """What the network computes of B radiographs.

    Attributes
    ----------
    logits
        (B,).
    evidence
        (B, M, N), as logits.
    parts
        (B, K), probabilities of the parts of the body; K is 0 without that head.
    features
        (B, 2 C), mean and maximum over the backbone's coarsest features, of the canvas itself: what tells how
        far a radiograph lies from those of training.
    boxes
        (B, M, N, 4) float16, since those of a whole split lie in memory: from each cell's centre up, left,
        down and right to the sides of a fracture's box, in pixels of the canvas; (B, 0, 0, 4) without that
        head.
    """

    logits: NDArray[np.float32]
    evidence: NDArray[np.float32]
    parts: NDArray[np.float32]
    features: NDArray[np.float32] = np.zeros((0, 0), np.float32)
    boxes: NDArray[np.float16] = np.zeros((0, 0, 0, 4), np.float16)


Predict = Callable[[NDArray[np.uint8]], NetworkOutput]


@dataclass(frozen=True)
class Portable:
    """A predictor that travels to other processes as what makes it anew there; see `portable`."""

    predict: Predict
    make: Callable[[], Predict]

    def __call__(self, canvases: NDArray[np.uint8]) -> NetworkOutput:
        """Predict, as the predictor does."""
        return self.predict(canvases)

    def __reduce__(self) -> tuple[Callable[..., Portable], tuple[Callable[[], Predict]]]:
        return _made, (self.make,)


def _made(make: Callable[[], Predict]) -> Portable:
    return Portable(make(), make)


def predictor(model: keras.Model) -> Predict:
    """Compile ``model`` into a function from canvases to its outputs.

    A compiled function stays on all cores, which ``model.predict`` does not always do. Where memory is
    short a batch is halved once.

    Returns
    -------
    callable
        From uint8 (B, H, W) to a :class:`NetworkOutput` with evidence (B, H/8, W/8).
    """
    whole_model = keras.Model(model.input, {**model.output, _FEATURES: classifier.coarsest(model)})

    def forward(canvases: tf.Tensor) -> tuple[tf.Tensor, ...]:
        outputs = whole_model(tf.cast(canvases, tf.float32)[..., None], training=False)
        n = tf.shape(canvases)[0]
        parts = outputs.get(BODY_PART_HEAD, tf.zeros((n, 0)))
        boxes = tf.cast(classifier.STRIDE * outputs.get(BOX_HEAD, tf.zeros((n, 0, 0, 4))), tf.float16)
        coarsest = tf.cast(outputs[_FEATURES], tf.float32)
        pooled = tf.concat([tf.reduce_mean(coarsest, (1, 2)), tf.reduce_max(coarsest, (1, 2))], axis=1)
        return outputs["logit"][:, 0], outputs["evidence"][..., 0], parts, pooled, boxes

    run = tf.function(forward, input_signature=[tf.TensorSpec((None, *model.input_shape[1:3]), tf.uint8)])

    def whole(canvases: NDArray[np.uint8]) -> NetworkOutput:
        return NetworkOutput(*(output.numpy() for output in run(tf.constant(canvases))))

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


def in_batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield items so many at a time as are in memory at once."""
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def predict_all(predict: Predict, batches: tf.data.Dataset) -> NetworkOutput:
    """Predict all batches of ``shards.dataset``, reading the next one meanwhile; see `each`."""
    ahead = engine.ahead(batches.as_numpy_iterator())
    return concatenate([*each(predict, (canvases[..., 0] for canvases, *_ in ahead))])


def each(predict: Predict, batches: Iterable[NDArray[np.uint8]]) -> Iterator[NetworkOutput]:
    """Yield the outputs of batches of canvases; on all machines of a cluster, where the predictor travels."""
    spread = engine.on_machines if isinstance(predict, Portable) else map
    return spread(predict, batches)


def concatenate(outputs: Sequence[NetworkOutput]) -> NetworkOutput:
    """Join the outputs of several batches into one."""
    return NetworkOutput(*(np.concatenate(batches) for batches in zip(*outputs, strict=True)))
