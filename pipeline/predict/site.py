"""What a bundle that was fitted to a place says of that: ``site.json``, under its seal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.dataset.names import OPERATING_POINTS, REGION_MAPS, SITE
from pipeline.files.faults import Note
from pipeline.predict.sealing import BundleError

FITTED = frozenset({OPERATING_POINTS, REGION_MAPS, SITE})  # all else of the bundle stays as it was
LABELS, ESTIMATE = "labels", "estimate"  # what it was fitted by; an estimate until labels confirm it


def read(folder: Path) -> dict[str, Any] | None:
    """Read the record of a sealed bundle; None where it was fitted to no place.

    Returns
    -------
    dict or None
        ``site``, its name; ``fitted_by``, one of `LABELS` and `ESTIMATE`; ``base``, the sha256 of the bundle
        whose network it is; ``predictions``, that of the report's table; what of ``metrics.json`` was known.
    """
    path = folder / SITE
    if not path.is_file():
        return None
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if record["fitted_by"] not in (LABELS, ESTIMATE) or not record["site"] or not record["base"]:
            raise ValueError(record)
    except (ValueError, TypeError, LookupError) as error:
        raise BundleError(
            f"{path} must be as `fracture recalibrate` wrote it. Received: {error!r}."
        ) from error
    return record


def notes(folder: Path) -> tuple[Note, ...]:
    """Say of an estimate that it is one."""
    record = read(folder)
    if record is None or record["fitted_by"] == LABELS:
        return ()
    place = record["site"]
    detail = (
        f"moved without labels to the scores of {place}; `fracture recalibrate` with labels confirms them"
    )
    return (Note("thresholds_estimated", detail),)
