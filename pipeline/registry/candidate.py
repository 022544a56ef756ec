"""The candidate in the working folder, and the champion's scores of the same radiographs."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Config
from pipeline.dataset import manifest, names, tables
from pipeline.files import remote
from pipeline.network import weights
from pipeline.predict import operating_points, sealing, site
from pipeline.registry import versions
from pipeline.registry.evidence import Candidate, Champion
from pipeline.registry.ledger import Model
from pipeline.registry.site_record import SiteRecord
from pipeline.registry.succession import Succession
from pipeline.track import repository

log = logging.getLogger(__name__)


def identify(config: Config, line: Succession, version: str | None) -> Model:
    """Return the model whose record the working folder holds.

    Raises
    ------
    ValueError
        It is not registered, or not the requested version.
    """
    sha256, sealed = sealing.compared(config.paths.models)
    registered = line.version_of(Model(sha256, ""))
    if registered is None:
        of_site = f" --bundle {config.paths.models}" if names.SITE in sealed else ""
        raise ValueError(
            f"a candidate must be registered. Received: {config.paths.models}, with bundle {sha256[:12]}, "
            f"which is no version yet. Run `fracture register{of_site}`."
        )
    if version not in (None, registered):
        raise ValueError(
            f"--version must be that of the working folder, whose data and reports the gate reads. Received: "
            f"{version}, while {config.paths.models} holds version {registered}. "
            f"Check out the commit of version {version} (its run names it) and `dvc checkout`."
        )
    return Model(sha256, registered)


def tested(config: Config, files: pd.DataFrame) -> pd.DataFrame:
    """Return the candidate's predictions of the test radiographs, with their labels.

    Parameters
    ----------
    files
        The manifest.

    Returns
    -------
    DataFrame
        ``path``, ``group``, ``fractured`` (bool), ``y_score``, ``decision``.
    """
    path = config.paths.report("evaluate") / names.PREDICTIONS
    rows = tables.measured(path, dtype={"path": "str", "group": "str"})
    rows = rows.loc[rows["split"] == "test", ["path", "group", "fractured", "y_score", "decision"]]
    return rows.merge(files[["path"]], on="path", validate="one_to_one")


def describe(
    config: Config, files: pd.DataFrame, rows: pd.DataFrame, version: str, withdrawn: str
) -> Candidate:
    """Gather the gate's evidence on the candidate.

    Parameters
    ----------
    files, rows
        The manifest, and the predictions from :func:`tested`.
    version, withdrawn
        See :class:`pipeline.registry.evidence.Candidate`.

    Raises
    ------
    ValueError
        The bundle in ``paths.models`` was fitted to another place than its reports are of.
    """
    if (fitted := site.read(config.paths.models)) is not None:
        raise ValueError(
            f"{config.paths.models} must hold the bundle that its reports are of. Received: one that was "
            f"fitted to {fitted['site']}. Run `dvc checkout`, and name the fitted one with --bundle."
        )
    evaluated = _report(config, "evaluate")
    scores = evaluated["test"]
    models = config.paths.models
    networks = [models / name for name in sealing.compared(models)[1] if name.endswith(".keras")]
    return Candidate(
        version=version,
        y_true=rows["fractured"].to_numpy(bool),
        y_score=rows["y_score"].to_numpy(float),
        called=(rows["decision"] != operating_points.NO_FINDING).to_numpy(bool),
        threshold=scores["high_sensitivity"]["threshold"],
        group=rows["group"].to_numpy(str),
        subgroups=_subgroups(files, rows, config.promote.subgroups),
        auroc=_number(scores["auroc"]),
        ece=_number(scores["ece"]),
        best_null=evaluated["best_null"]["name"],
        null_gap_low=_number(scores.get("null_gap_auroc_low")),
        pointing_game=_report(config, "region_maps").get("pointing_game"),
        stale=stale(config),
        crossing=_crossing(files),
        non_finite=[name for path in networks for name in weights.non_finite(path)],
        withdrawn=withdrawn,
    )


def describe_site(
    config: Config, fitted: SiteRecord, files: pd.DataFrame, version: str, withdrawn: str
) -> Candidate:
    """Gather the evidence on a bundle that was fitted to a place.

    Its calibration and thresholds are judged by the place's cross-fitted scores. Its network, that of the
    bundle in ``paths.models``, is judged by that one's figures on ``test``: beside the shortcuts', of its
    maps, and of subgroups, which are not known of the place. No radiograph of the place may be one that the
    network learnt from.

    Raises
    ------
    ValueError
        It was fitted without labels.
    """
    if fitted.record["fitted_by"] != site.LABELS:
        raise ValueError(
            f"a candidate must be judged by labels. Received: {fitted.record['site']}, an estimate without. "
            "Run `fracture recalibrate` with labelled exams."
        )
    base = describe(config, files, tested(config, files), version, withdrawn)
    rows, figures = fitted.rows, fitted.record
    learnt = manifest.rows(files, ("train", "val"))["sha256"]
    return replace(
        base,
        y_true=rows["fractured"].to_numpy(bool),
        y_score=rows["y_score"].to_numpy(float),
        called=(rows["decision"] != operating_points.NO_FINDING).to_numpy(bool),
        group=rows["group"].to_numpy(str),
        subgroups={},
        place=figures["site"],
        base=base,
        auroc=_number(figures["auroc"]),
        ece=_number(figures["after"]["ece"]),
        guaranteed=_number(figures["after"]["high_sensitivity"]["guaranteed_sensitivity"]),
        crossing=base.crossing + rows.loc[rows["sha256"].isin(learnt), "group"].nunique(),
    )


def stale(config: Config) -> list[str]:
    """Name the stages whose results are not those that ``dvc.lock`` records for the folder as it is."""
    pipeline = repository.read()
    current = {stage.name: stage for stage in pipeline.current()}
    paths = config.paths
    folders = {"validate": [paths.manifest], "evaluate": [], "region_maps": [paths.models]}

    def holds(name: str) -> bool:
        return name in current and repository.outputs_hold(current[name], paths.report(name), *folders[name])

    return [name for name in folders if name in pipeline.stages and not holds(name)]


def champion(root: Path, line: Succession, last: Model, files: pd.DataFrame, rows: pd.DataFrame) -> Champion:
    """Let the champion, with its own code and preprocessing, examine the candidate's test radiographs.

    Parameters
    ----------
    root
        Folder that holds the radiographs.
    files, rows
        ``sha256`` and ``group`` of all that may have been learnt from; ``path`` and ``group`` of those
        tested.
    """
    version = str(line.version_of(last))
    log.info("promote: version %s, the champion, examines %d radiographs", version, len(rows))
    paths = [str((root / path).absolute()) for path in rows["path"]]
    remote.prefetch(map(Path, paths))  # that code may know of no address
    with TemporaryDirectory() as folder:
        model = versions.fetch(line.store, line.name, version, Path(folder) / "model")
        y_score = versions.score(model, paths, Path(folder)).round(6)  # as predictions.csv is
        learnt = versions.learnt(model)
    if learnt is None:
        return Champion(version, y_score, None)
    groups = files.loc[files["sha256"].isin(learnt), "group"]
    return Champion(version, y_score, rows["group"].isin(groups).to_numpy(bool))


def _report(config: Config, stage: str) -> Mapping[str, Any]:
    path = config.paths.report(stage) / names.METRICS
    return tables.figures(path) if path.exists() else {}


def _subgroups(files: pd.DataFrame, rows: pd.DataFrame, names: Sequence[str]) -> dict[str, NDArray[np.str_]]:
    """Return columns of ``data.labels`` in the rows' order; one may bear the name of a prediction."""
    labels = files.set_index("path").loc[rows["path"]]
    user = [name for name in names if name in labels and name not in (*manifest.COLUMNS, manifest.FOLD)]
    return {name: labels[name].to_numpy(str) for name in user}


def _crossing(files: pd.DataFrame) -> int:
    """Count the groups that are tested on and learnt from."""
    learnt = set(manifest.rows(files, ("train", "val"))["group"])
    return len(learnt & set(manifest.rows(files, "test")["group"]))


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
