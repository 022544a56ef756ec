"""Figures and tables, read again as the stages wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd


def figures(folder: Path) -> dict[str, Any]:
    """Read ``metrics.json`` of a report folder; a figure that is not defined is None."""
    return dict(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))


def table(path: Path) -> pd.DataFrame:
    """Read a table: empty text stays text, an empty figure is NaN, and ``value`` of a subgroup is text."""
    read = pd.read_csv(path, dtype={"value": "str"}, keep_default_na=False, na_values=[""])
    return read.fillna(dict.fromkeys(read.select_dtypes("str"), ""))
