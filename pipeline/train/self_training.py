"""From settings to a trained network; in self-training, maps of a first one become masks for a second."""

from __future__ import annotations

import gc
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from pipeline.config import Config, Train
from pipeline.network import classifier, cluster, device
from pipeline.train import precision, pseudo_masks, shared_dropout, training, workers

log = logging.getLogger(__name__)

BATCH_SIZE = "batch_size"  # in rows of a history, where it is not that of the settings


class OutOfMemoryError(ValueError):
    """Memory suffices for no batch that is tried."""


def fit(
    config: Config,
    examples: training.Examples,
    settings: Train,
    checkpoint_path: Path,
    on_epoch: training.OnEpoch = lambda epoch, row: None,
) -> tuple[keras.Model, list[dict[str, float]]]:
    """Build a network and train it on all devices; return it in float32, with its history.

    Where memory does not suffice the batch is halved, once, and training starts anew. Smaller batches give
    other weights, so each row of the history says ``batch_size`` then. One of several processes does not: the
    others would not know.

    Parameters
    ----------
    config
        Size of the canvas, device and seed.
    examples, settings, checkpoint_path, on_epoch
        As for ``training.fit``.

    Raises
    ------
    OutOfMemoryError
        Memory does not suffice for half a batch, either, or where several processes train.
    WorkerLostError
        Another process that trained with this one has ended.
    """
    halved_path = checkpoint_path.with_name(f"halved-{checkpoint_path.name}")
    if not halved_path.exists():  # else it was found out before the training was interrupted
        try:
            return _fit(config, examples, settings, checkpoint_path, on_epoch)
        except device.OUT_OF_MEMORY as error:
            if cluster.read().size > 1:
                raise OutOfMemoryError(_no_memory(settings)) from error
        # what the failed attempt holds is let go with its traceback
        _let_go(checkpoint_path)
    half = max(1, settings.batch_size // 2)
    log.warning(
        "train: memory does not suffice for train.batch_size %d: starting anew with %d, which gives other "
        "weights. Set train.batch_size: %d to say so.",
        settings.batch_size,
        half,
        half,
    )
    halved = settings.model_copy(update={"batch_size": half})
    try:
        model, history = _fit(
            config, examples, halved, halved_path, lambda epoch, row: on_epoch(epoch, _marked(row, half))
        )
    except device.OUT_OF_MEMORY as error:
        raise OutOfMemoryError(_no_memory(settings, f", nor for {half}")) from error
    return model, [_marked(row, half) for row in history]


def _fit(
    config: Config,
    examples: training.Examples,
    settings: Train,
    checkpoint_path: Path,
    on_epoch: training.OnEpoch,
) -> tuple[keras.Model, list[dict[str, float]]]:
    keras.utils.set_random_seed(config.run.seed)
    processes = cluster.read()
    strategy = device.spread(config.run, processes)
    with precision.in_force(precision.policy(config)), workers.told_if_lost(processes):
        model = classifier.build(
            settings,
            (config.preprocess.height_px, config.preprocess.width_px),
            with_boxes=settings.learns_boxes and examples.has_boxes,
        )
        how = (examples, settings, config.run.seed, checkpoint_path, on_epoch)
        with strategy.scope():
            spread = strategy.num_replicas_in_sync > 1
            history = _fit_replicas(model, how) if spread else training.fit(model, *how)
    return precision.in_float32(model), history


def _fit_replicas(model: keras.Model, how: Any) -> list[dict[str, float]]:
    """Train a copy of the network on each device, and give it what they have learnt."""
    team = workers.present()
    team.require_same(_described(*how[:3]))
    model.set_weights(team.from_chief(model.get_weights()))
    twin = shared_dropout.twin(model)
    history = training.fit(twin, *how)
    model.set_weights(twin.get_weights())
    return history


def _described(examples: training.Examples, settings: Train, seed: int) -> str:
    """Put into words what must be the same on all machines: settings, but for a path of one, and rows."""
    recipe = settings.model_copy(update={"weights": ""}).model_dump_json()
    return "\n".join([recipe, str(seed), examples.train.to_csv(), examples.val.to_csv()])


def _no_memory(settings: Train, nor: str = "") -> str:
    return (
        f"training must fit into memory. Received: none left for train.batch_size {settings.batch_size}"
        f"{nor}. Lower train.batch_size or preprocess.height_px and width_px, or end what else needs memory."
    )


def _marked(row: dict[str, float], batch_size: int) -> dict[str, float]:
    return {**row, BATCH_SIZE: batch_size}


def _let_go(checkpoint_path: Path) -> None:
    checkpoint_path.unlink(missing_ok=True)
    keras.backend.clear_session()
    gc.collect()


def with_pseudo_masks(
    config: Config,
    examples: training.Examples,
    checkpoint_path: Path,
    on_epoch: training.OnEpoch = lambda epoch, row: None,
) -> tuple[training.Examples, dict[str, Any]]:
    """Add the maps of a first network to the examples, where ``train.mask_source`` asks for them.

    Parameters
    ----------
    config, examples
        As for `fit`.
    checkpoint_path
        The first network's checkpoint. Where its training has ended, it is not done again.
    on_epoch
        Called after each epoch of the first network; the names of the measures begin with ``teacher_``.

    Returns
    -------
    examples, figures
        ``figures`` holds ``pseudo_masks``, their number, and ``teacher_val_auroc``; it is empty without maps.
    """
    rows = pseudo_masks.rows_to_mask(examples.train, config.train.mask_source)
    if rows.empty:
        return examples, {}

    def on_teacher_epoch(epoch: int, row: dict[str, float]) -> None:
        on_epoch(epoch, {f"teacher_{name}": value for name, value in row.items()})

    settings = pseudo_masks.teacher_settings(config.train)
    teacher, history = fit(config, examples, settings, checkpoint_path, on_teacher_epoch)
    masks = pseudo_masks.draw(teacher, examples.folder, rows)
    auroc = training.selected_epoch(history, settings.checkpoint)["val_auroc"]
    log.info("train: %d pseudo-masks, drawn by a network with a val AUROC of %.3f", len(masks), auroc)
    figures = {"pseudo_masks": len(masks), "teacher_val_auroc": auroc}
    return replace(examples, masks={**examples.masks, **masks}), figures
