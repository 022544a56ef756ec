"""Training: one loop, resumable after every epoch; ``val`` ends it where the best epoch is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from scipy.special import expit

from pipeline.config import Train
from pipeline.files import engine
from pipeline.network import device, inference, interface
from pipeline.preprocess import shards
from pipeline.statistics import metrics
from pipeline.train import checkpoint, optimizers, sampling, steps, workers
from pipeline.train.averaging import WeightAverage
from pipeline.train.feeding import Examples, Feed

__all__ = ["DivergedError", "Examples", "OnEpoch", "fit", "require_finite", "selected_epoch", "validated"]

OnEpoch = Callable[[int, dict[str, float]], None]


class DivergedError(ValueError):
    """A loss or a weight is not finite; no weights were written."""


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
    expected = sampling.expected_draws(
        examples.train, group_balanced=settings.group_balanced, class_balanced=settings.class_balanced
    )
    team = workers.present()
    n_steps = int(np.ceil(round(expected.sum()) / settings.batch_size))
    parts = optimizers.parts(model, settings, n_steps)
    average = WeightAverage(model.trainable_variables, settings.ema_decay)
    heads = [part for part in parts if part.kind != optimizers.BACKBONE]
    head_step, step = (steps.compiled(model, trained, average, settings, seed) for trained in (heads, parts))
    predict = inference.predictor(model)
    feed = Feed(examples, settings, seed, steps.has_boxes(model), team)
    variables = [
        *model.variables,
        *(variable for part in parts for variable in part.optimizer.variables),
        *average.variables,
    ]
    with team.checkpoint(checkpoint_path) as resumed_from:
        progress = checkpoint.restore(resumed_from, variables)
    for epoch in range(len(progress.history), settings.max_epochs):
        if epoch - progress.selected_epoch > settings.patience:
            break
        batches = feed.epoch(sampling.draw_epoch(expected, seed, epoch), epoch)
        is_head_only = epoch < settings.head_epochs
        loss = _run_epoch(batches, head_step if is_head_only else step, n_steps, epoch)
        row = {"epoch": epoch, "train_loss": loss}
        with average.applied():
            row |= validated(predict, examples, settings.batch_size)
            _record_epoch(progress, model, row, settings.checkpoint)
        if team.processes.is_chief:
            checkpoint.try_to_save(checkpoint_path, variables, progress)
        on_epoch(epoch, row)
    model.set_weights(progress.selected_weights)
    return progress.history


def selected_epoch(history: list[dict[str, float]], which: Literal["best", "last"]) -> dict[str, float]:
    """Return the measures of the epoch whose weights the network has."""
    return history[-1] if which == "last" else max(history, key=lambda row: row["val_auroc"])


def _run_epoch(batches: Iterable[Any], step: steps.Step, n_steps: int, epoch: int) -> float:
    """Run one epoch and return its mean loss; stop at the first loss that is not finite."""
    step_losses = []
    with device.no_rewriting():
        for batch in engine.track(engine.ahead(batches), total=n_steps, label=f"epoch {epoch + 1}"):
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


def validated(predict: interface.Predict, examples: Examples, batch_size: int) -> dict[str, float]:
    """Loss and AUROC on ``val``, each group weighing as one; each process predicts a part of it.

    Returns
    -------
    dict of str to float
        ``val_loss`` and ``val_auroc``.

    Raises
    ------
    DivergedError
        The loss is infinite or not a number.
    """
    team = workers.present()
    own = slice(team.processes.rank, None, team.processes.size)
    logits = np.zeros(len(examples.val))
    if len(rows := examples.val.iloc[own]):
        batches = shards.dataset(examples.folder, rows, batch_size)
        logits[own] = inference.predict_all(predict, batches)[0]
    logits = team.summed(logits)
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
