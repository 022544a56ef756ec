"""Draw region maps, cut regions from them, score both, and seal and register the model bundle.

Reads the shards, the classifier, the operating points, the checked annotations, the data's profile and the
radiographs of ``test``; writes the region-map settings, ``classifier.onnx``, ``profile.json``,
``origin.json``, ``bundle.json``, COCO results, tables by subgroup and by method, curves, overlays and the
scores. How regions are cut is chosen on ``val``; ``test`` is scored once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Config
from pipeline.dataset import annotations as reference
from pipeline.dataset import labels, names
from pipeline.files import outputs
from pipeline.network import classifier, device, inference, interface, portable, tta
from pipeline.predict import bundle_files, light, maps, origin, sealing
from pipeline.predict.calibration import Calibration
from pipeline.predict.cutting import RegionSettings
from pipeline.predict.operating_points import OperatingPoints
from pipeline.preprocess import shards
from pipeline.region_maps import assessment, choice, gallery, references
from pipeline.region_maps.assessment import Assessment
from pipeline.registry import registration
from pipeline.track import runs

log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Map, choose, score, draw, seal, register."""
    with runs.stage_run("region_maps", config) as record:
        device.prepare(config.run)
        canvas_shape = (config.preprocess.height_px, config.preprocess.width_px)
        index = shards.read_index(config.paths.shards, canvas_shape)
        model = classifier.load(config.paths.classifier, canvas_shape)
        annotations = reference.read(config.paths.annotations)
        points, calibration = bundle_files.read_operating_points(config.paths.models / names.OPERATING_POINTS)
        predict = tta.with_tta(portable.predictor(model, config.paths.classifier), config.predict.tta_views)
        rows = {split: index[index["split"] == split] for split in ("val", "test")}
        computed = {split: predict_split(config, predict, own) for split, own in rows.items()}
        val, test = (mapped(config, own, computed[split], points, calibration) for split, own in rows.items())
        settings = choice.choose(val, annotations, config.region_maps)
        tell_of_undrawn(val, test, annotations)
        light.write(
            config.paths.models,
            model,
            computed["val"],
            lambda predict: predict_split(config, predict, rows["val"]),
            points,
            calibration,
            tta_views=config.predict.tta_views,
            threads=config.run.threads,
        )
        seal(config, settings, index)
        assessed = assessment.assess(
            model,
            predict,
            test,
            annotations,
            lambda paths: canvases(config, index, paths),
            labels.user_columns(rows["test"]),
            settings,
            config.region_maps,
            annotations_file=config.paths.annotations,
            n_samples=config.evaluate.bootstrap_samples,
            seed=config.run.seed,
        )
        write(config, test, annotations, settings, assessed)
        record.metrics(assessed.figures)
        record.at_end(
            lambda run: registration.register(
                config, config.paths.models / names.BUNDLE, run.pipeline, run.store
            )
        )
        log.info("region_maps: %d radiographs mapped", len(test))


def tell_of_undrawn(val: maps.MapSet, test: maps.MapSet, annotations: reference.Annotations) -> None:
    """Warn where regions are scored against drawings on ``test``, and ``val`` had none to learn from."""
    drawn, chosen_on = (int(references.is_annotated(part, annotations).sum()) for part in (test, val))
    if drawn and not chosen_on:
        log.warning(
            "region_maps: fractures are drawn on %d radiographs of test and on none of val: regions are cut "
            "by a rule, and their scores are no probabilities. Draw some of val",
            drawn,
        )


def seal(config: Config, settings: RegionSettings, index: pd.DataFrame) -> None:
    """Complete the bundle."""
    path = config.paths.models / names.REGION_MAPS
    bundle_files.write_region_settings(path, settings, config.predict.tta_views)
    profile = config.paths.report("validate") / names.PROFILE
    outputs.write_bytes(config.paths.models / names.PROFILE, profile.read_bytes())
    train, val = (int((index["split"] == split).sum()) for split in ("train", "val"))
    drawn = bundle_files.read_scope(config.paths.models / names.SCOPE).phantoms_only
    origin.write(config.paths.models, origin.Origin(train, val, drawn))
    sealing.seal(config.paths.models)


def write(
    config: Config,
    test: maps.MapSet,
    annotations: reference.Annotations,
    settings: RegionSettings,
    assessed: Assessment,
) -> None:
    """Write the tables and the pictures."""
    report = config.paths.report("region_maps")
    for name, text in assessed.texts().items():
        outputs.write_text(report / name, text)
    with outputs.staged(report / names.OVERLAYS) as folder:
        gallery.draw(
            folder,
            config.data.root,
            test,
            annotations,
            settings,
            config.region_maps,
            max_pixels=config.validation.max_pixels,
        )
    outputs.write_json(report / names.METRICS, assessed.figures)


def predict_split(config: Config, predict: interface.Predict, rows: pd.DataFrame) -> interface.NetworkOutput:
    """Let the network see the radiographs of some index rows."""
    return inference.predict_all(predict, shards.dataset(config.paths.shards, rows, interface.BATCH))


def mapped(
    config: Config,
    rows: pd.DataFrame,
    output: interface.NetworkOutput,
    points: OperatingPoints,
    calibration: Calibration,
) -> maps.MapSet:
    """Map the radiographs of some index rows."""
    return maps.from_output(
        rows,
        output,
        [shards.placement(row) for row in rows.itertuples()],
        canvas_shape=(config.preprocess.height_px, config.preprocess.width_px),
        points=points,
        calibration=calibration,
    )


def canvases(config: Config, index: pd.DataFrame, paths: Iterable[str]) -> Iterator[NDArray[np.uint8]]:
    """Yield the canvases of some radiographs."""
    return shards.canvases(config.paths.shards, index.set_index("path", drop=False).loc[list(paths)])
