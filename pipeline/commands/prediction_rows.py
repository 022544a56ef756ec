"""The answers of `predict` as rows: for the terminal, and for the table that people open."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from typing import Any

from pipeline.files import cells
from pipeline.files.faults import severity
from pipeline.predict import operating_points
from pipeline.validate import intake

HEAD = ("Radiograph", "Decision", "Probability", "Body part", "Regions", "Strongest region", "Notes")
STUDY_HEAD = ("Study", "Decision", "Probability", "Views", "Deciding view", "Strongest region", "Notes")


def of_table(result: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the table, which people open in spreadsheets; programs read the JSON beside it."""
    error = result.get("error", {"reason": None, "detail": ""})
    listed = {key: json.dumps(result.get(key, [])) for key in ("regions", "notes")}
    listed |= {key: json.dumps(result.get(key)) for key in ("scope", "model")}
    texts = {"path": cells.path(result["path"]), "detail": cells.text(error["detail"]) or None}
    return {**result, **listed, **texts, "reason": error["reason"]}


def of_file(result: Mapping[str, Any], of_model: Set[str]) -> tuple[str, ...]:
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


def of_study(study: Mapping[str, Any], of_model: Set[str]) -> tuple[str, ...]:
    """One readable line of a study: its answer, how many of its views have one, and where to look."""
    views = {view["path"]: view for view in study["views"]}
    seen = [view["path"] for view in study["views"] if _is_answered(view)]
    count = f"{len(seen)} of {len(study['views'])} answered"
    if study["view"] is None:
        first = of_file(study["views"][0], of_model)
        return str(study["study"]), intake.REFUSED, "", count, first[0], first[5], ""
    decides = of_file(views[study["view"]], of_model)
    probability = f"{study['probability']:.3f} ({study['calibrated_on']})"
    return str(study["study"]), study["decision"], probability, count, decides[0], *decides[5:]


def _is_answered(view: Mapping[str, Any]) -> bool:
    return "error" not in view and view["decision"] != operating_points.OUT_OF_SCOPE


def _note(note: Mapping[str, str], of_model: Set[str]) -> str:
    """Tell what of a file needs a look with its detail, and all else by its code alone."""
    code = note["code"]
    return code if code in of_model or severity(code) == "note" else f"{code}: {note['detail']}"
