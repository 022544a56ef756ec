"""Whether a bundle's thresholds are known to hold in this working folder: derived from what lies there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline import addresses
from pipeline.config import Config
from pipeline.dataset.layout import SPLITS
from pipeline.dataset.names import BUNDLE, METRICS, PROFILE, SITE
from pipeline.files import outputs
from pipeline.files.faults import Note

VARIABLE = "FRACTURE_FITTED_HERE"  # set it for a server of MLflow's whose model was
NOTE = Note(
    "thresholds_not_fitted_here",
    "calibration and thresholds come from another place, where nothing shows that they hold here: "
    "`fracture assess` shows it, `fracture recalibrate` fits them",
)


def notes(config: Config, folder: Path) -> tuple[Note, ...]:
    """Say that the thresholds of a bundle are strange here, unless :func:`is_known`."""
    return () if is_known(config, folder) else (NOTE,)


def is_known(config: Config, folder: Path) -> bool:
    """Whether one of three things lies in the working folder.

    The data and the profile that the bundle in ``folder`` was made from; the report of its recalibration;
    or a report of `assess` which shows that its thresholds hold.
    """
    sealed = _json(folder / BUNDLE)
    sha256 = sealed.get("sha256")
    fitted = (report.get("bundle") == sha256 for report in _reports(config, "recalibrate"))
    holds = (
        report.get("bundle") == sha256 and report.get("thresholds_hold") is True
        for report in _reports(config, "assess")
    )
    return _made_here(config, sealed.get("files", {})) or any(fitted) or any(holds)


def served_notes() -> tuple[Note, ...]:
    """Likewise for a server, which its environment tells."""
    return () if os.environ.get(VARIABLE) else (NOTE,)


def _made_here(config: Config, files: Mapping[str, str]) -> bool:
    """Whether a bundle that was fitted to no other place has the profile of the data that lie here."""
    profile = config.paths.report("validate") / PROFILE
    root = config.data.root
    lie_here = bool(addresses.of(root)) or (root / SPLITS[0]).is_dir()
    if SITE in files or not profile.is_file() or not lie_here:
        return False
    return config.paths.manifest.is_file() and outputs.sha256(profile) == files.get(PROFILE)


def _reports(config: Config, command: str) -> Iterator[dict[str, Any]]:
    for path in sorted(config.paths.report(command).glob(f"*/{METRICS}")):
        yield _json(path)


def _json(path: Path) -> dict[str, Any]:
    """Read a report; one that is missing or damaged shows nothing."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
