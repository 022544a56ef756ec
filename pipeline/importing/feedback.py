"""Readings from the reading page: the label on which all readers of a radiograph agree, and their boxes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pycocotools import mask

from pipeline.feedback import latest, store
from pipeline.feedback.reading import Reading
from pipeline.files import outputs
from pipeline.importing.record import (
    BROKEN,
    MISSING,
    NO_LABEL,
    TWO_LABELS,
    Found,
    LeftOut,
    NotThisKindError,
    Options,
    Record,
    shown,
)

BOXES_DIFFER = "readers' boxes differ"
_SAME = 0.3  # IoU from which two readers' boxes mean one fracture


def read(source: Path, options: Options) -> Found:
    """Read the folder that the service fills, `pipeline.feedback.store`.

    Raises
    ------
    NotThisKindError
        It holds no readings.
    """
    if not (source / store.READINGS).is_dir():
        names = [path.name for path in source.iterdir()] if source.is_dir() else []
        raise NotThisKindError("feedback", source, f"{store.READINGS}/ and {store.IMAGES}/", names)
    sound, left_out = [], []
    for path, reading in store.read(source):
        if isinstance(reading, ValueError):
            left_out.append(LeftOut(shown(path, source), BROKEN, str(reading)))
        else:
            sound.append(reading)
    records = []
    for readings in latest.by(lambda reading: reading.sha256, sound).values():
        record, lines = _judged(readings, source)
        records += record
        left_out += lines
    pictures = [path for path in sorted((source / store.IMAGES).glob("[!.]*")) if path.is_file()]
    return Found(records, left_out, pictures, boxes=sum(len(reading.boxes) for reading in sound))


def _judged(readings: Sequence[Reading], source: Path) -> tuple[list[Record], list[LeftOut]]:
    """Make the record of one radiograph, or say why it has none."""
    name = f"{store.IMAGES}/{Path(readings[0].file_name).name}"  # what a reading names never leads elsewhere
    labels = {reading.fractured for reading in readings} - {None}
    if not labels:
        return [], [LeftOut(name, NO_LABEL, "its readers could not tell")]
    if len(labels) > 1:
        return [], [LeftOut(name, TWO_LABELS, _told_apart(readings))]
    if fault := _fault(source / name, readings[0].sha256):
        return [], [LeftOut(name, fault, "the radiograph is not there as it was read")]
    boxed = [reading for reading in readings if reading.fractured and reading.boxes]
    differ = any(not _alike(boxed[-1], other) for other in boxed[:-1])
    lines = [LeftOut(name, BOXES_DIFFER, _told_apart(boxed))] if differ else []
    regions = boxed[-1].regions if boxed and not differ else ()
    (fractured,) = labels
    return [Record(source / name, bool(fractured), regions=regions, size=readings[0].size)], lines


def _fault(path: Path, sha256: str) -> str:
    if os.path.islink(path) or not os.path.isfile(path):  # noqa: PTH113, PTH114 - `Path`'s raise at long names
        return MISSING
    return "" if outputs.sha256(path) == sha256 else BROKEN


def _alike(one: Reading, other: Reading) -> bool:
    """Whether each box of either reader overlaps one of the other's."""
    overlap = mask.iou(_array(one), _array(other), [0] * len(other.boxes))
    return bool((overlap.max(axis=0) >= _SAME).all() and (overlap.max(axis=1) >= _SAME).all())


def _array(reading: Reading) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([box.bbox for box in reading.boxes], np.float64)


def _told_apart(readings: Sequence[Reading]) -> str:
    said = {True: "fracture", False: "no fracture", None: "cannot tell"}
    return "; ".join(
        f"{reading.reader or 'no name'}: {said[reading.fractured]}, {len(reading.boxes)} boxes"
        for reading in readings
    )
