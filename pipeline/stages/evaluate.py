"""Score the held-out radiographs at the operating points chosen on ``val``.

Reads the shards, the classifier, some radiographs of ``test`` (to make them worse) and what ``validate``
measured; writes the operating points with the calibration, what tells how far a radiograph lies from those of
``train``, and ``reports/evaluate/``:
``predictions.csv``, ``subgroups.csv``, ``robustness.csv``, the curves as data and the summary.
"""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Config
from pipeline.dataset import body_part, labels, names, tables
from pipeline.evaluate import evaluation, findings, perturbed, studies, telling_apart
from pipeline.files import outputs
from pipeline.network import classifier, device, inference, interface, portable, tta
from pipeline.network.body_part_head import part_names
from pipeline.predict import bundle_files, operating_points, scope, val_scores
from pipeline.predict.calibration import Calibration
from pipeline.predict.operating_points import OperatingPoints
from pipeline.predict.recalibration import Targets
from pipeline.predict.scope import Scope
from pipeline.preprocess import shards
from pipeline.track import runs

log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Calibrate on ``val``, score ``val`` and ``test``, record."""
    with runs.stage_run("evaluate", config) as record:
        device.prepare(config.run)
        canvas_shape = (config.preprocess.height_px, config.preprocess.width_px)
        index = shards.read_index(config.paths.shards, canvas_shape)
        held_out = index[index["split"].isin(["val", "test"])].reset_index(drop=True)
        model = classifier.load(config.paths.classifier, canvas_shape)
        plain = portable.predictor(model, config.paths.classifier)
        predict = tta.with_tta(plain, config.predict.tta_views)
        output = inference.predict_all(
            predict, shards.dataset(config.paths.shards, held_out, interface.BATCH)
        )
        is_val = (held_out["split"] == "val").to_numpy()
        calibration, points = choose(held_out, output.logits, config)
        y_score = calibration.probability(output.logits)
        decision = operating_points.decide(y_score, points)
        predictions = held_out.assign(y_score=y_score.round(6), decision=decision)
        predictions[findings.PREDICTED_PART] = body_part.named(output.parts, part_names(model))
        learnt = learn(config, index, plain, held_out, output.features)
        distance = learnt.score(output.features)
        predictions[evaluation.SCOPE_SCORE] = distance.round(6)
        predictions[evaluation.IN_SCOPE] = distance <= learnt.threshold

        def probability(canvases: NDArray[np.uint8]) -> NDArray[np.float64]:
            return calibration.probability(predict(canvases).logits)

        test = predictions[predictions["split"] == "test"]
        table = perturbed.score_perturbed(
            probability,
            test,
            config.data.root,
            points,
            config.preprocess,
            config.evaluate,
            config.run,
            max_pixels=config.validation.max_pixels,
        )
        resamples = {
            "n_samples": config.evaluate.bootstrap_samples,
            "n_bins": config.evaluate.ece_bins,
            "seed": config.run.seed,
        }
        scored = findings.find(
            predictions,
            labels.user_columns(predictions),
            table,
            points,
            {"method": config.evaluate.calibration, **vars(calibration)},
            telling_apart.figures(predictions, learnt, phantom_features(config, plain)),
            tables.figures(config.paths.report("validate") / names.METRICS),
            _shortcut_scores(config),
            sensitivity=config.evaluate.high_sensitivity,
            specificity=config.evaluate.high_specificity,
            **resamples,
        )
        targets = Targets(config.evaluate.high_sensitivity, config.evaluate.high_specificity)
        of_studies = studies.fit(predictions[is_val], calibration.log_odds(output.logits[is_val]), targets)
        by_study = studies.score(test.assign(y_score=y_score[~is_val]), of_studies, **resamples)
        figures = {**scored.figures, **by_study}
        bundle_files.write_operating_points(
            config.paths.models / names.OPERATING_POINTS,
            points,
            calibration,
            targets,
            val_scores.describe(output.logits[is_val], *_labels(held_out[is_val])),
            of_studies,
        )
        scope.write(config.paths.models / names.SCOPE, learnt)
        report = config.paths.report("evaluate")
        for name, text in scored.texts().items():
            outputs.write_text(report / name, text)
        outputs.write_json(report / names.METRICS, figures)
        record.metrics(figures)
        log.info("evaluate: test AUROC %.3f", figures["test"]["auroc"])


def choose(
    held_out: pd.DataFrame, logits: NDArray[np.float32], config: Config
) -> tuple[Calibration, OperatingPoints]:
    """Choose calibration and thresholds on ``val``, each group weighing as one."""
    val = (held_out["split"] == "val").to_numpy()
    return evaluation.choose(
        logits[val],
        *_labels(held_out[val]),
        method=config.evaluate.calibration,
        sensitivity=config.evaluate.high_sensitivity,
        specificity=config.evaluate.high_specificity,
    )


def learn(
    config: Config,
    index: pd.DataFrame,
    predict: interface.Predict,
    held_out: pd.DataFrame,
    features: NDArray[np.float32],
) -> Scope:
    """Gather the features of ``train``, and choose the threshold of the scope on those of ``val``."""
    train = scope.chosen(index[index["split"] == "train"], config.run.seed)
    seen = inference.predict_all(predict, shards.dataset(config.paths.shards, train, interface.BATCH))
    parts = train[body_part.COLUMN].fillna("") if body_part.COLUMN in train else pd.Series("", train.index)
    val = (held_out["split"] == "val").to_numpy()
    return scope.fit(
        seen.features,
        parts.to_numpy(str),
        features[val],
        held_out.loc[val, "sampling_weight"].to_numpy(float),
        phantoms_only=_is_phantoms(config),
    )


def phantom_features(config: Config, predict: interface.Predict) -> NDArray[np.float32] | None:
    """Let a model of radiographs look at phantoms; None for one that learnt from them."""
    if _is_phantoms(config):
        return None
    drawn = telling_apart.phantoms(config.preprocess, config.run.seed)
    batches = (drawn[start : start + interface.BATCH] for start in range(0, len(drawn), interface.BATCH))
    return interface.concatenate([predict(batch) for batch in batches]).features


def _is_phantoms(config: Config) -> bool:
    return config.data.root == config.paths.phantoms


def _labels(rows: pd.DataFrame) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return ``fractured`` and weight: each group counts as one."""
    return rows["fractured"].to_numpy(bool), rows["sampling_weight"].to_numpy(float)


def _shortcut_scores(config: Config) -> pd.DataFrame:
    """Read how the shortcut baselines score the radiographs of test."""
    path = config.paths.report("validate") / names.SHORTCUT_SCORES
    return tables.measured(path, dtype={"path": "str"})
