"""The table of issues with single files: ``issues.csv``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from pipeline.files import cells, outputs
from pipeline.files.faults import Issue


def write(issues: Iterable[Issue], path: Path) -> None:
    """Write issues, each once and in order: path, issue, severity, detail."""
    table = pd.DataFrame(sorted(set(issues)), columns=list(Issue._fields))
    shown = table.assign(path=table["path"].map(cells.path), detail=table["detail"].map(cells.text))
    outputs.write_text(path, shown.to_csv(index=False, lineterminator="\n"))
