"""The record of one radiograph: what programs read, in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import addresses
from pipeline.examine import studies
from pipeline.files.faults import ImageFault, Issue
from pipeline.files.printable import printable
from pipeline.predict import position
from pipeline.predict.bundle import Bundle, Finding
from pipeline.predict.regions import Region
from pipeline.validate import intake

_OF_REGION = ("bbox", "score", "operating_point", "position")  # what a study tells of its first region


def refuse(path: Path, fault: ImageFault | Issue) -> dict[str, Any]:
    """Make the JSON record of one file that is no sound radiograph, or of a folder that cannot be read."""
    reason, detail = (fault.issue, fault.detail) if isinstance(fault, Issue) else (fault.reason, str(fault))
    error = {"reason": reason, "detail": printable(detail.removeprefix(f"{path}: "))}
    return {"path": printable(addresses.shown(path)), "error": error}


def describe(path: Path, admitted: intake.Admitted, finding: Finding, loaded: Bundle) -> dict[str, Any]:
    """Make the JSON record of one radiograph; positions are (column, row) in its own pixels.

    ``body_part`` is null where it cannot be known, ``region_stands_out`` where the decision asks for no
    region; where it is false, no place is likely enough to be shown. Of each region: ``bbox`` [column, row,
    width, height]; ``score``; ``operating_point`` (``high_specificity`` or, for a region that is only
    possible, ``high_sensitivity``); ``peak``; ``area_share`` of the radiograph; ``contour``; ``position``:
    ``third`` along the bone, null where it cannot be known, ``side`` of the image, and both in ``words``.
    Of each of the ``notes`` on the file and of the model: ``code`` and ``detail``. ``scope``: ``score``,
    ``threshold``, ``in_scope`` and ``reason``; see `pipeline.predict.scope`.
    """
    upright = finding.placement.set_right(admitted.radiograph.pixels)
    return {
        "path": printable(addresses.shown(path)),
        "probability": round(finding.probability, 6),
        "decision": finding.decision,
        "body_part": finding.body_part or None,
        "regions": [_describe_region(region, upright, loaded) for region in finding.regions],
        "region_stands_out": finding.region_stands_out,
        "notes": intake.notes(admitted.issues, loaded.notes),
        "scope": finding.scope and finding.scope.record(),
    }


def describe_study(
    number: int, views: Sequence[tuple[Mapping[str, Any], Finding | None]], loaded: Bundle
) -> dict[str, Any]:
    """Make the JSON record of a study and its joint answer, of which each key is null where all were refused.

    ``study``, its ``number``; ``probability``, ``decision``, and what the former is ``calibrated_on``; the
    path of the ``view`` that decides, and its first ``region``; the records of all ``views``.

    Parameters
    ----------
    views
        Of each its record and its finding, None of a refused file.
    """
    answer = studies.answer([finding for _, finding in views], loaded)
    joint: dict[str, Any] = dict.fromkeys(("probability", "decision", "calibrated_on", "view", "region"))
    if answer is not None:
        decides = [record for record, finding in views if finding][answer.view]
        regions = [{key: region[key] for key in _OF_REGION} for region in decides["regions"]]
        joint = {
            "probability": round(answer.probability, 6),
            "decision": answer.decision,
            "calibrated_on": answer.calibrated_on,
            "view": decides["path"],
            "region": regions[0] if regions else None,
        }
    return {"study": number} | joint | {"views": [record for record, _ in views]}


def _describe_region(region: Region, upright: NDArray[np.uint8], loaded: Bundle) -> dict[str, Any]:
    place = position.locate(upright, region.peak)
    is_sure = loaded.region_settings.is_sure(region)
    return {
        "bbox": [region.column, region.row, region.width_px, region.height_px],
        "score": round(region.score, 6),
        "operating_point": "high_specificity" if is_sure else "high_sensitivity",
        "peak": list(region.peak[::-1]),
        "area_share": round(region.area_px / upright.size, 6),
        "contour": region.contour[:, ::-1].tolist(),
        "position": {**vars(place), "words": place.words},
    }
