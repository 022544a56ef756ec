"""Test every group once, by the network of the fold that did not learn from it, and pool the answers.

Runs the pipeline once a fold (`validate.split: kfold`), then writes ``reports/folds/``: ``predictions.csv``,
``metrics.json``, where each figure has the key that it has in the metrics of ``evaluate`` and
``region_maps``, ``report.html``, and ``fold-0`` and so on: what the figures were pooled from. MLflow gets one
run.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from pipeline.commands import fold_runs, terminal
from pipeline.commands.fold_runs import Copy
from pipeline.config import Config, ConfigError
from pipeline.dataset import annotations as reference
from pipeline.dataset import layout, manifest, names, released, tables
from pipeline.evaluate import folds as pooled
from pipeline.evaluate import shortcut_gap
from pipeline.files import outputs
from pipeline.region_maps import folds as pooled_maps
from pipeline.report import folds as page
from pipeline.report import pages
from pipeline.statistics import metrics
from pipeline.track import folds as record
from pipeline.track import repository

log = logging.getLogger(__name__)

FOLDS = range(3, 21)  # as validate.folds
_FOLD = "fold.json"  # of which state a fold's results are, and how long it took; beside these
_MANIFEST, _ANNOTATIONS = "manifest.csv", "annotations.coco.json"


class Pooled(NamedTuple):
    """What all folds say together."""

    predictions: pd.DataFrame
    figures: dict[str, Any]
    curves: dict[str, pd.DataFrame]


def run(config: Config, n_folds: int | None, *, as_json: bool) -> None:
    """Run the folds that are not done, pool all, and record.

    Raises
    ------
    ValueError
        A fold failed, another call runs, or the folds do not test every group once.
    """
    number = config.validation.folds if n_folds is None else n_folds
    if number not in FOLDS:
        raise ConfigError(f"--folds must lie in {FOLDS.start}..{FOLDS.stop - 1}. Received: {number}.")
    pipeline = repository.read()
    release = released.started_from(config.paths.models, config.train.weights)
    key = pipeline.folds_key(number, release.sha256 if release else "")
    report = config.paths.report("folds")
    parts = [report / f"fold-{fold}" for fold in range(number)]
    with fold_runs.copied(config, pipeline.root, number, key) as copy:
        run_all(config, copy, parts)
        found = pool(config, parts)
        for other in {*report.glob("fold-*")} - {*parts}:  # of a call with more folds
            shutil.rmtree(other)
        _write(report, found)
    ids = record.record(config, key, report, found.figures, [copy.name(fold) for fold in range(number)])
    if ids:
        log.info("folds: MLflow's run %s", ids)
    _show(report, found.figures, as_json=as_json)


def run_all(config: Config, copy: Copy, parts: Sequence[Path]) -> None:
    """Run each fold that is not done, and keep its results beside the others."""
    for fold, part in enumerate(parts):
        if seconds_of(part, copy.key) is not None:
            log.info("folds: fold %d of 0..%d is done", fold, len(parts) - 1)
            continue
        log.info("folds: fold %d of 0..%d runs%s", fold, len(parts) - 1, _left(copy.key, parts))
        seconds = copy.run(fold)
        _keep(config, copy, part, seconds)


def seconds_of(part: Path, key: str) -> float | None:
    """Return how long a fold took whose results of this state are there; else None."""
    try:
        told = json.loads((part / _FOLD).read_text(encoding="utf-8"))
        return float(told["seconds"]) if told["key"] == key else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def pool(config: Config, parts: Sequence[Path]) -> Pooled:
    """Pool the results of all folds.

    Raises
    ------
    ValueError
        They do not test every group once.
    """
    repeat = {"n_samples": config.evaluate.bootstrap_samples, "seed": config.run.seed}
    kept = _dealt(manifest.rows(manifest.read(parts[0] / _MANIFEST), layout.SPLITS))
    rows = pooled.join([_tested(part) for part in parts], kept)
    n_bins = config.evaluate.ece_bins
    figures: dict[str, Any] = {"test": pooled.pool(rows, n_bins=n_bins, **repeat)}
    figures |= _beside_shortcuts(figures["test"], rows, parts)
    located, froc = _maps(parts, **repeat)
    figures |= located | {"by_fold": {str(fold): _own(part) for fold, part in enumerate(parts)}}
    return Pooled(rows, figures, pooled.curves(rows, n_bins=n_bins, **repeat) | {"froc": froc})


def _dealt(kept: pd.DataFrame) -> pd.DataFrame:
    """Leave out what lies in no fold, since the release learnt from it that each fold starts from."""
    if manifest.FOLD not in kept or (dealt := kept[kept[manifest.FOLD] != ""]).shape == kept.shape:
        return kept
    log.warning(
        "folds: %d radiographs are tested in no fold: the release learnt from them", len(kept) - len(dealt)
    )
    return dealt


def _tested(part: Path) -> pd.DataFrame:
    rows = tables.measured(part / names.PREDICTIONS, dtype={"path": "str", "group": "str"})
    return rows[rows["split"] == "test"]


def _beside_shortcuts(test: Mapping[str, Any], rows: pd.DataFrame, parts: Sequence[Path]) -> dict[str, Any]:
    """Put the best shortcut baseline beside, pooled from the same folds."""
    own = [tables.measured(part / names.SHORTCUT_SCORES, dtype={"path": "str"}) for part in parts]
    scores = pd.concat(own, ignore_index=True).set_index("path").loc[rows["path"]]
    y_true = rows["fractured"].to_numpy(bool)
    aurocs = {name: metrics.auroc(y_true, scores[name].to_numpy(float)) for name in scores}
    return shortcut_gap.beside(test, aurocs, rows, scores.reset_index())


def _maps(parts: Sequence[Path], *, n_samples: int, seed: int) -> tuple[dict[str, Any], pd.DataFrame]:
    radiographs, marks = ([_table(part / name) for part in parts] for name in names.MAP_ROWS)
    results = [result for part in parts for result in json.loads((part / names.REGIONS).read_bytes())]
    drawn = parts[0] / _ANNOTATIONS
    repeat = {"n_samples": n_samples, "seed": seed}
    return pooled_maps.pool(
        radiographs, marks, results, reference.read(drawn), reference.load_coco(drawn), **repeat
    )


def _table(path: Path) -> pd.DataFrame:
    """Read a table of maps; an empty figure is NaN, and a name never a number."""
    return tables.measured(path, dtype={"path": "str", "group": "str"}, na_values=[""])


def _own(part: Path) -> dict[str, Any]:
    """Take a fold's own figures: of its classifier on its test groups, and of its maps."""
    evaluated, mapped = (tables.figures(part / f"{stage}.json") for stage in ("evaluate", "region_maps"))
    return {**evaluated["test"], **mapped}


def _keep(config: Config, copy: Copy, part: Path, seconds: float) -> None:
    """Copy from a finished fold what the pooled figures are made of; whole, or not at all."""
    paths = config.paths
    sources = {
        names.PREDICTIONS: paths.report("evaluate") / names.PREDICTIONS,
        names.SHORTCUT_SCORES: paths.report("validate") / names.SHORTCUT_SCORES,
        names.REGIONS: paths.report("region_maps") / names.REGIONS,
        **{name: paths.report("region_maps") / name for name in names.MAP_ROWS},
        **{f"{stage}.json": paths.report(stage) / names.METRICS for stage in ("evaluate", "region_maps")},
        _MANIFEST: paths.manifest,
        _ANNOTATIONS: paths.annotations,
    }
    with outputs.staged(part) as folder:
        folder.mkdir()
        for name, source in sources.items():
            (folder / name).write_bytes((copy.folder / source).read_bytes())
        told = {"key": copy.key, "seconds": round(seconds)}
        (folder / _FOLD).write_text(json.dumps(told) + "\n", encoding="utf-8")


def _left(key: str, parts: Sequence[Path]) -> str:
    """Say how many folds are left, this one too, and how long they take: as long as the slowest so far."""
    known = [seconds for part in parts if (seconds := seconds_of(part, key)) is not None]
    left = len(parts) - len(known)
    return f"; {left} left" + (f", about {left * max(known) / 60:.0f} minutes" if known else "")


def _write(report: Path, found: Pooled) -> None:
    text = found.predictions.to_csv(index=False, lineterminator="\n")
    outputs.write_text(report / names.PREDICTIONS, text)
    outputs.write_json(report / names.METRICS, found.figures)
    outputs.write_text(report / "report.html", page.document(report, found.curves))


def _show(report: Path, figures: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the metrics as written, or the few that are read first."""
    if as_json:
        sys.stdout.write((report / names.METRICS).read_text(encoding="utf-8"))
        return
    test = figures["test"]
    wanted = [
        (name, test) for name in ("auroc", "fold_mean_auroc", "average_precision", "brier_score", "ece")
    ]
    wanted += [(name, figures) for name in ("pointing_game", "coco_ap_50") if name in figures]
    rows = [(name, pages.with_interval(values, name)) for name, values in wanted]
    terminal.show(("Figure", "Value (95 % interval)"), [*rows, ("report", str(report / "report.html"))])
