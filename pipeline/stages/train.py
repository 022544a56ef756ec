"""Train the classifier; the epoch is chosen on ``val``, or is the last.

Where maps are to teach, a first network is trained for them, and the one that is kept after it.

Reads the shards; writes the classifier and the training history. A killed training goes on from
its last epoch: the checkpoint lies outside the outputs, which DVC deletes before a stage runs.
"""

from __future__ import annotations

import logging
import shutil
from typing import Any, Literal

import keras
import pandas as pd

from pipeline.config import Config
from pipeline.dataset import names
from pipeline.files import outputs
from pipeline.network import classifier, device
from pipeline.preprocess import shards
from pipeline.report import pages, plots
from pipeline.track import repository, runs
from pipeline.train import body_part_head, self_training, training

log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Train, keep one epoch's weights, record the curves."""
    with runs.stage_run("train", config) as record:
        device.prepare(config.run)
        index = shards.read_index(config.paths.shards)
        examples = training.Examples(
            config.paths.shards, index[index["split"] == "train"], index[index["split"] == "val"]
        )
        saved = repository.read().checkpoints("train")

        def on_epoch(epoch: int, row: dict[str, float]) -> None:
            record.curve(row, step=epoch)

        examples, about_teacher = self_training.with_pseudo_masks(
            config, examples, saved / "teacher.npz", on_epoch
        )
        model, history = self_training.fit(config, examples, config.train, saved / "training.npz", on_epoch)
        whole = body_part_head.attach(model, config.paths.shards, examples.train, config.run.seed)
        with outputs.staged(config.paths.classifier) as private:
            classifier.save(whole, private)

        figures = summarize(model, history, config.train.kept_epoch) | about_teacher
        report = config.paths.report("train")
        table = pd.DataFrame(history).round(6)
        outputs.write_text(report / "history.csv", table.to_csv(index=False, lineterminator="\n"))
        outputs.write_text(report / "report.html", _page(config, table, figures))
        outputs.write_json(report / names.METRICS, figures)
        record.metrics(figures)
        shutil.rmtree(saved)
        log.info("train: val AUROC %.3f in epoch %d", figures["val_auroc"], figures["kept_epoch"])


def summarize(
    model: keras.Model, history: list[dict[str, float]], kept_epoch: Literal["best", "last"]
) -> dict[str, Any]:
    """Figures of the kept epoch, counted from 1, and the size of the network."""
    kept = training.kept(history, kept_epoch)
    return {
        "kept_epoch": int(kept["epoch"]) + 1,
        "epochs": len(history),
        "train_loss": kept["train_loss"],
        "val_loss": kept["val_loss"],
        "val_auroc": kept["val_auroc"],
        "parameters": model.count_params(),
        "parameters_trained": sum(int(keras.ops.size(weight)) for weight in model.trainable_weights),
    }


def _page(config: Config, table: pd.DataFrame, figures: dict[str, Any]) -> str:
    kept = figures["kept_epoch"]
    losses = {"train": table["train_loss"], "val": table["val_loss"]}
    context = {
        "figures": figures,
        "settings": config.train.model_dump(exclude={"augment"}),
        "augment": config.train.augment.model_dump(),
        "loss": plots.epochs(losses, "Loss", kept),
        "auroc": plots.epochs({"val": table["val_auroc"]}, "AUROC", kept),
    }
    return pages.render("train.html", context)
