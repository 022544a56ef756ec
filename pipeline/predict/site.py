"""What a bundle that was fitted to a place says of that: ``site.json``, under its seal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.dataset import tables
from pipeline.dataset.names import OPERATING_POINTS, PREDICTIONS, REGION_MAPS, SITE
from pipeline.files import outputs
from pipeline.files.faults import Note
from pipeline.predict.sealing import BundleError

FITTED = frozenset({OPERATING_POINTS, REGION_MAPS, SITE})  # all else of the bundle stays as it was
LABELS, ESTIMATE = "labels", "estimate"  # what it was fitted by; an estimate until labels confirm it
FITTED_ON = "fitted_on"  # key of the radiographs in the record
_DIGITS = 16  # of a file's sha256: enough to know it again, and nothing of the radiograph


def read(folder: Path) -> dict[str, Any] | None:
    """Read the record of a sealed bundle; None where it was fitted to no place.

    Returns
    -------
    dict or None
        ``site``, its name; ``fitted_by``, one of `LABELS` and `ESTIMATE`; ``base``, the sha256 of the bundle
        whose network it is; ``predictions``, that of the report's table; `FITTED_ON`, see `digits`; what of
        ``metrics.json`` was known.
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


def digits(sha256: Iterable[str]) -> list[str]:
    """Shorten the hashes of files to what the record keeps of them, in order."""
    return sorted({each[:_DIGITS] for each in sha256})


def fitted_on(folder: Path, reports: Path) -> frozenset[str] | None:
    """Tell which radiographs decided in a sealed bundle: `digits` of each; empty where it is of no place.

    A bundle from before they were kept has them in its report, if that is here and as it was written.

    Parameters
    ----------
    folder
        Of the bundle.
    reports
        Where `fracture recalibrate` writes its reports.

    Returns
    -------
    frozenset or None
        None where nothing here tells.
    """
    record = read(folder)
    if record is None:
        return frozenset()
    if FITTED_ON in record:
        return frozenset(map(str, record[FITTED_ON]))
    table = reports / str(record["site"]) / PREDICTIONS
    if not table.is_file() or outputs.sha256(table) != record.get("predictions"):
        return None
    return frozenset(digits(tables.measured(table, dtype="str")["sha256"]))


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
