"""Score a model on another folder of radiographs: external validation.

The folder holds ``fractured/`` and ``not fractured/``, at its top or in ``train/``, ``val/`` and
``test/``; all of it is scored. Files are checked as ``validate`` checks them: faults are listed and
left out, byte copies count once, copies form groups. Calibration, thresholds and map threshold come
with the bundle; nothing is chosen here. What lies too far from the training radiographs is ``out of scope``:
figures over the others stand beside those over all.

Writes ``metrics.json``, where each figure has the key that it has in the metrics of ``evaluate`` and
``region_maps``, ``predictions.csv``, ``issues.csv``, ``annotations.coco.json`` (what was sound of the
annotations, with the image ids of the next), ``regions.coco.json``, ``subgroups.csv``, ``methods.csv``,
``radiographs.csv`` and ``marks.csv`` of the maps, ``plots/`` (the curves), ``overlays/``, ``report.html`` and
``source.json``, which tells apart the reports of folders of one name.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.commands import destination, terminal
from pipeline.config import Config, Preprocess
from pipeline.dataset import annotations as reference
from pipeline.dataset import issues, labels, manifest, names
from pipeline.evaluate import curves, evaluation, recalibration
from pipeline.files import engine, images, outputs
from pipeline.files.faults import ImageFault, Issue
from pipeline.network import classifier, device, inference, tta
from pipeline.predict import bundle, maps, operating_points, origin
from pipeline.predict.bundle import Bundle
from pipeline.predict.recalibration import Targets
from pipeline.preprocess import polarity, preparation
from pipeline.preprocess.canvas import Placement
from pipeline.region_maps import assessment, gallery
from pipeline.region_maps.assessment import Assessment
from pipeline.registry import model_choice
from pipeline.report import evaluation as report_pages
from pipeline.report import pages
from pipeline.validate import external, intake
from pipeline.validate import told as tell

log = logging.getLogger(__name__)

ANNOTATIONS = "annotations.coco.json"
SOURCE = "source.json"  # of which folder a report is
_OUTPUTS = (
    ANNOTATIONS, names.ISSUES, *names.MAP_ROWS, "methods.csv", names.METRICS, names.OVERLAYS, "plots",
    names.PREDICTIONS, "regions.coco.json", "report.html", SOURCE, "subgroups.csv",
)  # fmt: skip


def run(
    config: Config,
    folder: Path,
    annotations: Path | None,
    out: Path | None,
    *,
    as_json: bool,
    model: str | None = None,
) -> None:
    """Assess a model on a folder and write the report.

    Parameters
    ----------
    model
        Which one; see `model_choice.opened`.

    Raises
    ------
    ValueError
        A class is missing, ``out`` holds something else, or there is no sound bundle.
    """
    root = folder.resolve()
    target = destination.check(
        out or report_folder(config, root), _OUTPUTS, [root], newer=[SOURCE, *names.MAP_ROWS]
    )
    with model_choice.opened(config, model) as answering:
        log.info("assess: the model is %s", origin.title(told := answering.record()))
        _assess(config.with_models(answering.folder), root, annotations, target, told, as_json=as_json)


def _assess(
    config: Config,
    root: Path,
    annotations: Path | None,
    target: Path,
    told: Mapping[str, str],
    *,
    as_json: bool,
) -> None:
    """Assess the bundle in ``paths.models``."""
    device.prepare(config.run)
    loaded = bundle.load(config.paths.models)
    checked = external.check(config, root, annotations)
    model = classifier.load(config.paths.classifier)  # the bundle keeps no more than its compiled function
    predict = tta.with_tta(inference.predictor(model), loaded.tta_views)
    with tempfile.TemporaryDirectory() as kept:
        map_set, lost = predict_folder(config, loaded, predict, checked, Path(kept))
        figures = _report(
            config, loaded, model, predict, _without(checked, lost), map_set, target, Path(kept), told
        )
    _show(target, figures, as_json=as_json)
    tell.tell_refused([*checked.issues, *lost], str(target / names.ISSUES))


def _report(
    config: Config,
    loaded: Bundle,
    model: keras.Model,
    predict: inference.Predict,
    checked: external.Folder,
    map_set: maps.MapSet,
    target: Path,
    kept: Path,
    told: Mapping[str, str],
) -> dict[str, Any]:
    """Score what was predicted, and write the report; of the folder only overlays are read again."""
    predictions = map_set.rows.assign(y_score=map_set.rows["y_score"].round(6))

    def canvases(paths: Iterable[str]) -> Iterator[NDArray[np.uint8]]:
        return (images.read(_kept(kept, path)).pixels for path in paths)

    figures = {
        "bundle": bundle.check(config.paths.models),
        "model": told,
        "notes": intake.notes((), loaded.notes),
        **{status: int((checked.files["status"] == status).sum()) for status in manifest.STATUSES},
        "files": len(checked.files),
        "seen_before": sum(issue.issue == "seen_before" for issue in checked.issues),
        "calibration": vars(loaded.calibration),
        "test": evaluate(config, loaded, predictions),
        **in_scope(config, loaded, predictions),
        "thresholds_hold": thresholds_hold(config, loaded, predictions),
    }
    with outputs.staged(target) as report:
        report.mkdir()
        reference.write(checked.annotations, report / ANNOTATIONS)
        mapped = assessment.assess(
            model,
            predict,
            map_set,
            checked.annotations,
            canvases,
            labels.user_columns(checked.kept),
            loaded.region_settings,
            config.region_maps,
            annotations_file=report / ANNOTATIONS,
            n_samples=config.evaluate.bootstrap_samples,
            seed=config.run.seed,
        )
        figures |= mapped.figures
        _write(report, config, loaded, checked, map_set, predictions, mapped, figures)
    return figures


def report_folder(config: Config, root: Path) -> Path:
    """Name the report after the folder; another folder of that name keeps its own."""
    first = config.paths.report("assess") / root.name
    if not (first.is_dir() and any(first.iterdir())):
        return first
    named = (
        first.with_name(f"{root.name}-{number}") if number > 1 else first for number in itertools.count(1)
    )
    target = next(path for path in named if not path.exists() or source(path) == digest(root))
    if target != first:
        log.info("%s holds the report of another folder: this one goes into %s", first, target)
    return target


def source(report: Path) -> str:
    """Read of which folder a report is; empty for one that does not say."""
    try:
        return str(json.loads((report / SOURCE).read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def digest(root: Path) -> str:
    """Hash a folder's path: whoever gets the report need not know where it lay."""
    return hashlib.sha256(os.fsencode(root)).hexdigest()


def predict_folder(
    config: Config, loaded: Bundle, predict: inference.Predict, checked: external.Folder, kept: Path
) -> tuple[maps.MapSet, list[Issue]]:
    """Predict and map every kept radiograph, a batch at a time; tell those that are gone since the check.

    Their canvases are kept in a folder: what is read once cannot be gone later.
    """
    rows, settings, lost = checked.kept, loaded.preprocess, list[Issue]()
    placed = place(config, settings, checked, lost, kept)
    network_outputs: list[inference.NetworkOutput] = []
    placements: list[Placement] = []
    while batch := list(islice(placed, inference.BATCH)):
        canvases, places = zip(*batch, strict=True)
        network_outputs.append(predict(np.stack(canvases)))
        placements += places
    rows = rows[~rows["path"].isin([issue.path for issue in lost])].reset_index(drop=True)
    if rows.empty:
        raise ValueError(f"{checked.root} must stay as it is meanwhile. Received: {lost[0].detail}.")
    output = inference.concatenate(network_outputs)
    found = maps.from_output(
        rows,
        output,
        placements,
        canvas_shape=(settings.height_px, settings.width_px),
        points=loaded.points,
        calibration=loaded.calibration,
        map_calibration=loaded.map_calibration,
    )
    return replace(found, rows=_judged(found.rows, loaded, output.features)), lost


def _judged(rows: pd.DataFrame, loaded: Bundle, features: NDArray[np.float32]) -> pd.DataFrame:
    """Say which radiographs are out of scope, in place of a decision."""
    if loaded.scope is None:
        raise ValueError(f"assess needs a bundle with {names.SCOPE}. Received: one without. Run `dvc repro`.")
    score = loaded.scope.score(features)
    in_scope = score <= loaded.scope.threshold
    decision = rows["decision"].where(in_scope, operating_points.OUT_OF_SCOPE)
    own = {evaluation.SCOPE_SCORE: score.round(6), evaluation.IN_SCOPE: in_scope}
    return rows.assign(decision=decision, **own)


def _without(checked: external.Folder, lost: list[Issue]) -> external.Folder:
    """Count radiographs that cannot be read any more among the files left out."""
    reasons = {issue.path: issue.issue for issue in lost}
    gone = checked.files["path"].isin([*reasons])
    files = checked.files.copy()
    files.loc[gone, "status"] = manifest.QUARANTINED
    files.loc[gone, "reason"] = files.loc[gone, "path"].map(reasons)
    drawn = {path: regions for path, regions in checked.annotations.regions.items() if path not in reasons}
    sizes = {path: size for path, size in checked.annotations.sizes.items() if path not in reasons}
    sound = reference.Annotations(drawn, sizes)
    return checked._replace(files=files, annotations=sound, issues=[*checked.issues, *lost])


def place(
    config: Config,
    settings: Preprocess,
    checked: external.Folder,
    lost: list[Issue],
    kept: Path | None = None,
) -> Iterator[tuple[NDArray[np.uint8], Placement]]:
    """Yield each radiograph on the canvas, as ``preprocess`` would put it there.

    What cannot be read any more is added to ``lost`` and left out. Canvases are kept in a folder, if wanted.
    """
    most, rows = config.validation.max_pixels, checked.kept[["path", "sha256"]].to_dict("records")
    jobs = [preparation.Job(checked.root, row, (), settings, most) for row in rows]
    records = engine.process(preparation.attempt, jobs, workers=config.run.workers, label="assess")
    for path, record in zip(checked.kept["path"], records, strict=True):
        if isinstance(record, ImageFault):
            detail = str(record).replace(f"{checked.root}{os.sep}", "")
            lost.append(Issue.of(path, record.reason, detail))
            continue
        if kept is not None:
            _kept(kept, path).write_bytes(record.encoded)
        yield images.decode(record.encoded, "canvas.png").pixels, record.placement


def _kept(folder: Path, path: str) -> Path:
    """Name the canvas of a radiograph in the folder where canvases are kept."""
    return folder / f"{hashlib.sha256(path.encode()).hexdigest()}.png"


def evaluate(config: Config, loaded: Bundle, predictions: pd.DataFrame) -> dict[str, Any]:
    """Score the probabilities as written, as the stage ``evaluate`` does."""
    return evaluation.evaluate(
        *evaluation.columns(predictions),
        loaded.points,
        n_samples=config.evaluate.bootstrap_samples,
        n_bins=config.evaluate.ece_bins,
        seed=config.run.seed,
        sensitivity=config.evaluate.high_sensitivity,
        specificity=config.evaluate.high_specificity,
    )


def in_scope(config: Config, loaded: Bundle, predictions: pd.DataFrame) -> dict[str, Any]:
    """Give the share out of scope, and the figures over the others where both classes are left."""
    inside = predictions[predictions[evaluation.IN_SCOPE]]
    share = float(1 - predictions[evaluation.IN_SCOPE].mean())
    figures: dict[str, Any] = {"scope": {"out_of_scope": share, "radiographs_in_scope": len(inside)}}
    if inside["fractured"].nunique() == 2:
        figures["test_in_scope"] = evaluate(config, loaded, inside)
    return figures


def thresholds_hold(config: Config, loaded: Bundle, predictions: pd.DataFrame) -> bool:
    """Whether both points guarantee here what was asked of them, less 0.05."""
    y_true, y_score, group = evaluation.columns(predictions)
    scored = recalibration.held_against(y_score, loaded.points)
    asked = Targets(config.evaluate.high_sensitivity, config.evaluate.high_specificity)
    targets = loaded.targets or asked
    return recalibration.holds(recalibration.promises(y_true, group, scored, targets), targets)


def _write(
    report: Path,
    config: Config,
    loaded: Bundle,
    checked: external.Folder,
    map_set: maps.MapSet,
    predictions: pd.DataFrame,
    mapped: Assessment,
    figures: dict[str, Any],
) -> None:
    """Write the tables, the pictures and the page."""
    negatives = polarity.issues(
        map_set.rows["path"], [placement.inverted for placement in map_set.placements]
    )
    issues.write([*checked.issues, *negatives], report / names.ISSUES)
    predictions.to_csv(report / names.PREDICTIONS, index=False, lineterminator="\n")
    drawn = curves.tabulate(
        *evaluation.columns(predictions),
        loaded.points,
        n_bins=config.evaluate.ece_bins,
        n_samples=config.evaluate.bootstrap_samples,
        seed=config.run.seed,
    )
    plotted = {f"plots/{name}.csv": curves.csv(table) for name, table in drawn.items()}
    for name, text in (plotted | mapped.texts()).items():
        outputs.write_text(report / name, text)
    settings, limits = loaded.region_settings, config.region_maps
    gallery.draw(
        report / names.OVERLAYS,
        checked.root,
        map_set,
        checked.annotations,
        settings,
        limits,
        max_pixels=config.validation.max_pixels,
    )
    outputs.write_json(report / SOURCE, {"folder": checked.root.name, "sha256": digest(checked.root)})
    outputs.write_json(report / names.METRICS, figures)
    outputs.write_text(report / "report.html", report_pages.assessment(report, checked.root.name))


def _show(target: Path, figures: dict[str, Any], *, as_json: bool) -> None:
    """Print the metrics as written, or the few that are read first."""
    if as_json:
        sys.stdout.write((target / names.METRICS).read_text(encoding="utf-8"))
        return
    scores = figures["test"]
    shown = ("auroc", "group_auroc", "average_precision", "brier_score", "ece", "accuracy", "loss")
    headline = [(name, scores) for name in shown]
    headline += [("pointing_game", figures)] if "pointing_game" in figures else []
    rows = [
        (name, pages.interval(values[name], values[f"{name}_low"], values[f"{name}_high"], 3))
        for name, values in headline
    ]
    rows.insert(6, ("majority_accuracy", pages.decimals(scores["majority_accuracy"])))
    for name in ("sensitivity", "specificity"):
        promised = scores[f"high_{name}"][f"guaranteed_{name}"]
        rows.append((f"guaranteed_{name}", pages.decimals(promised)))
    rows.append(("out_of_scope", f"{figures['scope']['out_of_scope']:.1%}"))
    rows.append(("thresholds_hold", "yes" if figures["thresholds_hold"] else "not shown"))
    rows += [(note["code"], note["detail"]) for note in figures["notes"]]
    rows.append(("report", str(target / "report.html")))
    terminal.show(("Figure", "Value (95 % interval)"), rows)
    log.info("assess: %d radiographs scored, %d files left out", figures["kept"], figures["quarantined"])
