"""GRAZPEDWRI-DX as it is published: children's wrists, a table with patients, boxes in VOC and YOLO.

``images_part1/`` to ``images_part4/`` (PNG of 16 bits), ``dataset.csv``, and boxes in ``folder_structure/``:
``pascalvoc/*.xml`` or ``yolov5/labels/*.txt`` with ``yolov5/meta.yaml``. One of nine classes is a fracture.
https://doi.org/10.6084/m9.figshare.14825193 and https://doi.org/10.1038/s41597-022-01328-z
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path

from pipeline.dataset import body_part
from pipeline.importing import drawings, meaning, rows, voc, yolo, yolo_settings
from pipeline.importing.drawings import Picture
from pipeline.importing.record import (
    NOT_UNDERSTOOD,
    Found,
    LeftOut,
    NotThisKindError,
    Options,
    Record,
)
from pipeline.importing.source import Source, missing

log = logging.getLogger(__name__)

_LABEL = "fracture_visible"
_NEEDED = ("patient_id", "study_number", _LABEL)
_COLUMNS = (
    "gender", "age", "laterality", "projection", "initial_exam", "ao_classification", "cast",
    "diagnosis_uncertain", "osteopenia", "device_manufacturer",
)  # fmt: skip
_PART = re.compile(r"images_part", re.IGNORECASE)
_FRACTURE = frozenset({"fracture"})
_CLASSES = (
    "boneanomaly", "bonelesion", "foreignbody", "fracture", "metal", "periostealreaction", "pronatorsign",
    "softtissue", "text",
)  # fmt: skip


def read(path: Path, options: Options) -> Found:
    """Read GRAZPEDWRI-DX."""
    source = Source(path, options.without)
    table = source.root / "dataset.csv"
    if not table.is_file():
        looked = f"dataset.csv with filestem, {', '.join(_NEEDED)}, and images_part1/ to images_part4/"
        raise NotThisKindError("grazpedwri", path, looked, source.top())
    source.pass_over(_copies(source))
    described = rows.read(table, "filestem", _NEEDED)
    files = source.find(described.of_name)
    absent = sorted(described.of_name.keys() - files.keys())
    lines = [*described.left_out, *missing(absent, "dataset.csv", source)]
    lines += [line for stem, file in files.items() for line in described.clash(stem, source.shown(file))]
    rows_of = {file: described.of_name[stem] for stem, file in files.items() if stem not in described.twice}
    lines += [
        LeftOut(source.shown(file), NOT_UNDERSTOOD, f"{_LABEL} of dataset.csv is {row[_LABEL][:80]!r}")
        for file, row in rows_of.items()
        if not meaning.yes(row[_LABEL])
    ]
    records = [_record(file, row) for file, row in rows_of.items() if meaning.yes(row[_LABEL])]
    pictures, more = _drawn(source)
    drawn = drawings.found(pictures, _CLASSES, source, Options(), more, _FRACTURE)
    return drawings.on_labelled(records, drawn, lines, source)


def _copies(source: Source) -> set[Path]:
    """Find what lies in ``images_part*`` and elsewhere, too: to train YOLOv5, copies go beside its labels."""
    published = {file for file in source.pictures if any(map(_PART.match, source.parts(file)))}
    stems = {file.stem.casefold() for file in published}
    copies = {file for file in source.pictures if file.stem.casefold() in stems} - published
    if copies:
        log.info("%d pictures are passed over: images_part* holds them, too", len(copies))
    return copies


def _record(file: Path, row: Mapping[str, str]) -> Record:
    """Make the record of a row; empty cells of yes and no mean no."""
    columns = {name: row.get(name, "") for name in _COLUMNS}
    columns |= {body_part.COLUMN: "wrist", "hardware": meaning.yes(row.get("metal", ""))}
    patient, study = row["patient_id"], row["study_number"]
    return Record(
        file,
        meaning.yes(row[_LABEL]) == "1",
        patient=patient,
        study=f"{patient}/{study}" if patient and study else "",
        columns=columns,
    )


def _drawn(source: Source) -> tuple[list[Picture], list[LeftOut]]:
    """Read the boxes: VOC names the sizes, for YOLO each radiograph must be decoded."""
    if files := source.named(".xml"):
        return voc.annotated(files, source, {})
    settings = yolo_settings.read(source)
    classes = settings.classes_at(source.root) or {str(number): name for number, name in enumerate(_CLASSES)}
    return yolo.by_stem(source, classes), settings.left_out
