"""Report folders as the stages write them, small and made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.config import Config
from pipeline.dataset.names import OVERLAY_INDEX, OVERLAYS, PLAIN
from pipeline.evaluate import curves, evaluation, robustness, subgroups
from pipeline.evaluate.findings import Findings
from pipeline.files import images, outputs
from pipeline.predict.operating_points import OperatingPoints
from pipeline.region_maps.assessment import Assessment
from tests import manifests
from tests.report.test_pages import FAITHFULNESS, LOCALIZATION, SCOPE, TABLES

POINTS = OperatingPoints(0.3, 0.7)
N = 60
CASE = ("hits-01.jpg", "test/<b>.png", "hits", True, 0.87, "fracture", True, "here")


def config(folder: Path, params: Config) -> Config:
    """Settings that read and write below a folder, where the earlier stages have left what they measured."""
    paths = {"manifest": folder / "manifest.csv", "reports": folder / "reports"}
    made = params.model_copy(
        update={
            "paths": params.paths.model_copy(update=paths),
            "data": params.data.model_copy(update={"root": folder / "Data"}),
        }
    )
    counts = {"files": 1234, "kept": 1200, "redundant": 20, "quarantined": 14}
    validated = counts | {"groups_crossing_published_splits": 7}
    trained = {"epochs": 14, "kept_epoch": 9, "val_auroc": 0.912}
    trained |= {"parameters": 4_000_000, "parameters_trained": 9}
    measured = {"validate": validated, "train": trained, "region_maps": FAITHFULNESS | LOCALIZATION}
    for stage, figures in measured.items():
        outputs.write_json(made.paths.report(stage) / "metrics.json", figures)
    labels = {"group": list("aabcd"), "fractured": [True, True, False, True, False]}
    manifests.write(made.paths.manifest, 3, 1, 1, **labels)
    return made


def found() -> Findings:
    """What `evaluate` may find on sixty radiographs."""
    generator = np.random.default_rng(0)
    fractured = np.arange(N) % 2 == 0
    y_score = np.clip(0.5 + 0.2 * np.where(fractured, 1, -1) + 0.25 * generator.normal(size=N), 0, 1).round(6)
    rows = {"path": [f"test/{i}.png" for i in range(N)], "group": np.arange(N).astype(str), "split": "test"}
    predictions = pd.DataFrame(
        rows
        | {"fractured": fractured, "y_score": y_score, "decision": "needs review"}
        | {"scope_score": 0.2, "in_scope": True}
    )
    part = evaluation.columns(predictions)
    resamples = {"n_samples": 50, "seed": 0}
    scores = evaluation.evaluate(*part, POINTS, n_bins=10, **resamples)
    levels = [("undisturbed", 0.0), ("rotation", 5.0), ("rotation", 15.0), ("markers_masked", 1.0)]
    disturbed = np.stack([y_score, y_score**2, 1 - y_score, y_score], axis=1)
    return Findings(
        predictions,
        {
            "test": scores | {"null_gap_auroc": scores["auroc"] - 0.55},
            "val": scores,
            "test_without_hardware": scores,
            "best_null": {"name": "size", "auroc": 0.55},
            "scope": SCOPE,
            "calibration": {"method": "platt", "slope": 0.8123, "intercept": -0.4567},
        },
        subgroups.subgroups(
            pd.DataFrame({"part": ["<b>|hand"] * 30 + ["leg"] * 30}), *part, POINTS, **resamples
        ),
        robustness.tabulate(levels, fractured, disturbed, POINTS, **resamples),
        curves.tabulate(*part, POINTS, n_bins=10, **resamples),
    )


def write_evaluation(config: Config, found: Findings) -> dict[str, str]:
    """Write the report folder of `evaluate` and return its tables."""
    folder, texts = config.paths.report("evaluate"), found.texts()
    for name, text in texts.items():
        outputs.write_text(folder / name, text)
    outputs.write_json(folder / "metrics.json", found.figures)
    return texts


def write_region_maps(folder: Path, *cases: tuple[object, ...]) -> None:
    """Write the report folder of `region_maps`, with these rows in the index of its pictures."""
    mapped = Assessment(FAITHFULNESS | LOCALIZATION, TABLES, "[]\n")
    for name, text in mapped.texts().items():
        outputs.write_text(folder / name, text)
    outputs.write_json(folder / "metrics.json", mapped.figures)
    (folder / OVERLAYS / PLAIN).mkdir(parents=True)
    names = ["file", "path", "kind", "fractured", "probability", "decision", "on_target", "where"]
    pd.DataFrame(cases, columns=names).to_csv(folder / OVERLAYS / OVERLAY_INDEX, index=False)
    for file, *_ in cases:
        images.write(folder / OVERLAYS / str(file), np.full((20, 30, 3), 90, np.uint8))
        images.write(folder / OVERLAYS / PLAIN / str(file), np.full((8, 9, 3), 5, np.uint8))
