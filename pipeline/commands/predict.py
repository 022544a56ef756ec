"""Examine radiographs with a model: probability, decision, and where to look.

Every file is decoded strictly. One that is faulty is reported with its reason, and the others still
get their result; the exit code is then 1. What is odd about a file that is used stands in its ``notes``,
as does what the model warns of with every answer. Each answer names the model and what it learnt from.
With ``--out``, writes an overlay of each radiograph under ``overlays/``, ``predictions.csv`` and
``predictions.json``, which says where each overlay lies.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.commands import destination, overlay_files, terminal
from pipeline.config import Config
from pipeline.dataset import names
from pipeline.examine import examination, picture, record
from pipeline.files import cells, outputs
from pipeline.files.faults import ImageFault, severity
from pipeline.predict import operating_points, origin
from pipeline.predict.bundle import Bundle
from pipeline.registry import loading
from pipeline.validate import intake

log = logging.getLogger(__name__)

_OUTPUTS = ("overlays", names.PREDICTIONS, "predictions.json")
_HEAD = ("Radiograph", "Decision", "Probability", "Body part", "Regions", "Strongest region", "Notes")
_COLUMNS = (
    "path", "probability", "decision", "body_part", "regions", "reason", "detail", "notes", "overlay",
    "scope", "region_stands_out", "model",
)  # fmt: skip


def run(
    config: Config, paths: Sequence[Path], out: Path | None, *, as_json: bool, model: str | None = None
) -> int:
    """Examine files and folders, write the results, and return the exit code.

    Parameters
    ----------
    model
        Which one answers; see `model_choice.opened`.

    Raises
    ------
    ValueError
        The paths name no file, ``out`` holds something else, or there is no sound bundle.
    """
    found = intake.listing(paths)
    if not found.files and not found.refused:
        raise ValueError(
            f"predict needs radiographs. Received: {', '.join(map(str, paths))}, without a file."
        )
    folder = None if out is None else destination.check(out, _OUTPUTS, [*found.files, *paths])
    loaded, told = loading.load(config, model)
    log.info("predict: the model is %s", origin.title(told))
    with nullcontext() if folder is None else outputs.staged(folder) as private:
        results = list(records(config, loaded, found, told, private))
        if private is not None:
            _write(private, results)
    if as_json:
        sys.stdout.write(json.dumps(results, indent=1) + "\n")
    else:
        codes = {note.code for note in loaded.notes}
        terminal.show(_HEAD, (_row(result, codes) for result in results))
        for note in loaded.notes:
            log.warning("predict: %s: %s", note.code, note.detail)
    if found.passed_over:
        log.info("passed over: %s", found.passed_over)
    refused = sum("error" in result for result in results)
    log.info("predict: %d examined, %d refused", len(results) - refused, refused)
    return 1 if refused else 0


def records(
    config: Config,
    loaded: Bundle,
    found: intake.Listing,
    told: Mapping[str, str],
    folder: Path | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the record of each file, and write its overlay where a folder is wanted.

    Parameters
    ----------
    found
        The files; see `intake.listing`.
    told
        The model's name, as `loading.load` returns it.
    """
    for path, result in examination.examine(loaded, found.files, config):
        if isinstance(result, ImageFault):
            yield record.refuse(path, result)
            continue
        answer = record.describe(path, *result, loaded) | {"model": told}
        if folder is not None:
            drawn = picture.draw(path, *result, loaded, config.region_maps.colormap, origin.title(told))
            overlay = overlay_files.write(folder / "overlays", path, found.shared, drawn)
            answer["overlay"] = overlay and f"overlays/{overlay}"
        yield answer
    yield from (record.refuse(Path(issue.path), issue) for issue in found.refused)


def _write(folder: Path, results: Sequence[Mapping[str, Any]]) -> None:
    (folder / "overlays").mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(map(_cells, results), columns=list(_COLUMNS))
    table.to_csv(folder / names.PREDICTIONS, index=False, lineterminator="\n")
    text = json.dumps(results, indent=1) + "\n"
    (folder / "predictions.json").write_text(text, encoding="utf-8")


def _cells(result: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the table, which people open in spreadsheets; programs read the JSON beside it."""
    error = result.get("error", {"reason": None, "detail": ""})
    listed = {key: json.dumps(result.get(key, [])) for key in ("regions", "notes")}
    listed |= {key: json.dumps(result.get(key)) for key in ("scope", "model")}
    texts = {"path": cells.path(result["path"]), "detail": cells.text(error["detail"]) or None}
    return {**result, **listed, **texts, "reason": error["reason"]}


def _row(result: Mapping[str, Any], of_model: Set[str]) -> tuple[str, ...]:
    """One readable line of a file; notes of the model are told once for all, and named here."""
    if "error" in result:
        error = result["error"]
        return result["path"], intake.REFUSED, "", "", "", f"{error['reason']}: {error['detail']}", ""
    regions = result["regions"]
    where = result["scope"]["reason"] if result["scope"] else ""
    if result["region_stands_out"] is False:
        where = operating_points.NO_REGION
    if regions:
        left, top, width, height = regions[0]["bbox"]
        where = f"{regions[0]['score']:.2f} at row {top}, column {left}, {height} x {width} px"
        where += f": {regions[0]['position']['words']}"
    part = result["body_part"] or "not known"
    probability = f"{result['probability']:.3f}"
    notes = "; ".join(_note(note, of_model) for note in result["notes"])
    return result["path"], result["decision"], probability, part, str(len(regions)), where, notes


def _note(note: Mapping[str, str], of_model: Set[str]) -> str:
    """Tell what of a file needs a look with its detail, and all else by its code alone."""
    code = note["code"]
    return code if code in of_model or severity(code) == "note" else f"{code}: {note['detail']}"
