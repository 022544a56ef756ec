"""Train the classifier; the epoch is chosen on ``val``.

Reads the shards; writes the classifier and the training history. A killed training goes on from
its last epoch: the checkpoint lies outside the outputs, which DVC deletes before a stage runs.
"""

from __future__ import annotations

import logging
import shutil
from typing import Any

import keras
import pandas as pd

from pipeline.config import Config
from pipeline.data import outputs, shards
from pipeline.model import classifier, device, training
from pipeline.show import pages, plots
from pipeline.track import repository, runs

log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Train, keep the best epoch, record the curves."""
    with runs.stage_run("train", config) as record:
        device.prepare(config.run)
        index = shards.read_index(config.paths.shards)
        examples = training.Examples(
            config.paths.shards, index[index["split"] == "train"], index[index["split"] == "val"]
        )
        digest = outputs.sha256(config.paths.shards / shards.CHECKSUMS)
        record.dataset("shards", config.paths.shards, digest, "train")
        model = classifier.build(config.train, (config.preprocess.height_px, config.preprocess.width_px))
        saved = repository.read().checkpoints("train") / "training.npz"
        history = training.fit(
            model,
            examples,
            config.train,
            config.run.seed,
            saved,
            lambda epoch, row: record.curve(row, step=epoch),
        )
        with outputs.staged(config.paths.classifier) as private:
            classifier.save(model, private)

        figures = summarize(model, history)
        report = config.paths.report("train")
        table = pd.DataFrame(history).round(6)
        outputs.write_text(report / "history.csv", table.to_csv(index=False, lineterminator="\n"))
        outputs.write_text(report / "report.html", _page(config, table, figures))
        outputs.write_json(report / "metrics.json", figures)
        record.metrics(figures)
        shutil.rmtree(saved.parent)
        log.info("train: val AUROC %.3f in epoch %d", figures["val_auroc"], figures["best_epoch"])


def summarize(model: keras.Model, history: list[dict[str, float]]) -> dict[str, Any]:
    """Figures of the best epoch, counted from 1, and the size of the network."""
    best = max(history, key=lambda row: row["val_auroc"])
    return {
        "best_epoch": int(best["epoch"]) + 1,
        "epochs": len(history),
        "train_loss": best["train_loss"],
        "val_loss": best["val_loss"],
        "val_auroc": best["val_auroc"],
        "parameters": model.count_params(),
        "parameters_trained": sum(int(keras.ops.size(weight)) for weight in model.trainable_weights),
    }


def _page(config: Config, table: pd.DataFrame, figures: dict[str, Any]) -> str:
    best = figures["best_epoch"]
    losses = {"train": table["train_loss"], "val": table["val_loss"]}
    context = {
        "figures": figures,
        "settings": config.train.model_dump(exclude={"augment"}),
        "augment": config.train.augment.model_dump(),
        "loss": plots.epochs(losses, "Loss", best),
        "auroc": plots.epochs({"val": table["val_auroc"]}, "AUROC", best),
    }
    return pages.render("train.html", context)
