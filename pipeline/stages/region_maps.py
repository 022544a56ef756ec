"""Draw region maps, cut regions from them, score both, and seal and register the model bundle.

Reads the shards, the classifier, the operating points, the checked annotations and the data's profile;
writes the region-map settings, ``bundle.json``, COCO results, tables by subgroup and by method, overlays,
the gallery page and the scores. How regions are cut is chosen on ``val``; ``test`` is scored once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Config
from pipeline.dataset import annotations as reference
from pipeline.dataset import labels
from pipeline.files import outputs
from pipeline.network import classifier, device, inference, tta
from pipeline.predict import bundle, maps
from pipeline.predict.calibration import Calibration
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.operating_points import OperatingPoints
from pipeline.preprocess import shards
from pipeline.region_maps import assessment, choice, scoring
from pipeline.region_maps.assessment import Assessment
from pipeline.registry import registration
from pipeline.report import gallery, map_charts, pages
from pipeline.track import runs

log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Map, choose, score, show, seal, register."""
    with runs.stage_run("region_maps", config) as record:
        device.prepare(config.run)
        index = shards.read_index(config.paths.shards)
        model = classifier.load(config.paths.classifier)
        known = reference.read(config.paths.annotations)
        points, calibration = bundle.read_operating_points(config.paths.models / bundle.OPERATING_POINTS)
        predict = tta.through(inference.predictor(model), config.evaluate.views)
        rows = {split: index[index["split"] == split] for split in ("val", "test")}
        val, test = (survey(config, predict, own, points, calibration) for own in rows.values())
        settings = replace(choice.choose(val, known, config.region_maps), views=config.evaluate.views)
        seal(config, settings)
        found = assessment.assess(
            model,
            test,
            known,
            lambda paths: saw(config, index, paths),
            labels.carried(rows["test"], besides=shards.PLACE),
            settings,
            config.region_maps,
            annotations_file=config.paths.annotations,
            n_samples=config.evaluate.bootstrap_samples,
            seed=config.run.seed,
        )
        write(config, test, known, settings, found)
        record.metrics(found.figures)
        record.at_end(
            lambda run: registration.register(config, config.paths.models / bundle.BUNDLE, run.pipeline)
        )
        log.info("region_maps: %d radiographs mapped", len(test))


def seal(config: Config, settings: RegionSettings) -> None:
    """Complete the bundle."""
    bundle.write_settings(config.paths.models / bundle.REGION_MAPS, settings)
    profile = config.paths.report("validate") / bundle.PROFILE
    outputs.write_bytes(config.paths.models / bundle.PROFILE, profile.read_bytes())
    bundle.seal(config.paths.models)


def write(
    config: Config,
    test: maps.MapSet,
    known: reference.Annotations,
    settings: RegionSettings,
    found: Assessment,
) -> None:
    """Write the tables, the pictures and the page."""
    report = config.paths.report("region_maps")
    outputs.write_text(report / "regions.coco.json", found.coco_results)
    for name, table in found.tables.items():
        folder = report if name in ("subgroups", "methods") else report / "plots"
        text = table.to_csv(index=False, lineterminator="\n", float_format="%.6g")
        outputs.write_text(folder / f"{name}.csv", text)
    with outputs.staged(report / "overlays") as folder:
        pictures = gallery.draw(folder, config.data.root, test, known, settings, config.region_maps)
    context = {
        "maps": found.figures,
        "tables": found.tables,
        "charts": map_charts.draw(found.figures, found.tables),
        "pictures": pictures,
    }
    outputs.write_text(report / "report.html", pages.render("region_maps.html", context))
    outputs.write_json(report / "metrics.json", found.figures)


def survey(
    config: Config,
    predict: inference.Predict,
    rows: pd.DataFrame,
    points: OperatingPoints,
    calibration: Calibration,
) -> maps.MapSet:
    """Predict and map the radiographs of some index rows."""
    return scoring.survey(
        rows,
        inference.predict_all(predict, shards.dataset(config.paths.shards, rows, inference.BATCH)),
        [shards.placement(row) for row in rows.itertuples()],
        canvas_shape=(config.preprocess.height_px, config.preprocess.width_px),
        points=points,
        calibration=calibration,
    )


def saw(config: Config, index: pd.DataFrame, paths: Iterable[str]) -> Iterator[NDArray[np.uint8]]:
    """Yield the canvases of some radiographs."""
    return shards.canvases(config.paths.shards, index.set_index("path", drop=False).loc[list(paths)])
