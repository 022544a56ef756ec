"""What a run of the small pipeline of tests/track would leave behind, without any run."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Config
from pipeline.dataset import names
from pipeline.files.outputs import write_json, write_text
from pipeline.predict import sealing
from pipeline.statistics import metrics
from tests import manifests, weights


def scores(noise: float, test: pd.DataFrame) -> NDArray[np.float64]:
    """What a model of that noise says of radiographs: ``fractured``."""
    drawn = np.random.default_rng(7).normal(0, noise, len(test))
    return np.clip(np.where(test["fractured"], 0.7, 0.3) + drawn, 0, 1).round(6)


def make(
    config: Config,
    name: str,
    noise: float,
    splits: tuple[int, int, int] = (40, 20, 60),
    weight: float = 0.5,
) -> None:
    """Write manifest, reports, a sealed bundle and the lock that records them into the working folder."""
    from dvc.repo import Repo

    for stage in ("validate", "train"):
        write_json(config.paths.report(stage) / "metrics.json", {})
    files = manifests.write(config.paths.manifest, *splits)
    evaluate(config, files[files["split"] == "test"], noise)
    for file in (*sealing.FILES, names.GRAPH, "weights.txt"):  # the last is what the small pipeline trains
        write_text(config.paths.models / file, name)
    weights.write(config.paths.models / names.CLASSIFIER, **{name: [weight]})
    sealing.seal(config.paths.models)
    logging.disable(logging.INFO)  # DVC's own, to a stream that pytest has closed since
    Repo().commit(force=True)
    logging.disable(logging.NOTSET)


def evaluate(config: Config, test: pd.DataFrame, noise: float) -> None:
    """Write the report of a model of that noise on its test radiographs."""
    y_score, report = scores(noise, test), config.paths.report("evaluate")
    decision = np.where(y_score > 0.3, "fracture", "no finding")
    said = test[["path", "group", "split", "fractured"]].assign(y_score=y_score, decision=decision)
    write_text(report / "predictions.csv", said.to_csv(index=False))
    auroc = metrics.auroc(test["fractured"].to_numpy(bool), y_score)
    figures = {"auroc": auroc, "auroc_low": auroc - 0.05, "auroc_high": auroc + 0.05, "ece": 0.04}
    figures |= {"null_gap_auroc": auroc - 0.6, "null_gap_auroc_low": auroc - 0.65}
    figures["high_sensitivity"] = {"threshold": 0.300001}
    write_json(report / "metrics.json", {"test": figures, "best_null": {"name": "border", "auroc": 0.6}})
