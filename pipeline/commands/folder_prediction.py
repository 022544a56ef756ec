"""The network run over a checked folder of radiographs; what is gone since the check is told, not fatal."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import Config, Preprocess
from pipeline.dataset import annotations as reference
from pipeline.dataset import manifest, names
from pipeline.evaluate import evaluation
from pipeline.files import engine, images
from pipeline.files.faults import ImageFault, Issue
from pipeline.network import interface
from pipeline.predict import maps, operating_points
from pipeline.predict.bundle import Bundle
from pipeline.predict.scope import Scope
from pipeline.preprocess import preparation
from pipeline.preprocess.canvas import Placement
from pipeline.types import BoolArray, Float32Array, Float64Array
from pipeline.validate import external


def predict_folder(
    config: Config, loaded: Bundle, predict: interface.Predict, checked: external.Folder, kept: Path
) -> tuple[maps.MapSet, list[Issue]]:
    """Predict and map every kept radiograph, a batch at a time; tell those that are gone since the check.

    Their canvases are kept in a folder: what is read once cannot be gone later.
    """
    settings, lost = loaded.preprocess, list[Issue]()
    placed = place(config, settings, checked, lost, kept)
    network_outputs: list[interface.NetworkOutput] = []
    placements: list[Placement] = []
    for batch in interface.in_batches(placed):
        canvases, places = zip(*batch, strict=True)
        network_outputs.append(predict(np.stack(canvases)))
        placements += places
    rows = _left(checked, lost)
    output = interface.concatenate(network_outputs)
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


def logits(
    config: Config, loaded: Bundle, checked: external.Folder
) -> tuple[pd.DataFrame, Float64Array, list[Issue]]:
    """Let the network score every kept radiograph: the rows, their logits, and what is gone meanwhile.

    The rows say which are ``in_scope``: all, where the bundle is too old to tell.
    """
    lost, found, is_known = list[Issue](), list[Float64Array](), list[BoolArray]()
    placed = place(config, loaded.preprocess, checked, lost)
    canvases = (np.stack([pixels for pixels, _ in batch]) for batch in interface.in_batches(placed))
    for output in interface.each(loaded.network, canvases):
        found.append(np.asarray(output.logits, np.float64))
        is_known.append(_in_scope(loaded.scope, output.features))
    rows = _left(checked, lost)
    return rows.assign(**{evaluation.IN_SCOPE: np.concatenate(is_known)}), np.concatenate(found), lost


def _in_scope(scope: Scope | None, features: Float32Array) -> BoolArray:
    if scope is None:
        return np.ones(len(features), np.bool_)
    return scope.holds(scope.score(features))


def _left(checked: external.Folder, lost: list[Issue]) -> pd.DataFrame:
    """Rows of the radiographs that could be read again.

    Raises
    ------
    ValueError
        None could.
    """
    rows = checked.kept
    rows = rows[~rows["path"].isin([issue.path for issue in lost])].reset_index(drop=True)
    if rows.empty:
        raise ValueError(f"{checked.root} must stay as it is meanwhile. Received: {lost[0].detail}.")
    return rows


def _judged(rows: pd.DataFrame, loaded: Bundle, features: NDArray[np.float32]) -> pd.DataFrame:
    """Say which radiographs are out of scope, in place of a decision."""
    if loaded.scope is None:
        raise ValueError(f"assess needs a bundle with {names.SCOPE}. Received: one without. Run `dvc repro`.")
    score = loaded.scope.score(features)
    in_scope = loaded.scope.holds(score)
    decision = rows["decision"].where(in_scope, operating_points.OUT_OF_SCOPE)
    own = {evaluation.SCOPE_SCORE: score.round(6), evaluation.IN_SCOPE: in_scope}
    return rows.assign(decision=decision, **own)


def without(checked: external.Folder, lost: list[Issue]) -> external.Folder:
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
            kept_canvas(kept, path).write_bytes(record.encoded)
        yield images.decode(record.encoded, "canvas.png").pixels, record.placement


def kept_canvas(folder: Path, path: str) -> Path:
    """Name the canvas of a radiograph in the folder where canvases are kept."""
    return folder / f"{hashlib.sha256(path.encode()).hexdigest()}.png"
