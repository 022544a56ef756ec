"""Score a model on another folder of radiographs: external validation.

The folder holds ``fractured/`` and ``not fractured/``, at its top or in ``train/``, ``val/`` and
``test/``; all of it is scored. Files are checked as ``validate`` checks them: faults are listed and
left out, byte copies count once, copies form groups. Calibration, thresholds and map threshold come
with the bundle; nothing is chosen here. A table of labels says which radiographs are of one patient or
exam: they form groups, too; without it each counts as a patient of its own. What the model learnt from or
was fitted to is counted, and what lies too far from the training radiographs is ``out of scope``: figures
over the others stand beside those over all.

Writes ``metrics.json``, where each figure has the key that it has in the metrics of ``evaluate`` and
``region_maps``, ``predictions.csv``, ``issues.csv``, ``annotations.coco.json`` (what was sound of the
annotations, with the image ids of the next), ``regions.coco.json``, ``subgroups.csv``, ``methods.csv``,
``radiographs.csv`` and ``marks.csv`` of the maps, ``plots/`` (the curves), ``overlays/``, ``report.html`` and
``source.json``, which tells apart the reports of folders of one name.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline import addresses
from pipeline.commands import assess_figures, destination, folder_prediction, report_folder, terminal
from pipeline.config import Config
from pipeline.dataset import annotations as reference
from pipeline.dataset import issues, labels, manifest, names
from pipeline.evaluate import curves, evaluation
from pipeline.files import images, outputs
from pipeline.network import classifier, device, inference, interface, tta
from pipeline.predict import bundle, maps, origin, sealing
from pipeline.predict.bundle import Bundle
from pipeline.preprocess import polarity
from pipeline.region_maps import assessment, gallery
from pipeline.region_maps.assessment import Assessment
from pipeline.registry import model_choice
from pipeline.report import evaluation as report_pages
from pipeline.report import pages
from pipeline.validate import external, intake
from pipeline.validate import told as tell

log = logging.getLogger(__name__)

ANNOTATIONS = "annotations.coco.json"
_OUTPUTS = (
    ANNOTATIONS, names.ISSUES, *names.MAP_ROWS, "methods.csv", names.METRICS, names.OVERLAYS, "plots",
    names.PREDICTIONS, "regions.coco.json", "report.html", report_folder.SOURCE, "subgroups.csv",
)  # fmt: skip


def run(
    config: Config,
    folder: Path,
    annotations: Path | None,
    out: Path | None,
    *,
    as_json: bool,
    model: str | None = None,
    table: Path | None = None,
) -> None:
    """Assess a model on a folder and write the report.

    Parameters
    ----------
    table
        A CSV of labels, keyed by path, whose ``patient_id`` and ``study_id`` join groups.
    model
        Which one; see `model_choice.opened`.

    Raises
    ------
    ValueError
        A class is missing, ``out`` holds something else, or there is no sound bundle.
    """
    root = folder.resolve()
    target = destination.check(
        out or report_folder.of_assessment(config, root),
        _OUTPUTS,
        [root],
        newer=[report_folder.SOURCE, *names.MAP_ROWS],
    )
    with model_choice.opened(config, model) as answering:
        log.info("assess: the model is %s", origin.title(told := answering.record()))
        chosen = config.with_models(answering.folder)
        _assess(chosen, root, (annotations, table), target, told, as_json=as_json)


def _assess(
    config: Config,
    root: Path,
    beside: tuple[Path | None, Path | None],
    target: Path,
    told: Mapping[str, str],
    *,
    as_json: bool,
) -> None:
    """Assess the bundle in ``paths.models``; beside the folder lie annotations and labels."""
    device.prepare(config.run)
    loaded = bundle.load(config.paths.models, config.run)
    checked = external.check(config, root, *beside)
    checked = checked._replace(issues=[*checked.issues, *assess_figures.fitted(config, checked)])
    model = classifier.load(config.paths.classifier)  # the bundle keeps no more than its compiled function
    predict = tta.with_tta(inference.predictor(model), loaded.tta_views)
    with tempfile.TemporaryDirectory() as kept:
        map_set, lost = folder_prediction.predict_folder(config, loaded, predict, checked, Path(kept))
        figures = _report(
            config,
            loaded,
            model,
            predict,
            folder_prediction.without(checked, lost),
            map_set,
            target,
            Path(kept),
            told,
        )
    _show(target, figures, as_json=as_json)
    tell.tell_refused([*checked.issues, *lost], str(target / names.ISSUES))


def _report(
    config: Config,
    loaded: Bundle,
    model: keras.Model,
    predict: interface.Predict,
    checked: external.Folder,
    map_set: maps.MapSet,
    target: Path,
    kept: Path,
    told: Mapping[str, str],
) -> dict[str, Any]:
    """Score what was predicted, and write the report; of the folder only overlays are read again."""
    predictions = map_set.rows.assign(y_score=map_set.rows["y_score"].round(6))

    def canvases(paths: Iterable[str]) -> Iterator[NDArray[np.uint8]]:
        return (images.read(folder_prediction.kept_canvas(kept, path)).pixels for path in paths)

    figures = {
        "bundle": sealing.check(config.paths.models),
        "model": told,
        "notes": intake.notes((), loaded.notes),
        **{status: int((checked.files["status"] == status).sum()) for status in manifest.STATUSES},
        "files": len(checked.files),
        "without_patient": checked.without_patient,
        "calibration": vars(loaded.calibration),
        "test": assess_figures.evaluate(config, loaded, predictions),
        **assess_figures.in_scope(config, loaded, predictions),
        **assess_figures.unseen(config, loaded, predictions, checked),
    }
    log.info("assess: all are answered; now the maps are tried, which takes minutes, however few there are")
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
    report_folder.write_source(report, checked.root)
    outputs.write_json(report / names.METRICS, figures)
    outputs.write_text(report / "report.html", report_pages.assessment(report, addresses.name(checked.root)))


def _show(target: Path, figures: dict[str, Any], *, as_json: bool) -> None:
    """Print the metrics as written, or the few that are read first."""
    if as_json:
        sys.stdout.write((target / names.METRICS).read_text(encoding="utf-8"))
        return
    scores = figures["test"]
    shown = ("auroc", "group_auroc", "average_precision", "brier_score", "ece", "accuracy", "loss")
    headline = [(name, scores) for name in shown]
    headline += [("pointing_game", figures)] if "pointing_game" in figures else []
    rows = [(name, pages.with_interval(values, name)) for name, values in headline]
    rows.insert(6, ("majority_accuracy", pages.decimals(scores["majority_accuracy"])))
    promising = figures.get("test_unseen", scores)
    for name in ("sensitivity", "specificity"):
        promised = promising[f"high_{name}"][f"guaranteed_{name}"]
        rows.append((f"guaranteed_{name}", pages.promised(promised)))
    rows.append(("out_of_scope", f"{figures['scope']['out_of_scope']:.1%}"))
    rows.append(("thresholds_hold", "yes" if figures["thresholds_hold"] else "not shown"))
    rows += assess_figures.told_of_known(figures)
    if unknown := figures["without_patient"]:
        said = f"{unknown} of {scores['radiographs']}: each counts as a patient of its own"
        rows.append(("without_patient", said))
    rows += [(note["code"], note["detail"]) for note in figures["notes"]]
    rows.append(("report", str(target / "report.html")))
    terminal.show(("Figure", "Value (95 % interval)"), rows)
    log.info("assess: %d radiographs scored, %d files left out", figures["kept"], figures["quarantined"])
