"""Fit calibration and operating points to a place: from labelled exams, or from scores alone.

The model's network stays. Labelled radiographs are checked as for `assess`; the new settings are scored by
cross-fitting, beside the old ones on the same radiographs. Without labels, a stated share of
fractured ones moves the thresholds as far as the scores moved: an estimate.

Writes a sealed bundle, ``sites/SITE/``, and ``reports/recalibrate/SITE/``: ``metrics.json``,
``predictions.csv``, ``issues.csv``, ``plots/``, ``report.html`` and ``source.json``.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import addresses
from pipeline.commands import (
    assess_figures,
    destination,
    folder_prediction,
    report_folder,
    site_fit,
    terminal,
)
from pipeline.commands.site_fit import Found
from pipeline.config import Config
from pipeline.dataset import issues, names
from pipeline.evaluate import curves
from pipeline.files import outputs
from pipeline.files.faults import Issue
from pipeline.predict import bundle, bundle_files, origin, sealing, site
from pipeline.predict.bundle import Bundle
from pipeline.predict.recalibration import Fit, Targets
from pipeline.predict.val_scores import ValScores
from pipeline.registry import model_choice
from pipeline.report import recalibration as report_pages
from pipeline.validate import external
from pipeline.validate import told as tell

log = logging.getLogger(__name__)

_OUTPUTS = (names.ISSUES, names.METRICS, "plots", names.PREDICTIONS, "report.html", report_folder.SOURCE)
_BUNDLE = (*sealing.FILES, names.GRAPH, names.ORIGIN, names.SITE, names.BUNDLE)
_HEAD = ("Figure", "Before", "After")


def run(
    config: Config,
    folder: Path,
    labels: Path | None,
    prevalence: float | None,
    name: str | None,
    out: Path | None,
    *,
    as_json: bool,
    model: str | None = None,
) -> None:
    """Fit, score, and write the new bundle and its report.

    Parameters
    ----------
    labels
        A CSV keyed by path whose ``patient_id`` and ``study_id`` join groups.
    prevalence
        Share of fractured ones in a folder without labels; None where the folders are labels.
    name
        Of the place; the folder's by default.
    out
        Folder of the new bundle; ``sites/NAME`` by default.
    model
        Whose network it is; see `model_choice.opened`.

    Raises
    ------
    ValueError
        There are too few radiographs, a folder holds something else, or there is no sound bundle.
    """
    root = folder.resolve()
    place = _named(name or addresses.name(root))
    report, target = _destinations(config, root, place, name, out)
    with model_choice.opened(config, model) as answering:
        log.info("recalibrate: the model is %s", origin.title(told := answering.record()))
        chosen = config.with_models(answering.folder)
        figures = _fit(chosen, root, labels, prevalence, place, (report, target), told)
    _show(report, target, figures, as_json=as_json)


def _fit(
    config: Config,
    root: Path,
    labels: Path | None,
    prevalence: float | None,
    place: str,
    places: tuple[Path, Path],
    told: Mapping[str, str],
) -> dict[str, Any]:
    """Fit the bundle in ``paths.models``, and write what comes of it."""
    report, target = places
    base = sealing.check(config.paths.models)
    targets, val = basis(config, without_labels=prevalence is not None)
    if prevalence is None:
        checked = external.check(config, root, None, labels)
    else:
        checked = external.check_unlabelled(config, root, labels)
    n_files, checked = len(checked.files), _unseen(checked)
    site_fit.require(root, checked.kept, targets, prevalence)
    loaded = bundle.load(config.paths.models, config.run)
    rows, logits, lost = folder_prediction.logits(config, loaded, checked)
    old = Fit(loaded.calibration, loaded.points)
    if prevalence is None:
        found = site_fit.from_labels(config, rows, logits, old, val, targets)
    else:
        found = site_fit.from_scores(rows, logits, old, val, prevalence, targets)
    fitted_by = site.LABELS if prevalence is None else site.ESTIMATE
    record: dict[str, Any] = {
        "site": place,
        "base": base,
        "fitted_by": fitted_by,
        "targets": targets._asdict(),
    }
    record |= {"prevalence": prevalence} if prevalence is not None else {}
    figures = record | found.figures | _settings(old, found.fit) | {"predictions": _digest(found)}
    with outputs.staged(target) as private:
        kept = figures | {site.FITTED_ON: _fitted_on(config, found)}
        sealed = write_bundle(config.paths.models, private, loaded, found, targets, kept)
        figures |= {"bundle": sealed, "model": dict(told), "left_out": n_files - len(rows)}
        with outputs.staged(report) as written:
            _write(written, root, found, figures, [*checked.issues, *lost])
    tell.tell_refused(checked.issues, str(report / names.ISSUES))
    return figures


def basis(config: Config, *, without_labels: bool) -> tuple[Targets, ValScores | None]:
    """Read from the bundle what its points are to reach, and how val scored.

    Raises
    ------
    BundleError
        It does not remember how val scored, and nothing else is at hand.
    """
    path = config.paths.models / names.OPERATING_POINTS
    targets, val = bundle_files.read_basis(path)
    if without_labels and val is None:
        raise sealing.BundleError(
            f"{path} must hold the scores of val for thresholds to be moved without labels. Received: a "
            "bundle from before they were kept. Run `dvc repro`, or give labelled radiographs."
        )
    return assess_figures.targets(config, targets), val


def write_bundle(
    models: Path, target: Path, loaded: Bundle, found: Found, targets: Targets, record: dict[str, Any]
) -> str:
    """Write the bundle of a place: all of the old one but what decides. Return its sha256."""
    target.mkdir()
    same = {*sealing.FILES, names.GRAPH, names.ORIGIN} - site.FITTED
    for name in (name for name in same if (models / name).is_file()):
        shutil.copyfile(models / name, target / name)
    points, calibration = found.fit.points, found.fit.calibration
    bundle_files.write_operating_points(
        target / names.OPERATING_POINTS, points, calibration, targets, found.val, found.studies
    )
    bundle_files.keep_map_calibration(
        models / names.REGION_MAPS, target / names.REGION_MAPS, loaded.calibration
    )
    outputs.write_json(target / names.SITE, record)
    return str(sealing.seal(target)["sha256"])


def _unseen(checked: external.Folder) -> external.Folder:
    """Leave out the groups of radiographs that the network learnt from: there its scores are memory."""
    files = checked.files[~checked.in_groups_with("seen_before")]
    if dropped := len(checked.files) - len(files):
        log.warning("recalibrate: %d files are left out: the model was made from their groups", dropped)
    return checked._replace(files=files)


def _named(name: str) -> str:
    if not re.fullmatch(r"\w[\w .-]*", name):
        raise ValueError(f"--name must be letters, digits, '.', '-' and '_'. Received: {name!r}.")
    return name


def _destinations(
    config: Config, root: Path, place: str, name: str | None, out: Path | None
) -> tuple[Path, Path]:
    """Check that report and bundle go into folders that are new or earlier results of this place."""
    report = destination.check(config.paths.report("recalibrate") / place, _OUTPUTS, [root])
    inputs = [root, config.paths.models]
    target = destination.check(out or config.paths.sites / place, _BUNDLE, inputs, newer=[names.ORIGIN])
    if name is None and report_folder.is_of_another(report, root):
        raise ValueError(f"{report} holds the report of another folder. Name this place with --name.")
    return report, target


def _settings(old: Fit, new: Fit) -> dict[str, Any]:
    both = {"before": old, "after": new}
    return {
        "calibration": {side: vars(fit.calibration) for side, fit in both.items()},
        "points": {side: vars(fit.points) for side, fit in both.items()},
    }


def _predictions(found: Found) -> str:
    return str(found.rows.to_csv(index=False, lineterminator="\n"))


def _fitted_on(config: Config, found: Found) -> list[str]:
    """List whose scores decide: the radiographs here, and of a bundle of another place those of that, too."""
    before = site.fitted_on(config.paths.models, config.paths.report("recalibrate")) or ()
    return site.digits([*before, *found.rows["sha256"]])


def _digest(found: Found) -> str:
    """Hash the table that the bundle is judged by: under the seal, so that it cannot be changed later."""
    return hashlib.sha256(_predictions(found).encode()).hexdigest()


def _write(report: Path, root: Path, found: Found, figures: dict[str, Any], problems: list[Issue]) -> None:
    report.mkdir()
    issues.write(problems, report / names.ISSUES)
    outputs.write_text(report / names.PREDICTIONS, _predictions(found))
    (report / "plots").mkdir()
    for name, table in found.plots.items():
        outputs.write_text(report / f"plots/{name}.csv", curves.csv(table))
    report_folder.write_source(report, root)
    outputs.write_json(report / names.METRICS, figures)
    outputs.write_text(report / "report.html", report_pages.page(report))


def _show(report: Path, target: Path, figures: dict[str, Any], *, as_json: bool) -> None:
    """Print the metrics as written, or the few that are read first."""
    if as_json:
        sys.stdout.write((report / names.METRICS).read_text(encoding="utf-8"))
        return
    rows = [
        *report_pages.rows(figures),
        ("bundle", "", str(target)),
        ("report", "", str(report / "report.html")),
    ]
    terminal.show(_HEAD, rows)
    if figures["fitted_by"] == site.ESTIMATE:
        log.warning("recalibrate: an estimate until labels confirm it: run it again without --prevalence")
    log.info("recalibrate: %d radiographs, %d files left out", figures["radiographs"], figures["left_out"])
