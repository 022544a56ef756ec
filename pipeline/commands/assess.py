"""Score the current bundle on another folder of radiographs: external validation.

The folder holds ``fractured/`` and ``not fractured/``, at its top or in ``train/``, ``val/`` and
``test/``; all of it is scored. Files are checked as ``validate`` checks them: faults are listed and
left out, byte copies count once, copies form groups. Calibration, thresholds and map threshold come
with the bundle; nothing is chosen here.

Writes ``metrics.json``, where each figure has the key that it has in the metrics of ``evaluate`` and
``region_maps``, ``predictions.csv``, ``issues.csv``, ``annotations.coco.json`` (what was sound of the
annotations, with the image ids of the next), ``regions.coco.json``, ``overlays/`` and ``report.html``.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.assess import evaluation, net_benefit
from pipeline.commands import destination, terminal
from pipeline.config import Config, Preprocess
from pipeline.data import annotations as reference
from pipeline.data import engine, external, images, manifest, outputs, preprocessing
from pipeline.data.canvas import Placement
from pipeline.data.faults import Issue
from pipeline.model import bundle, classifier, device, map_scoring, maps
from pipeline.model.bundle import Bundle
from pipeline.show import charts, gallery, pages

log = logging.getLogger(__name__)

_BATCH = 16
_MADE = (
    "annotations.coco.json", "issues.csv", "metrics.json", "overlays", "predictions.csv", "regions.coco.json",
    "report.html",
)  # fmt: skip
_NO_BASELINE = {"name": None, "auroc": None}


def run(config: Config, folder: Path, annotations: Path | None, out: Path | None, *, as_json: bool) -> None:
    """Assess the bundle on a folder and write the report.

    Raises
    ------
    ValueError
        A class is missing, ``out`` holds something else, or there is no sound bundle.
    """
    root = folder.resolve()
    target = destination.check(out or config.paths.report("assess") / root.name, _MADE, [root])
    device.prepare(config.run)
    loaded = bundle.load(config.paths.models)
    checked = external.check(config, root, annotations)
    model = classifier.load(config.paths.classifier)  # the bundle keeps no more than its compiled function
    found = survey(config, loaded, classifier.predictor(model), checked)
    predictions = found.rows.assign(y_score=found.rows["y_score"].round(6))

    def saw(paths: Iterable[str]) -> Iterator[NDArray[np.uint8]]:
        return (pixels for pixels, _ in place(config, loaded.preprocess, root, list(paths)))

    threshold = loaded.region_settings.map_threshold
    located = map_scoring.score(
        model,
        found,
        checked.known,
        saw,
        config.region_maps,
        threshold=threshold,
        n_samples=config.evaluate.bootstrap_samples,
        seed=config.run.seed,
    )
    figures = {
        "bundle": bundle.check(config.paths.models),
        **{status: int((checked.files["status"] == status).sum()) for status in manifest.STATUSES},
        "files": len(checked.files),
        "seen_before": sum(issue.issue == "seen_before" for issue in checked.issues),
        "calibration": vars(loaded.calibration),
        "test": evaluate(config, loaded, predictions),
        "map_threshold": threshold,
        **located,
    }
    with outputs.staged(target) as report:
        report.mkdir()
        _write(report, config, loaded, checked, found, predictions, figures)
    _show(target, figures, as_json=as_json)


def survey(
    config: Config, loaded: Bundle, predict: classifier.Predict, checked: external.Folder
) -> maps.MapSet:
    """Predict and map every kept radiograph, a batch at a time."""
    rows, settings = checked.kept, loaded.preprocess
    placed = place(config, settings, checked.root, list(rows["path"]))
    answers: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    placements: list[Placement] = []
    while batch := list(islice(placed, _BATCH)):
        canvases, places = zip(*batch, strict=True)
        answers.append(predict(np.stack(canvases)))
        placements += places
    logits, evidence = (np.concatenate(part) for part in zip(*answers, strict=True))
    return map_scoring.survey(
        rows,
        (logits, evidence),
        placements,
        canvas_shape=(settings.height_px, settings.width_px),
        points=loaded.points,
        calibration=loaded.calibration,
    )


def place(
    config: Config, settings: Preprocess, root: Path, paths: list[str]
) -> Iterator[tuple[NDArray[np.uint8], Placement]]:
    """Yield each radiograph on the canvas, as ``preprocess`` would put it there."""
    jobs = [preprocessing.Job(root, {"path": path}, (), settings) for path in paths]
    for record in engine.process(preprocessing.prepare, jobs, workers=config.run.workers, label="assess"):
        yield images.decode(record.encoded, "canvas.png").pixels, record.placement


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
    found: maps.MapSet,
    predictions: pd.DataFrame,
    figures: dict[str, Any],
) -> None:
    """Write the tables, the pictures and the page."""
    settings, known = config.region_maps, checked.known
    issues = pd.DataFrame(sorted(set(checked.issues)), columns=list(Issue._fields))
    issues.to_csv(report / "issues.csv", index=False, lineterminator="\n")
    predictions.to_csv(report / "predictions.csv", index=False, lineterminator="\n")
    reference.write(known, report / "annotations.coco.json")
    cut = [bundle.cut_regions(region_map, loaded.region_settings) for region_map in found]
    outputs.write_text(report / "regions.coco.json", map_scoring.coco_results(found, cut, known))
    cases = gallery.cases(found.rows, map_scoring.on_target(found, known))
    draw = gallery.painter(
        checked.root, found, cut, known, threshold=figures["map_threshold"], colormap=settings.colormap
    )
    pictures = gallery.write(report / "overlays", gallery.choose(cases, settings.gallery), draw)
    scored, limits = evaluation.columns(predictions), config.evaluate
    curve = net_benefit.decision_curve(*scored, n_samples=limits.bootstrap_samples, seed=config.run.seed)
    drawn = charts.classifier_charts(*scored[:2], figures["test"], curve, limits.ece_bins)
    context = {
        "name": checked.root.name,
        "scores": figures["test"],
        "null": _NO_BASELINE,
        "charts": drawn | {"localization": charts.localization_chart(figures)},
        "maps": figures,
        "pictures": pictures,
    }
    outputs.write_text(report / "report.html", pages.render("assess.html", context))
    outputs.write_json(report / "metrics.json", figures)


def _show(target: Path, figures: dict[str, Any], *, as_json: bool) -> None:
    """Print the metrics as written, or the few that are read first."""
    if as_json:
        sys.stdout.write((target / "metrics.json").read_text(encoding="utf-8"))
        return
    scores = figures["test"]
    shown = [(name, scores) for name in ("auroc", "group_auroc", "average_precision", "brier_score", "ece")]
    shown += [("pointing_game", figures)] if "pointing_game" in figures else []
    rows = [
        (name, pages.interval(found[name], found[f"{name}_low"], found[f"{name}_high"], 3))
        for name, found in shown
    ]
    rows.append(("report", str(target / "report.html")))
    terminal.show(("Figure", "Value (95 % interval)"), rows)
    log.info("assess: %d radiographs scored, %d files left out", figures["kept"], figures["quarantined"])
