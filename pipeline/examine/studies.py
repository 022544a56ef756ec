"""A study: the views that one StudyInstanceUID names, of one patient, and one answer to all of them.

The UID groups files and goes no further: records count studies from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import logit

from pipeline.files import complaints, dicom_identity, engine, images
from pipeline.files.faults import ImageFault
from pipeline.files.limits import Limits
from pipeline.predict import operating_points
from pipeline.predict.bundle import Bundle, Finding
from pipeline.validate.intake import Item

OF_STUDIES, OF_VIEW = "studies", "highest view"
_CLIP = 1e-12  # a probability of exactly 0 or 1 has no log-odds


class Answer(NamedTuple):
    """The joint answer of a study.

    Attributes
    ----------
    probability
        Of a fracture in one view or more, 0..1.
    decision
        As of a radiograph: see `Finding`.
    view
        Position of the view that decides, among those that were given.
    calibrated_on
        ``studies`` where the probability was calibrated on studies of ``val``; ``highest view`` where it is
        that of one view, and so too high for many views.
    """

    probability: float
    decision: str
    view: int
    calibrated_on: str


def group(files: Sequence[Path], limits: Limits, workers: int) -> list[list[Path]]:
    """Group files by study and patient; one whose header names no study is a study of its own.

    Studies stand in the order of their first files, and files in theirs.
    """
    items = [Item(path, limits) for path in files]
    uids = engine.process(_uid, items, workers=workers, label="studies")
    studies: dict[str, list[Path]] = {}
    for place, (path, uid) in enumerate(zip(files, uids, strict=True)):
        studies.setdefault(uid or f"file {place}", []).append(path)
    return list(studies.values())


def answer(findings: Sequence[Finding], loaded: Bundle) -> Answer:
    """Answer views of one study together: the highest answer of those in scope.

    A study of several such views has the calibration and the thresholds of studies, where the bundle has
    them. Where no view is in scope, neither is the study.

    Parameters
    ----------
    findings
        At least one.
    """
    in_scope = [n for n, one in enumerate(findings) if one.decision != operating_points.OUT_OF_SCOPE]
    place = max(in_scope or range(len(findings)), key=lambda n: findings[n].probability)
    highest = findings[place]
    if loaded.studies is None or len(in_scope) < 2:
        return Answer(highest.probability, highest.decision, place, OF_VIEW)
    log_odds = logit(np.clip([highest.probability], _CLIP, 1 - _CLIP))
    probability = loaded.studies.calibration.probability(log_odds)
    decision = str(operating_points.decide(probability, loaded.studies.points)[0])
    return Answer(float(probability[0]), decision, place, OF_STUDIES)


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
