"""Draw region maps, cut boxes from them, score both, and seal and register the model bundle.

Reads the shards, the classifier, the operating points, the checked annotations and the data's profile;
writes the region-map settings, ``bundle.json``, COCO results, overlays, the gallery page and the scores.
The map threshold is chosen on ``val``; ``test`` is scored once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.assess.calibration import Calibration
from pipeline.assess.operating_points import OperatingPoints
from pipeline.config import Config
from pipeline.data import annotations as reference
from pipeline.data import outputs, shards
from pipeline.model import bundle, classifier, device, map_scoring, maps
from pipeline.show import charts, gallery, pages
from pipeline.track import runs

log = logging.getLogger(__name__)

_BATCH = 16


def run(config: Config) -> None:
    """Map, score, show, seal, register."""
    with runs.stage_run("region_maps", config) as record:
        device.prepare(config.run)
        index = shards.read_index(config.paths.shards)
        model = classifier.load(config.paths.classifier)
        known = reference.read(config.paths.annotations)
        points, calibration = bundle.read_operating_points(config.paths.models / bundle.OPERATING_POINTS)
        predict = classifier.predictor(model)
        val, test = (
            survey(config, predict, index[index["split"] == split], points, calibration)
            for split in ("val", "test")
        )
        limits = config.region_maps
        threshold = map_scoring.choose_threshold(val, known)
        settings = bundle.RegionSettings(threshold, limits.min_area_share, limits.max_regions)
        bundle.write_settings(config.paths.models / bundle.REGION_MAPS, settings)
        profile = config.paths.report("validate") / bundle.PROFILE
        outputs.write_bytes(config.paths.models / bundle.PROFILE, profile.read_bytes())
        bundle.seal(config.paths.models)

        scores = map_scoring.score(
            model,
            test,
            known,
            lambda paths: saw(config, index, paths),
            limits,
            threshold=threshold,
            n_samples=config.evaluate.bootstrap_samples,
            seed=config.run.seed,
        )
        figures = {"map_threshold": threshold, **scores}
        report = config.paths.report("region_maps")
        cut = [bundle.cut_regions(region_map, settings) for region_map in test]
        outputs.write_text(report / "regions.coco.json", map_scoring.coco_results(test, cut, known))
        cases = gallery.cases(test.rows, map_scoring.on_target(test, known))
        draw = gallery.painter(
            config.data.root, test, cut, known, threshold=threshold, colormap=limits.colormap
        )
        with outputs.staged(report / "overlays") as folder:
            pictures = gallery.write(folder, gallery.choose(cases, limits.gallery), draw)
        drawn = {"localization": charts.localization_chart(figures)}
        page = pages.render("region_maps.html", {"maps": figures, "charts": drawn, "pictures": pictures})
        outputs.write_text(report / "report.html", page)
        outputs.write_json(report / "metrics.json", figures)
        record.metrics(figures)
        record.bundle(config.paths.models / bundle.BUNDLE)
        log.info("region_maps: %d radiographs mapped", len(test))


def survey(
    config: Config,
    predict: classifier.Predict,
    rows: pd.DataFrame,
    points: OperatingPoints,
    calibration: Calibration,
) -> maps.MapSet:
    """Predict and map the radiographs of some index rows."""
    return map_scoring.survey(
        rows,
        classifier.predict_all(predict, shards.dataset(config.paths.shards, rows, _BATCH)),
        [shards.placement(row) for row in rows.itertuples()],
        canvas_shape=(config.preprocess.height_px, config.preprocess.width_px),
        points=points,
        calibration=calibration,
    )


def saw(config: Config, index: pd.DataFrame, paths: Iterable[str]) -> Iterator[NDArray[np.uint8]]:
    """Yield the canvases of some radiographs."""
    return shards.canvases(config.paths.shards, index.set_index("path", drop=False).loc[list(paths)])
