"""What two reporting guidelines ask for, in our own words, and which section of a model card answers it.

References
----------
Collins et al., TRIPOD+AI statement: updated guidance for reporting clinical prediction models that use
regression or machine learning methods, BMJ 385, 2024. https://doi.org/10.1136/bmj-2023-078378
Tejani et al., Checklist for artificial intelligence in medical imaging (CLAIM): 2024 update, Radiology:
Artificial Intelligence 6, 2024. https://doi.org/10.1148/ryai.240300
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

PURPOSE = "What it is, and is not"
DATA = "Data"
MAKING = "How it was made"
DECISIONS = "Calibration and decisions"
PERFORMANCE = "Performance"
SUBGROUPS = "Subgroups"
ROBUSTNESS = "Robustness"
BENEFIT = "Net benefit"
MAPS = "Where it looks"
LIMITS = "Limits"


class Item(NamedTuple):
    """One item of a checklist, and the section that answers it."""

    number: str
    asks_for: str
    section: str


TRIPOD_AI = "TRIPOD+AI"
CLAIM = "CLAIM 2024"
DOI = {TRIPOD_AI: "10.1136/bmj-2023-078378", CLAIM: "10.1148/ryai.240300"}


def _read(path: Path) -> dict[str, tuple[Item, ...]]:
    """Read the items of each guideline; a section that no run can fill is empty."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row.pop("guideline"), Item(**row)) for row in csv.DictReader(file)]
    return {name: tuple(item for guideline, item in rows if guideline == name) for name in DOI}


ITEMS = _read(Path(__file__).with_suffix(".csv"))
