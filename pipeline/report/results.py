"""Figures and tables, read again as the stages wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.dataset import tables
from pipeline.dataset.names import METRICS

_TEXT = (
    "path", "copy_of", "transform", "issue", "severity", "detail", "attribute", "value",
    "file", "before", "after",
)  # fmt: skip


def figures(folder: Path, undefined: float | None = None) -> dict[str, Any]:
    """Read ``metrics.json`` of a report folder, with what stands for a figure that is not defined."""
    return tables.figures(folder / METRICS, undefined)


def table(path: Path) -> pd.DataFrame:
    """Read a table: text stays text, an empty figure is NaN, a transform is float64, shape (2, 3)."""
    rows = tables.measured(path, dtype=dict.fromkeys(_TEXT, "str"), na_values=[""])
    rows = rows.fillna(dict.fromkeys(rows.select_dtypes("str"), ""))
    if "transform" in rows:
        rows["transform"] = [np.array(json.loads(text)) for text in rows["transform"]]
    return rows
