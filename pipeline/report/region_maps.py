"""The page of `region_maps`: where the maps point, whether to believe them, and pictures, errors first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.dataset import tables
from pipeline.dataset.names import CASES, OVERLAY_INDEX, OVERLAYS, PLAIN
from pipeline.predict import operating_points
from pipeline.report import map_charts, pages, results

_TABLES = ("subgroups", "methods", "plots/froc", "plots/deletion", "plots/randomization")
_HIT = {"": "", "True": " The peak lies on the fracture.", "False": " The peak lies elsewhere."}


def documents(config: Config) -> dict[str, str]:
    """Make the page from what `region_maps` wrote: name to text."""
    return {"report.html": pages.render("region_maps.html", context(config.paths.report("region_maps")))}


def context(folder: Path) -> dict[str, Any]:
    """Gather ``maps``, ``tables``, ``charts`` and ``pictures`` for ``_maps.html`` from a report folder."""
    figures = results.figures(folder, undefined=math.nan)
    tables = {Path(name).name: results.table(folder / f"{name}.csv") for name in _TABLES}
    return {
        "maps": figures,
        "tables": tables,
        "charts": map_charts.draw(figures, tables),
        "pictures": pictures(folder / OVERLAYS),
    }


def pictures(folder: Path) -> dict[str, list[dict[str, str]]]:
    """Describe the drawn cases: for each kind ``src``, ``beside``, ``alt``, ``title`` and ``caption``."""
    rows = tables.measured(folder / OVERLAY_INDEX, dtype="str")
    described: dict[str, list[dict[str, str]]] = {kind: [] for kind in CASES}
    for row in rows.to_dict("records"):
        described[row["kind"]].append(_describe(folder, row))
    return described


def _describe(folder: Path, row: Mapping[Any, str]) -> dict[str, str]:
    places = (folder, folder / PLAIN)
    overlay, plain = (pages.data_uri((place / row["file"]).read_bytes()) for place in places)
    truth = "Fractured" if row["fractured"] == "True" else "Not fractured"
    where = f" Strongest region: {row['where']}." if row["where"] else ""
    if operating_points.region_stands_out(row["decision"], len(row["where"])) is False:
        where = f" {operating_points.NO_REGION.capitalize()}."
    return {
        "src": overlay,
        "beside": plain,
        "alt": f"Region map of {row['path']}",
        "title": row["path"],
        "caption": f"{truth}; {row['decision']}, probability {float(row['probability']):.2f}."
        f"{_HIT[row['on_target']]}{where}",
    }
