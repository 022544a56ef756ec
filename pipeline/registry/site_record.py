"""The radiographs that a bundle was fitted to, as `fracture recalibrate` wrote them beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from pipeline.config import Config
from pipeline.dataset import manifest, names, tables
from pipeline.files import outputs
from pipeline.predict import sealing, site


class SiteRecord(NamedTuple):
    """A place's record.

    Attributes
    ----------
    record
        ``site.json`` of the bundle, with the figures, under its seal.
    rows
        One a radiograph: ``path``, ``group``, ``sha256``, ``y_score`` and ``decision``; with labels also
        ``fractured`` (bool), and the scores are then cross-fitted.
    """

    record: Mapping[str, Any]
    rows: pd.DataFrame

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
        the report is not here, or was changed.
    """
    record = site.read(folder)
    if record is None:
        return None
    sha256, sealed = sealing.compared(folder)
    if names.SITE not in sealed:
        raise sealing.BundleError(
            f"{folder / names.SITE} must be under the seal. Received: a file beside it."
        )
    _require_network(config.paths.models, folder, record["base"])
    report = config.paths.report("recalibrate") / record["site"]
    if not _is_of(report, sha256, record):
        raise ValueError(
            f"{report} must be the report of {folder}, as it was written. Run `fracture recalibrate` again."
        )
    rows = tables.measured(report / names.PREDICTIONS, dtype={"path": "str", "group": "str"})
    return SiteRecord(record, rows)


def require_radiographs(rows: pd.DataFrame, root: Path | None, folder: Path) -> None:
    """Refuse a folder that holds other radiographs than those that a bundle was fitted to.

    Parameters
    ----------
    rows
        Of the :class:`SiteRecord`.
    root
        Where the radiographs are said to lie.
    folder
        Of the bundle.
    """
    for path, expected in zip(rows["path"], rows["sha256"], strict=True):
        if root is None or not (root / path).is_file() or outputs.sha256(root / path) != expected:
            raise ValueError(
                f"--radiographs must name the folder that {folder} was fitted to, unchanged since, for the "
                f"champion to examine. Received: {root}, where {path} is missing or another file."
            )


def learnt(files: pd.DataFrame, fitted: SiteRecord | None) -> pd.DataFrame:
    """List ``sha256`` and ``split`` of what a bundle was trained or tuned on: a place's radiographs, too."""
    own = manifest.rows(files, ("train", "val"))[["sha256", "split"]]
    if fitted is not None:
        own = pd.concat([own, fitted.rows[["sha256"]].assign(split="site")])
    return own.sort_values("sha256")


def _require_network(models: Path, folder: Path, named: str) -> None:
    """Refuse a bundle of another network than that in ``models``, whatever it says of itself."""
    advice = (
        f"Check out the commit that made the network of {folder}, and `dvc checkout`. Where it is that of "
        f"the released model, there is none: use it by `--model {folder}`, which needs no registry."
    )
    base, files = sealing.compared(models, advice)
    if base != named:
        raise ValueError(
            f"the network of {folder} must be that of {models}, whose manifest says what it "
            f"learnt from. Received: {base[:12]}, not {named[:12]}. {advice}"
        )
    for name in sorted(set(files) - site.FITTED):
        if not (folder / name).is_file() or outputs.sha256(folder / name) != outputs.sha256(models / name):
            raise ValueError(
                f"{folder / name} must be that of {models}: fitting a site leaves it as it is. Received: "
                "another file. Run `fracture recalibrate` again."
            )


def _is_of(report: Path, sha256: str, record: Mapping[str, Any]) -> bool:
    """Whether a report is that of a bundle, and its rows those that were written with it."""
    try:
        figures = json.loads((report / names.METRICS).read_text(encoding="utf-8"))
        rows = outputs.sha256(report / names.PREDICTIONS)
        return bool(figures["bundle"] == sha256 and record.get("predictions") == rows)
    except (OSError, ValueError, LookupError, TypeError):
        return False
