"""One step of gradient descent: on a batch that is here, or on one that several replicas share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from pipeline.config import Train
from pipeline.network.box_head import BOX_HEAD
from pipeline.preprocess import outlines
from pipeline.train import box_loss, erasing, losses, precision, shared_dropout
from pipeline.train.averaging import WeightAverage
from pipeline.train.optimizers import Part
from pipeline.train.sharing import Share

Step = Callable[..., tf.Tensor]  # of canvases, labels and, where they are learnt from, masks and outlines
_SUM = tf.distribute.ReduceOp.SUM


def compiled(
    model: keras.Model, parts: list[Part], average: WeightAverage, settings: Train, seed: int
) -> Step:
    """Compile one step, of the whole batch by one replica of the network, or of shares by several.

    The graph serves batches of any size, of which the last of an epoch is smaller. A step of shares takes
    what `Augmentation.apply_to_shares` gives, for each replica.
    """
    objective = _Objective(model, settings, seed, parts[0].optimizer.iterations)
    if tf.distribute.get_strategy().num_replicas_in_sync > 1:
        shared: Step = tf.function(_shared(objective, parts, average), reduce_retracing=True)
        return shared
    masks = [tf.TensorSpec((None, *model.input_shape[1:]))] * (with_masks(settings) or has_boxes(model))
    points = [tf.TensorSpec((None, None, outlines.N_POINTS, 2))] * has_boxes(model)
    canvas, label = tf.TensorSpec((None, *model.input_shape[1:])), tf.TensorSpec((None, 1))
    signature = [canvas, label, *masks, *points]
    alone: Step = tf.function(_alone(objective, parts, average), input_signature=signature)
    return alone


def with_masks(settings: Train) -> bool:
    """Whether masks are learnt from."""
    return settings.mask_loss_weight > 0 or settings.erase_loss_weight > 0


def has_boxes(model: keras.Model) -> bool:
    """Whether the network has a head that learns boxes."""
    return BOX_HEAD in model.output


@dataclass(frozen=True)
class _Objective:
    """What a step is to lower."""

    model: keras.Model
    settings: Train
    seed: int
    done: keras.Variable  # steps

    def __call__(self, batch: tuple[tf.Tensor, ...], reduction: losses.Reduction) -> tf.Tensor:
        """Loss of a batch, or a share's part of it."""
        settings, (images, fractured, *drawn) = self.settings, batch
        outputs = self.model(images, training=True)
        loss = losses.label_loss(fractured, outputs["logit"], settings.label_smoothing, reduction.mean)
        if settings.mask_loss_weight:
            mask_loss = losses.mask_loss(
                drawn[0], outputs["evidence"], settings.lse_sharpness, reduction.total
            )
            loss += settings.mask_loss_weight * mask_loss
        if settings.erase_loss_weight:
            loss += settings.erase_loss_weight * self._erase_loss(images, drawn[0], reduction)
        if has_boxes(self.model):
            loss += settings.box_loss_weight * box_loss.box_loss(
                drawn[1], outputs[BOX_HEAD], self.model.input_shape[1:3], reduction.total
            )
        return loss

    def _erase_loss(self, images: tf.Tensor, masks: tf.Tensor, reduction: losses.Reduction) -> tf.Tensor:
        key = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(self.done.value, tf.int64)])
        painted = erasing.counterfactuals(images, masks, key)
        logit = self.model(painted.canvases, training=True)["logit"]
        return losses.erase_loss(painted.fractured, logit, painted.weight, reduction.total)


def _alone(objective: _Objective, parts: list[Part], average: WeightAverage) -> Step:
    scale = precision.loss_scale(objective.model)

    def step(*batch: tf.Tensor) -> tf.Tensor:
        with _watching(parts) as tape:
            loss = objective(batch, losses.WHOLE)
            scaled = loss * scale
        _descend(parts, tape.gradient(scaled, [part.weights for part in parts]), scale)
        average.update()
        return loss

    return step


def _shared(objective: _Objective, parts: list[Part], average: WeightAverage) -> Step:
    strategy = tf.distribute.get_strategy()
    scale = precision.loss_scale(objective.model)
    n_passes = 1 + (objective.settings.erase_loss_weight > 0)

    def step(batch: tuple[tf.Tensor, ...], share: Share) -> tf.Tensor:
        with _watching(parts) as tape, shared_dropout.in_force(share.positions, share.size):
            loss = objective(_without_filling(batch, share.weight), _reduction(share))
            scaled = loss * scale
        gradients = tape.gradient(scaled, [part.weights for part in parts])
        _descend(parts, tf.distribute.get_replica_context().all_reduce(_SUM, gradients), scale)
        average.update()
        return loss

    def step_everywhere(batch: Any, share: Any) -> tf.Tensor:
        loss = strategy.reduce(_SUM, strategy.run(step, (batch, share)), axis=None)
        shared_dropout.advance(objective.model, n_passes)
        return loss

    return step_everywhere


@contextmanager
def _watching(parts: list[Part]) -> Iterator[tf.GradientTape]:
    """Record what is done with the weights that learn; what rests needs no gradient."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([weight.value for part in parts for weight in part.weights])
        yield tape


def _descend(parts: list[Part], gradients: list[list[tf.Tensor]], scale: float) -> None:
    for part, gradient in zip(parts, gradients, strict=True):
        part.optimizer.apply([each / scale for each in gradient], part.weights)


def _reduction(share: Share) -> losses.Reduction:
    """Means over the batch, of what one replica has of it."""
    replica = tf.distribute.get_replica_context()
    size = tf.cast(share.size, tf.float32)
    return losses.Reduction(
        lambda errors: tf.reduce_sum(share.weight * errors) / size,
        lambda value: replica.all_reduce(_SUM, value),
    )


def _without_filling(batch: tuple[tf.Tensor, ...], weight: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Take what is drawn from the radiographs that fill a share up, so that they teach nothing."""
    images, fractured, *drawn = batch
    return images, fractured, *(part * tf.reshape(weight, (-1, 1, 1, 1)) for part in drawn)
