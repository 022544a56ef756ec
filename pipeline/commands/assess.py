"""Score the current bundle on another folder of radiographs: external validation.

The folder holds ``fractured/`` and ``not fractured/``, at its top or in ``train/``, ``val/`` and
``test/``; all of it is scored. Files are checked as ``validate`` checks them: faults are listed and
left out, byte copies count once, copies form groups. Calibration, thresholds and map threshold come
with the bundle; nothing is chosen here.

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
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.commands import destination, terminal
from pipeline.config import Config, Preprocess
from pipeline.dataset import annotations as reference
from pipeline.dataset import issues, labels, manifest, names
from pipeline.evaluate import curves, evaluation
from pipeline.files import engine, images, outputs
from pipeline.files.faults import ImageFault, Issue
from pipeline.network import classifier, device, inference, tta
from pipeline.predict import bundle, maps
from pipeline.predict.bundle import Bundle
from pipeline.preprocess import polarity, preparation
from pipeline.preprocess.canvas import Placement
from pipeline.region_maps import assessment, gallery
from pipeline.region_maps.assessment import Assessment
from pipeline.report import evaluation as report_pages
from pipeline.report import pages
from pipeline.validate import external, told

log = logging.getLogger(__name__)

ANNOTATIONS = "annotations.coco.json"
SOURCE = "source.json"  # of which folder a report is
_OUTPUTS = (
    ANNOTATIONS, names.ISSUES, *names.MAP_ROWS, "methods.csv", names.METRICS, names.OVERLAYS, "plots",
    names.PREDICTIONS, "regions.coco.json", "report.html", SOURCE, "subgroups.csv",
)  # fmt: skip


def run(config: Config, folder: Path, annotations: Path | None, out: Path | None, *, as_json: bool) -> None:
    """Assess the bundle on a folder and write the report.

    Raises
    ------
    ValueError
        A class is missing, ``out`` holds something else, or there is no sound bundle.
    """
    root = folder.resolve()
    target = destination.check(
        out or report_folder(config, root), _OUTPUTS, [root], newer=[SOURCE, *names.MAP_ROWS]
    )
    device.prepare(config.run)
    loaded = bundle.load(config.paths.models)
    checked = external.check(config, root, annotations)
    model = classifier.load(config.paths.classifier)  # the bundle keeps no more than its compiled function
    predict = tta.with_tta(inference.predictor(model), loaded.tta_views)
    map_set, lost = predict_folder(config, loaded, predict, checked)
    checked = _without(checked, lost)
    predictions = map_set.rows.assign(y_score=map_set.rows["y_score"].round(6))

    def canvases(paths: Iterable[str]) -> Iterator[NDArray[np.uint8]]:
        return (pixels for pixels, _ in place(config, loaded.preprocess, root, list(paths)))

    figures = {
        "bundle": bundle.check(config.paths.models),
        **{status: int((checked.files["status"] == status).sum()) for status in manifest.STATUSES},
        "files": len(checked.files),
        "seen_before": sum(issue.issue == "seen_before" for issue in checked.issues),
        "calibration": vars(loaded.calibration),
        "test": evaluate(config, loaded, predictions),
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
    _show(target, figures, as_json=as_json)
    told.tell_refused(checked.issues, str(target / names.ISSUES))


def report_folder(config: Config, root: Path) -> Path:
    """Name the report after the folder; another folder of that name keeps its own."""
    first = config.paths.report("assess") / root.name
    if not (first.is_dir() and any(first.iterdir())):
        return first
    named = (
        first.with_name(f"{root.name}-{number}") if number > 1 else first for number in itertools.count(1)
    )
    target = next(path for path in named if not path.exists() or _source(path) == digest(root))
    if target != first:
        log.info("%s holds the report of another folder: this one goes into %s", first, target)
    return target


def _source(report: Path) -> str:
    """Read of which folder a report is; empty for one that does not say."""
    try:
        return str(json.loads((report / SOURCE).read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def digest(root: Path) -> str:
    """Hash a folder's path: whoever gets the report need not know where it lay."""
    return hashlib.sha256(os.fsencode(root)).hexdigest()


def predict_folder(
    config: Config, loaded: Bundle, predict: inference.Predict, checked: external.Folder
) -> tuple[maps.MapSet, list[Issue]]:
    """Predict and map every kept radiograph, a batch at a time; tell those that are gone since the check."""
    rows, settings, lost = checked.kept, loaded.preprocess, list[Issue]()
    placed = place(config, settings, checked.root, list(rows["path"]), lost)
    network_outputs: list[inference.NetworkOutput] = []
    placements: list[Placement] = []
    while batch := list(islice(placed, inference.BATCH)):
        canvases, places = zip(*batch, strict=True)
        network_outputs.append(predict(np.stack(canvases)))
        placements += places
    rows = rows[~rows["path"].isin([issue.path for issue in lost])].reset_index(drop=True)
    if rows.empty:
        raise ValueError(f"{checked.root} must stay as it is meanwhile. Received: {lost[0].detail}.")
    found = maps.from_output(
        rows,
        inference.concatenate(network_outputs),
        placements,
        canvas_shape=(settings.height_px, settings.width_px),
        points=loaded.points,
        calibration=loaded.calibration,
    )
    return found, lost


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
    config: Config, settings: Preprocess, root: Path, paths: list[str], lost: list[Issue] | None = None
) -> Iterator[tuple[NDArray[np.uint8], Placement]]:
    """Yield each radiograph on the canvas, as ``preprocess`` would put it there.

    What cannot be read any more is added to ``lost`` and left out; without that list it is an error.
    """
    most = config.validation.max_pixels
    jobs = [preparation.Job(root, {"path": path}, (), settings, most) for path in paths]
    for record in engine.process(_prepared, jobs, workers=config.run.workers, label="assess"):
        if isinstance(record, Issue):
            if lost is None:
                raise ValueError(f"{root} must stay as it is meanwhile. Received: {record.detail}.")
            lost.append(record)
            continue
        yield images.decode(record.encoded, "canvas.png").pixels, record.placement


def _prepared(job: preparation.Job) -> preparation.Record | Issue:
    """Prepare a radiograph; say why it cannot be read any more."""
    name = job.row["path"]
    try:
        return preparation.prepare(job)
    except ImageFault as fault:
        return Issue.of(name, fault.reason, str(fault).replace(f"{job.root}{os.sep}", ""))


def evaluate(config: Config, loaded: Bundle, predictions: pd.DataFrame) -> dict[str, Any]:
    """Score the probabilities as written, as the stage ``evaluate`` does."""
    return evaluation.evaluate(
        *evaluation.columns(predictions),
        loaded.points,
        n_samples=config.evaluate.bootstrap_samples,
        n_bins=config.evaluate.ece_bins,
        seed=config.run.seed,
    )


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
    headline = [
        (name, scores) for name in ("auroc", "group_auroc", "average_precision", "brier_score", "ece")
    ]
    headline += [("pointing_game", figures)] if "pointing_game" in figures else []
    rows = [
        (name, pages.interval(values[name], values[f"{name}_low"], values[f"{name}_high"], 3))
        for name, values in headline
    ]
    rows.append(("report", str(target / "report.html")))
    terminal.show(("Figure", "Value (95 % interval)"), rows)
    log.info("assess: %d radiographs scored, %d files left out", figures["kept"], figures["quarantined"])
