"""Training: one loop, resumable after every epoch; ``val`` ends it where the best epoch is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from scipy.special import expit

from pipeline.config import Train
from pipeline.files import engine
from pipeline.network import classifier, device, inference, interface
from pipeline.network.box_head import BOX_HEAD
from pipeline.preprocess import outlines, shards
from pipeline.statistics import metrics
from pipeline.train import box_loss, checkpoint, erasing, losses, precision, sampling
from pipeline.train.augmentation import Augmentation
from pipeline.train.averaging import WeightAverage

_WARMUP_EPOCHS = 1.0
_FINAL_RATE = 0.02  # of the peak, at the last epoch
_BACKBONE = "backbone"
_BOX_RATE = 3.0  # of that of the other heads

OnEpoch = Callable[[int, dict[str, float]], None]
Step = Callable[..., tf.Tensor]  # of canvases, labels and, where they are learnt from, masks and outlines


class DivergedError(ValueError):
    """A loss or a weight is not finite; no weights were written."""


@dataclass(frozen=True)
class Examples:
    """Shards and the index rows of them to train on and to choose by.

    Attributes
    ----------
    folder
        Where the shards lie.
    train, val
        Rows of their index.
    masks
        By path, the PNG of a mask that stands in for what is drawn; see ``shards.dataset``.
    """

    folder: Path
    train: pd.DataFrame
    val: pd.DataFrame
    masks: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def has_boxes(self) -> bool:
        """Whether a fracture is drawn on a radiograph of ``train`` for which no mask stands in."""
        return bool(((self.train["fractures"] > 0) & ~self.train["path"].isin([*self.masks])).any())


def fit(
    model: keras.Model,
    examples: Examples,
    settings: Train,
    seed: int,
    checkpoint_path: Path,
    on_epoch: OnEpoch = lambda epoch, row: None,
) -> list[dict[str, float]]:
    """Train ``model`` in place and leave the weights of its best epoch in it, or of its last.

    Parameters
    ----------
    model
        From :func:`pipeline.network.classifier.build`, in the scope of the strategy that is in force.
    examples
        What to learn from and what to choose the epoch by.
    settings
        Learning rate, epochs, augmentation and the rest.
    seed
        Decides order and augmentation, an epoch at a time.
    checkpoint_path
        Checkpoint; where it exists, training goes on after the epoch that it holds.
    on_epoch
        Called after each epoch with its number and its measures.

    Returns
    -------
    list of dict
        ``epoch``, ``train_loss``, ``val_loss`` and ``val_auroc`` of every epoch.

    Raises
    ------
    DivergedError
        The loss became infinite or not a number.
    """
    strategy = tf.distribute.get_strategy()
    expected = sampling.expected_draws(
        examples.train, group_balanced=settings.group_balanced, class_balanced=settings.class_balanced
    )
    steps = int(np.ceil(round(expected.sum()) / settings.batch_size))
    parts = _parts(model, settings, steps)
    average = WeightAverage(model.trainable_variables, settings.ema_decay)
    heads = [part for part in parts if part.kind != _BACKBONE]
    head_step, step = (_step(model, trained, average, settings, seed) for trained in (heads, parts))
    predict = inference.predictor(model)
    augment = Augmentation(settings.augment, seed)
    optimizers = [variable for part in parts for variable in part.optimizer.variables]
    variables = [*model.variables, *optimizers, *average.variables]
    progress = checkpoint.restore(checkpoint_path, variables)
    for epoch in range(len(progress.history), settings.max_epochs):
        if epoch - progress.selected_epoch > settings.patience:
            break
        rows = examples.train.iloc[sampling.draw_epoch(expected, seed, epoch)]
        batches = shards.dataset(
            examples.folder,
            rows,
            settings.batch_size,
            with_masks=_with_masks(settings),
            with_outlines=_has_boxes(model),
            masks=examples.masks,
        )
        distributed = strategy.experimental_distribute_dataset(augment.apply(batches, epoch))
        is_head_only = epoch < settings.head_epochs
        loss = _run_epoch(distributed, head_step if is_head_only else step, steps, epoch)
        row = {"epoch": epoch, "train_loss": loss}
        with average.applied():
            row |= _validate(predict, examples, settings.batch_size)
            _record_epoch(progress, model, row, settings.checkpoint)
        checkpoint.try_to_save(checkpoint_path, variables, progress)
        on_epoch(epoch, row)
    model.set_weights(progress.selected_weights)
    return progress.history


def selected_epoch(history: list[dict[str, float]], which: Literal["best", "last"]) -> dict[str, float]:
    """Return the measures of the epoch whose weights the network has."""
    return history[-1] if which == "last" else max(history, key=lambda row: row["val_auroc"])


@dataclass(frozen=True)
class _Part:
    """Weights of the network that learn at one rate, and the optimizer that moves them."""

    kind: str
    optimizer: keras.optimizers.Optimizer
    weights: list[keras.Variable]


def _parts(model: keras.Model, settings: Train, steps_per_epoch: int) -> list[_Part]:
    """Split the network: first the heads, which start from random weights, then the backbone.

    The heads learn alone for some epochs, and faster: gradients through a random head would spoil
    a backbone that a small data set cannot mend. That for boxes learns fastest: in a few hundred steps
    it must come to exact numbers, not to a rank.

    References
    ----------
    A. Kumar et al., "Fine-tuning can distort pretrained features and underperform
    out-of-distribution", ICLR 2022, arXiv:2202.10054.
    """
    kinds = {id(weight): _kind(layer) for layer in model.layers for weight in layer.weights}
    later = max(1, settings.max_epochs - settings.head_epochs)
    rates = {
        "head": (settings.head_learning_rate, settings.max_epochs),
        "box": (_BOX_RATE * settings.head_learning_rate, settings.max_epochs),
        _BACKBONE: (settings.learning_rate, later),
    }
    parts = []
    for kind, rate in rates.items():
        weights = [weight for weight in model.trainable_variables if kinds[id(weight)] == kind]
        if weights:
            parts.append(_Part(kind, _optimizer(*rate, settings, steps_per_epoch), weights))
    for part in parts:
        part.optimizer.build(part.weights)
    return parts


def _kind(layer: keras.layers.Layer) -> str:
    """Name the part of the network that a layer belongs to."""
    if layer.name.startswith(BOX_HEAD):
        return "box"
    return "head" if classifier.is_head(layer) else _BACKBONE


def _optimizer(rate: float, epochs: int, settings: Train, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """AdamW with a warm-up of one epoch and a cosine down to nearly nothing."""
    warmup = int(_WARMUP_EPOCHS * steps_per_epoch)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=rate / 20,
        decay_steps=max(1, epochs * steps_per_epoch - warmup),
        alpha=_FINAL_RATE,
        warmup_target=rate,
        warmup_steps=warmup,
    )
    return keras.optimizers.AdamW(schedule, weight_decay=settings.weight_decay, clipnorm=1.0)


def _step(model: keras.Model, parts: list[_Part], average: WeightAverage, settings: Train, seed: int) -> Step:
    """Compile one step of gradient descent, taken on all devices at once."""
    strategy = tf.distribute.get_strategy()
    done = parts[0].optimizer.iterations
    scale = precision.loss_scale(model)
    learning = [part.weights for part in parts]

    def erase_loss(images: tf.Tensor, masks: tf.Tensor) -> tf.Tensor:
        key = tf.stack([tf.constant(seed, tf.int64), tf.cast(done.value, tf.int64)])
        painted = erasing.counterfactuals(images, masks, key)
        logit = model(painted.canvases, training=True)["logit"]
        return losses.erase_loss(painted.fractured, logit, painted.weight)

    def step(images: tf.Tensor, fractured: tf.Tensor, *drawn: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:  # what rests needs no gradient
            tape.watch([weight.value for weights in learning for weight in weights])
            outputs = model(images, training=True)
            loss = losses.label_loss(fractured, outputs["logit"], settings.label_smoothing)
            if settings.mask_loss_weight:
                mask_loss = losses.mask_loss(drawn[0], outputs["evidence"], settings.lse_sharpness)
                loss += settings.mask_loss_weight * mask_loss
            if settings.erase_loss_weight:
                loss += settings.erase_loss_weight * erase_loss(images, drawn[0])
            if _has_boxes(model):
                loss += settings.box_loss_weight * box_loss.box_loss(
                    drawn[1], outputs[BOX_HEAD], model.input_shape[1:3]
                )
            share = loss / strategy.num_replicas_in_sync  # the optimizers add up what the devices computed
            scaled = share * scale
        gradients = tape.gradient(scaled, learning)
        for part, gradient in zip(parts, gradients, strict=True):
            part.optimizer.apply([each / scale for each in gradient], part.weights)
        average.update()
        return loss

    def step_everywhere(*batch: tf.Tensor) -> tf.Tensor:
        return strategy.reduce(tf.distribute.ReduceOp.MEAN, strategy.run(step, batch), axis=None)

    masks = [tf.TensorSpec((None, *model.input_shape[1:]))] * (_with_masks(settings) or _has_boxes(model))
    points = [tf.TensorSpec((None, None, outlines.N_POINTS, 2))] * _has_boxes(model)
    return _compiled(step_everywhere, model.input_shape[1:], [*masks, *points])


def _compiled(step: Step, canvas_shape: tuple[int, int, int], drawn: list[tf.TensorSpec]) -> Step:
    """Build the step's graph once, for batches of any size, of which the last of an epoch is smaller.

    Where several devices share a batch its parts have no one type, and each size has a graph of its own.
    """
    canvas, label = tf.TensorSpec((None, *canvas_shape)), tf.TensorSpec((None, 1))
    alone = tf.distribute.get_strategy().num_replicas_in_sync == 1
    signature = [canvas, label, *drawn] if alone else None
    compiled: Step = tf.function(step, input_signature=signature, reduce_retracing=not alone)
    return compiled


def _with_masks(settings: Train) -> bool:
    """Whether masks are learnt from."""
    return settings.mask_loss_weight > 0 or settings.erase_loss_weight > 0


def _has_boxes(model: keras.Model) -> bool:
    """Whether the network has a head that learns boxes."""
    return BOX_HEAD in model.output


def _run_epoch(batches: tf.data.Dataset, step: Step, steps: int, epoch: int) -> float:
    """Run one epoch and return its mean loss; stop at the first loss that is not finite."""
    step_losses = []
    with device.no_rewriting():
        for batch in engine.track(engine.ahead(batches), total=steps, label=f"epoch {epoch + 1}"):
            step_losses.append(_finite(float(step(*batch)), f"in epoch {epoch + 1}"))
    return float(np.mean(step_losses))


def _finite(loss: float, where: str) -> float:
    if not np.isfinite(loss):
        raise DivergedError(
            f"The loss is not finite {where}. Received: {loss}. Lower train.learning_rate and "
            "train.head_learning_rate."
        )
    return loss


def require_finite(model: keras.Model) -> None:
    """Refuse a network with a weight that is NaN or infinite, though its loss was finite.

    Raises
    ------
    DivergedError
        The message names the weight.
    """
    for weight in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
            raise DivergedError(
                f"All weights must be finite. Received: NaN or infinity in {weight.path}. Lower "
                "train.learning_rate and train.head_learning_rate."
            )


def _validate(predict: interface.Predict, examples: Examples, batch_size: int) -> dict[str, float]:
    """Loss and AUROC on ``val``, each group weighing as one."""
    batches = shards.dataset(examples.folder, examples.val, batch_size)
    logits = inference.predict_all(predict, batches)[0].astype(np.float64)
    y_true = examples.val["fractured"].to_numpy(bool)
    weight = examples.val["sampling_weight"].to_numpy(np.float64)
    errors = np.logaddexp(0, np.where(y_true, -logits, logits))
    return {
        "val_loss": _finite(float(np.average(errors, weights=weight)), "on val"),
        "val_auroc": float(metrics.auroc(y_true, expit(logits), weight)),
    }


def _record_epoch(
    progress: checkpoint.Progress, model: keras.Model, row: dict[str, float], which: Literal["best", "last"]
) -> None:
    """Add an epoch, and keep its weights if it is the best so far, or if the last one is kept."""
    best = progress.history[progress.selected_epoch]["val_auroc"] if progress.history else -np.inf
    if which == "last" or row["val_auroc"] > best:
        progress.selected_epoch = len(progress.history)
        progress.selected_weights = model.get_weights()
    progress.history.append(row)
