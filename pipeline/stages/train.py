"""Train the classifier; the epoch is chosen on ``val``, or is the last.

With self-training, a first network is trained for its maps, and those that are kept after it.

Reads the shards; writes the classifier and the training history. A killed training goes on from
its last epoch: the checkpoint lies outside the outputs, which DVC deletes before a stage runs.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import keras

from pipeline.config import Config
from pipeline.dataset import names, released
from pipeline.files import outputs
from pipeline.network import classifier, cluster, device
from pipeline.preprocess import shards
from pipeline.track import repository, runs
from pipeline.train import (
    body_part_head,
    checkpoint,
    last_good,
    members,
    self_training,
    start,
    training,
    workers,
)

log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Train, keep one epoch's weights, record the curves; or help another process to."""
    release = released.validated(config)
    processes = cluster.read()
    if not processes.is_chief:
        help_to_train(config, release)
        return
    with runs.stage_run("train", config) as record:
        device.prepare(config.run)
        workers.meet(config.run)
        examples = read_examples(config)
        pipeline = repository.read()
        kept = pipeline.checkpoints("train")
        checkpoints = start.checkpoints(kept, release)
        config = start.resolved(config, release)

        def on_epoch(epoch: int, row: dict[str, float]) -> None:
            record.curve(row, step=epoch)

        with last_good_named(config.paths.classifier, pipeline.root):
            examples, teacher_figures = self_training.with_pseudo_masks(
                config, examples, checkpoints / "teacher.npz", on_epoch
            )
            trained = members.fit(config, examples, checkpoints, on_epoch)
            whole = body_part_head.attach(trained.model, config.paths.shards, examples.train, config.run.seed)
            training.require_finite(whole)
        with outputs.staged(config.paths.classifier) as private:
            classifier.save(whole, private)
        last_good.keep(config.paths.classifier, pipeline.root)

        figures = (
            summarize(trained.model, trained.histories[0], config.train.checkpoint)
            | members.figures(trained, examples, config.train)
            | teacher_figures
            | start.figures(release)
        )
        if processes.size > 1:
            figures["workers"] = processes.size
        report = config.paths.report("train")
        table = members.table(trained.histories).round(6)
        outputs.write_text(report / "history.csv", table.to_csv(index=False, lineterminator="\n"))
        outputs.write_json(report / names.METRICS, figures)
        record.metrics(figures)
        checkpoint.clear(kept)
        log.info("train: val AUROC %.3f in epoch %d", figures["val_auroc"], figures["kept_epoch"])


def read_examples(config: Config) -> training.Examples:
    """Read what to learn from."""
    canvas_shape = (config.preprocess.height_px, config.preprocess.width_px)
    index = shards.read_index(config.paths.shards, canvas_shape)
    return training.Examples(
        config.paths.shards, index[index["split"] == "train"], index[index["split"] == "val"]
    )


def help_to_train(config: Config, release: released.Release | None) -> None:
    """Learn from shares of the batches, as one of several processes, and write nothing."""
    device.prepare(config.run)
    workers.meet(config.run)
    config = start.resolved(config, release)
    with tempfile.TemporaryDirectory() as folder:
        examples, _ = self_training.with_pseudo_masks(
            config, read_examples(config), Path(folder) / "teacher.npz"
        )
        members.fit(config, examples, Path(folder))


@contextmanager
def last_good_named(path: Path, root: Path) -> Iterator[None]:
    """Add to a training's failure where the model before it is: DVC has removed it from the outputs."""
    try:
        yield
    except (training.DivergedError, self_training.OutOfMemoryError, workers.WorkerLostError) as error:
        raise type(error)(f"{error} {last_good.advice(path, root)}") from error


def summarize(
    model: keras.Model, history: list[dict[str, float]], which: Literal["best", "last"]
) -> dict[str, Any]:
    """Figures of the kept epoch, counted from 1, and the size of the network."""
    selected = training.selected_epoch(history, which)
    halved = {name: int(history[-1][name]) for name in (self_training.BATCH_SIZE,) if name in history[-1]}
    return halved | {
        "kept_epoch": int(selected["epoch"]) + 1,
        "epochs": len(history),
        "train_loss": selected["train_loss"],
        "val_loss": selected["val_loss"],
        "val_auroc": selected["val_auroc"],
        "parameters": model.count_params(),
        "parameters_trained": sum(int(keras.ops.size(weight)) for weight in model.trainable_weights),
    }
