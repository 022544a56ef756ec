"""The page of `train`: how the network learnt, and which epoch was kept."""

from __future__ import annotations

from pipeline.config import Config
from pipeline.report import pages, plots, results


def documents(config: Config) -> dict[str, str]:
    """Make the page of what the stage wrote: name to text."""
    folder = config.paths.report("train")
    figures = results.figures(folder)
    history = results.table(folder / "history.csv")
    losses = {"train": history["train_loss"], "val": history["val_loss"]}
    context = {
        "figures": figures,
        "settings": config.train.model_dump(exclude={"augment"}),
        "augment": config.train.augment.model_dump(),
        "loss": plots.epochs(losses, "Loss", figures["kept_epoch"]),
        "auroc": plots.epochs({"val": history["val_auroc"]}, "AUROC", figures["kept_epoch"]),
    }
    return {"report.html": pages.render("train.html", context)}
