"""GRAZPEDWRI-DX as it is published: children's wrists, a table with patients, boxes in VOC and YOLO.

``images_part1/`` to ``images_part4/`` (PNG of 16 bits), ``dataset.csv``, and boxes in ``folder_structure/``:
``pascalvoc/*.xml`` or ``yolov5/labels/*.txt`` with ``yolov5/meta.yaml``. One of nine classes is a fracture.
https://doi.org/10.6084/m9.figshare.14825193 and https://doi.org/10.1038/s41597-022-01328-z
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.dataset import body_part, tables
from pipeline.importing import drawings, meaning, voc, yolo
from pipeline.importing.drawings import Picture
from pipeline.importing.record import BAD_ROW, Found, LeftOut, NotThisKindError, Options, Record
from pipeline.importing.source import Source, missing

_NEEDED = {"filestem", "patient_id", "study_number", "fracture_visible"}
_COLUMNS = (
    "gender", "age", "laterality", "projection", "initial_exam", "ao_classification", "cast",
    "diagnosis_uncertain", "osteopenia", "device_manufacturer",
)  # fmt: skip
_FRACTURE = frozenset({"fracture"})
_CLASSES = (
    "boneanomaly", "bonelesion", "foreignbody", "fracture", "metal", "periostealreaction", "pronatorsign",
    "softtissue", "text",
)  # fmt: skip


def read(path: Path, options: Options) -> Found:
    """Read GRAZPEDWRI-DX."""
    source = Source(path, options.without)
    table, lines = _table(path, source)
    stems = source.find(table)
    lines += missing(sorted(table.keys() - stems.keys()), "dataset.csv")
    records = [_record(stems[stem], row) for stem, row in table.items() if stem in stems]
    pictures, more = _drawn(source)
    drawn = drawings.found(pictures, _CLASSES, source, Options(), more, _FRACTURE)
    return drawings.on_labelled(records, drawn, lines, source)


def _table(path: Path, source: Source) -> tuple[dict[str, Mapping[str, str]], list[LeftOut]]:
    """Read the rows of dataset.csv by the picture's name without suffix."""
    file, ragged = source.root / "dataset.csv", list[str]()
    table = tables.given(file, ragged).table if file.is_file() else None
    if table is None or not {*table} >= _NEEDED:
        has = source.top() if table is None else [f"dataset.csv with {', '.join(table)}"]
        looked = f"dataset.csv with {', '.join(sorted(_NEEDED))}, and images_part1/ to images_part4/"
        raise NotThisKindError("grazpedwri", path, looked, has)
    rows = {row["filestem"]: row for row in table.to_dict("records")}
    return rows, [LeftOut("dataset.csv", BAD_ROW, fault) for fault in ragged]


def _record(file: Path, row: Mapping[str, str]) -> Record:
    """Make the record of a row; empty cells of yes and no mean no."""
    columns = {name: row.get(name, "") for name in _COLUMNS}
    columns |= {body_part.COLUMN: "wrist", "hardware": meaning.yes(row.get("metal", ""))}
    patient, study = row["patient_id"], row["study_number"]
    return Record(
        file,
        meaning.yes(row["fracture_visible"]) == "1",
        patient=patient,
        study=f"{patient}/{study}" if patient and study else "",
        columns=columns,
    )


def _drawn(source: Source) -> tuple[list[Picture], list[LeftOut]]:
    """Read the boxes: VOC names the sizes, for YOLO each radiograph must be decoded."""
    if files := source.named(".xml"):
        return voc.annotated(files, source, {})
    classes, _, lines = yolo.settings(source)
    classes = classes or {str(number): name for number, name in enumerate(_CLASSES)}
    stems = {file.stem: file for file in source.pictures}
    labels = [file for file in source.named(".txt") if file.stem in stems]
    return [yolo.picture(stems[file.stem], file, classes, "", source) for file in labels], lines
