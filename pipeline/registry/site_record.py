"""The radiographs that a bundle was fitted to, as `fracture recalibrate` wrote them beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from pipeline.config import Config
from pipeline.dataset import manifest, names, tables
from pipeline.predict import sealing, site


class SiteRecord(NamedTuple):
    """A place's record.

    Attributes
    ----------
    record
        ``site.json`` of the bundle.
    rows
        One a radiograph: ``path``, ``group``, ``sha256``, ``y_score`` and ``decision``; with labels also
        ``fractured`` (bool), and the scores are then cross-fitted.
    figures
        ``metrics.json`` of the report.
    """

    record: Mapping[str, Any]
    rows: pd.DataFrame
    figures: Mapping[str, Any]

    @property
    def tags(self) -> dict[str, str]:
        """Name the place, what it was fitted by, and whose network it is."""
        told = {
            "name": self.record["site"],
            "fitted_by": self.record["fitted_by"],
            "base": self.record["base"],
        }
        return {f"site.{key}": str(value) for key, value in told.items()}


def read(config: Config, folder: Path) -> SiteRecord | None:
    """Read the record of a bundle and its report here; None where the bundle was fitted to no place.

    Raises
    ------
    ValueError
        Its network is not that of the bundle in ``paths.models``, whose manifest says what it learnt from; or
        the report is not here.
    """
    record = site.read(folder)
    if record is None:
        return None
    base, _ = sealing.compared(config.paths.models)
    if base != record["base"]:
        raise ValueError(
            f"the network of {folder} must be that of {config.paths.models}, whose manifest says what it "
            f"learnt from. Received: {base[:12]}, not {record['base'][:12]}. Check out "
            "the commit that made it, and `dvc checkout`."
        )
    sha256, _ = sealing.compared(folder)
    report = config.paths.report("recalibrate") / record["site"]
    figures = _figures(report)
    if figures.get("bundle") != sha256:
        raise ValueError(f"{report} must be the report of {folder}. Run `fracture recalibrate` again.")
    rows = tables.measured(report / names.PREDICTIONS, dtype={"path": "str", "group": "str"})
    return SiteRecord(record, rows, figures)


def learnt(files: pd.DataFrame, fitted: SiteRecord | None) -> pd.DataFrame:
    """List ``sha256`` and ``split`` of what a bundle was trained or tuned on: a place's radiographs, too."""
    own = manifest.rows(files, ("train", "val"))[["sha256", "split"]]
    if fitted is not None:
        own = pd.concat([own, fitted.rows[["sha256"]].assign(split="site")])
    return own.sort_values("sha256")


def _figures(report: Path) -> dict[str, Any]:
    """Read the figures of a report; of none where there is none."""
    try:
        return dict(json.loads((report / names.METRICS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}
