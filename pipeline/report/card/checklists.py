"""What two reporting guidelines ask for, in our own words, and what of a run answers it.

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
EXAMS = "Whole exams"
SUBGROUPS = "Subgroups"
ROBUSTNESS = "Robustness"
BENEFIT = "Net benefit"
MAPS = "Where it looks"
LIMITS = "Limits"


class Item(NamedTuple):
    """One item of a checklist, and what answers it.

    Attributes
    ----------
    number, asks_for
        Its number, and its topic in our words.
    section
        Of the model card, that answers it; empty where no section can.
    keys
        Metric keys that belong to it, such as ``evaluate.test.auroc``, apart by spaces.
    place
        A file or folder of the repository that answers it, whatever the run.
    lacks
        What is missing even then; empty where nothing is.
    who
        Who could say that.
    """

    number: str
    asks_for: str
    section: str
    keys: str
    place: str
    lacks: str
    who: str


TRIPOD_AI = "TRIPOD+AI"
CLAIM = "CLAIM 2024"
DOI = {TRIPOD_AI: "10.1136/bmj-2023-078378", CLAIM: "10.1148/ryai.240300"}


def _read(path: Path) -> dict[str, tuple[Item, ...]]:
    """Read the items of each guideline."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row.pop("guideline"), Item(**row)) for row in csv.DictReader(file)]
    return {name: tuple(item for guideline, item in rows if guideline == name) for name in DOI}


ITEMS = _read(Path(__file__).with_suffix(".csv"))
