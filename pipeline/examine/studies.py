"""A study: the views that one StudyInstanceUID names, of one patient, and one answer to all of them.

The UID groups files and goes no further: records count studies from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.files import complaints, dicom_identity, engine, images
from pipeline.files.faults import ImageFault
from pipeline.files.limits import Limits
from pipeline.predict import studies
from pipeline.predict.bundle import Bundle, Finding
from pipeline.predict.studies import Answer
from pipeline.validate.intake import Item


def group(files: Sequence[Path], limits: Limits, workers: int) -> list[list[Path]]:
    """Group files by study and patient; one whose header names no study is a study of its own.

    Studies stand in the order of their first files, and files in theirs.
    """
    items = [Item(path, limits) for path in files]
    uids = engine.process(_uid, items, workers=workers, label="studies")
    grouped: dict[str, list[Path]] = {}
    for place, (path, uid) in enumerate(zip(files, uids, strict=True)):
        grouped.setdefault(uid or f"file {place}", []).append(path)
    return list(grouped.values())


def answer(findings: Iterable[Finding | None], loaded: Bundle) -> Answer | None:
    """Answer views of one study together: see :func:`pipeline.predict.studies.answer`.

    A file that was refused has no finding and takes no part; there is no answer where all were refused.
    """
    answered = [one for one in findings if one]
    if not answered:
        return None
    probabilities, decisions = [one.probability for one in answered], [one.decision for one in answered]
    return studies.answer(probabilities, decisions, loaded.studies)


def without_map(finding: Finding) -> Finding:
    """Leave out the map, which is as large as the radiograph."""
    return replace(finding, region_map=np.empty((0, 0), np.float32))


def _uid(item: Item) -> str:
    try:
        data = images.read_bytes(item.path)
    except ImageFault:
        return ""
    with complaints.heard():
        return dicom_identity.study(data, str(item.path), item.limits.max_pixels)
