"""Score the held-out radiographs at the operating points chosen on ``val``.

Reads the shards, the classifier and the null baselines of ``validate``; writes the operating
points with the temperature, one row a radiograph to ``predictions.csv``, the curves as data for
``dvc plots`` and as pictures, and the summary.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.assess import calibration, evaluation
from pipeline.config import Config
from pipeline.data import outputs, shards
from pipeline.model import bundle, classifier, device
from pipeline.show import charts, pages
from pipeline.track import runs

log = logging.getLogger(__name__)

_BATCH = 16


def run(config: Config) -> None:
    """Calibrate on ``val``, score ``val`` and ``test``, record."""
    with runs.stage_run("evaluate", config) as record:
        device.prepare(config.run)
        index = shards.read_index(config.paths.shards)
        held_out = index[index["split"].isin(["val", "test"])].reset_index(drop=True)
        predict = classifier.predictor(classifier.load(config.paths.classifier))
        logits, _ = classifier.predict_all(predict, shards.dataset(config.paths.shards, held_out, _BATCH))
        points, temperature = calibrate(held_out, logits, config)
        predictions = tabulate(held_out, logits, points, temperature)
        figures = {"temperature": temperature, **summarize(predictions, points, config)}

        bundle.write_operating_points(config.paths.models / bundle.OPERATING_POINTS, points, temperature)
        report = config.paths.report("evaluate")
        outputs.write_text(report / "predictions.csv", predictions.to_csv(index=False, lineterminator="\n"))
        _draw(report, predictions[predictions["split"] == "test"], points, figures, config)
        outputs.write_json(report / "metrics.json", figures)
        record.metrics(figures)
        log.info("evaluate: test AUROC %.3f", figures["test"]["auroc"])


def calibrate(
    held_out: pd.DataFrame, logits: Any, config: Config
) -> tuple[calibration.OperatingPoints, float]:
    """Choose temperature and thresholds on ``val``, each group weighing as one."""
    val = (held_out["split"] == "val").to_numpy()
    fractured = held_out.loc[val, "fractured"].to_numpy(bool)
    weight = held_out.loc[val, "sampling_weight"].to_numpy(float)
    temperature = calibration.fit_temperature(logits[val], fractured, weight)
    points = calibration.choose_operating_points(
        fractured,
        calibration.apply_temperature(logits[val], temperature),
        sensitivity=config.evaluate.high_sensitivity,
        specificity=config.evaluate.high_specificity,
        sample_weight=weight,
    )
    return points, temperature


def tabulate(
    held_out: pd.DataFrame, logits: Any, points: calibration.OperatingPoints, temperature: float
) -> pd.DataFrame:
    """One row a radiograph: the calibrated score and the decision."""
    y_score = calibration.apply_temperature(logits, temperature)
    table = held_out[["path", "group", "split", "fractured"]]
    return table.assign(y_score=y_score.round(6), decision=calibration.decide(y_score, points))


def summarize(
    predictions: pd.DataFrame, points: calibration.OperatingPoints, config: Config
) -> dict[str, Any]:
    """Figures of both splits, and how far ``test`` stands above the best null baseline."""
    settings = config.evaluate
    figures = {
        split: evaluation.evaluate(
            rows["fractured"].to_numpy(bool),
            rows["y_score"].to_numpy(float),
            rows["group"].to_numpy(str),
            points,
            n_samples=settings.bootstrap_samples,
            n_bins=settings.ece_bins,
            seed=config.run.seed,
        )
        for split, rows in predictions.groupby("split")
    }
    null = evaluation.best_null(_baselines(config))
    if null is not None:
        figures["test"]["null_gap_auroc"] = figures["test"]["auroc"] - null[1]
    return {**figures, "best_null": dict(zip(("name", "auroc"), null or (None, None), strict=True))}


def _draw(
    report: Path,
    test: pd.DataFrame,
    points: calibration.OperatingPoints,
    figures: dict[str, Any],
    config: Config,
) -> None:
    """Write the report page, and each curve as a table for ``dvc plots`` and as a picture."""
    y_true, y_score = test["fractured"].to_numpy(bool), test["y_score"].to_numpy(float)
    n_bins = config.evaluate.ece_bins
    for name, table in charts.curve_tables(y_true, y_score, points, n_bins).items():
        text = table.round(6).to_csv(index=False, lineterminator="\n")
        outputs.write_text(report / "plots" / f"{name}.csv", text)
    drawn = charts.classifier_charts(y_true, y_score, figures["test"], n_bins)
    for name, svg in charts.flat(drawn).items():
        outputs.write_text(report / "figures" / f"{name}.svg", svg)
    context = {"figures": figures, "charts": drawn}
    outputs.write_text(report / "report.html", pages.render("evaluate.html", context))


def _baselines(config: Config) -> dict[str, float | None]:
    """AUROC on the clean split of everything that looks at no bone."""
    text = (config.paths.report("validate") / "metrics.json").read_text(encoding="utf-8")
    validated = json.loads(text)
    nulls = {name: figures["auroc"] for name, figures in validated["null"].items()}
    return nulls | {"nearest neighbour": validated["memorisation"]["clean"]["auroc"]}
