"""From settings to a trained network; in self-training, maps of a first one become masks for a second."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from pipeline.config import Config, Train
from pipeline.network import classifier, device
from pipeline.train import precision, pseudo_masks, training

log = logging.getLogger(__name__)


def fit(
    config: Config,
    examples: training.Examples,
    settings: Train,
    checkpoint_path: Path,
    on_epoch: training.OnEpoch = lambda epoch, row: None,
) -> tuple[keras.Model, list[dict[str, float]]]:
    """Build a network and train it on all devices; return it in float32, with its history.

    Parameters
    ----------
    config
        Size of the canvas, device and seed.
    examples, settings, checkpoint_path, on_epoch
        As for ``training.fit``. Where memory is short, training starts anew with half the batch, once; its
        checkpoint is another file.
    """
    try:
        return _fit(config, examples, settings, checkpoint_path, on_epoch)
    except device.OUT_OF_MEMORY as error:
        half = settings.batch_size // 2
        if half < 2:
            raise
        said = str(error).partition("\n")[0] or type(error).__name__
        log.warning("train: out of memory; starts anew with train.batch_size %d. Received: %s", half, said)
    keras.backend.clear_session(free_memory=True)
    halved = settings.model_copy(update={"batch_size": half})
    return _fit(config, examples, halved, checkpoint_path.with_stem(f"{checkpoint_path.stem}-half"), on_epoch)


def _fit(
    config: Config,
    examples: training.Examples,
    settings: Train,
    checkpoint_path: Path,
    on_epoch: training.OnEpoch,
) -> tuple[keras.Model, list[dict[str, float]]]:
    keras.utils.set_random_seed(config.run.seed)
    with device.spread(config.run).scope(), precision.in_force(precision.policy(config)):
        model = classifier.build(settings, (config.preprocess.height_px, config.preprocess.width_px))
        history = training.fit(model, examples, settings, config.run.seed, checkpoint_path, on_epoch)
    return precision.in_float32(model), history


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
