"""DICOM objects to files, under names that hold nothing of the patient's."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MANUFACTURER = "fracture-pipeline"  # stands in all results that we make, which are no radiographs
_NAMES = {"PR": "presentation-state", "OT": "secondary-capture", "SR": "structured-report"}


def encode(dataset: Any) -> bytes:
    """Write a `pydicom.Dataset` as a file, in memory."""
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def write(folder: Path, datasets: Sequence[Any]) -> list[str]:
    """Write `pydicom.Dataset` objects into a folder, and return their names: kind and number."""
    counts: Counter[str] = Counter()
    written = []
    for dataset in datasets:
        kind = _NAMES.get(dataset.Modality, "object")
        counts[kind] += 1
        written.append(f"{kind}-{counts[kind]}.dcm")
        folder.mkdir(parents=True, exist_ok=True)
        dataset.save_as(folder / written[-1], enforce_file_format=True)
    return written
