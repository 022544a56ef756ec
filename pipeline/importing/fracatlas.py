"""FracAtlas as it is published: folders, drawings in COCO, VOC and YOLO, and a table.

``images/{Fractured,Non_fractured}``, ``dataset.csv``, ``Annotations/{COCO JSON,PASCAL VOC,YOLO}``, and for
the fractured ones a split in ``Utilities/Fracture Split/{train,valid,test}.csv``. It names no patients.
https://doi.org/10.6084/m9.figshare.22363012 and https://doi.org/10.1038/s41597-023-02432-4
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from pipeline.dataset import body_part, tables
from pipeline.importing import coco, drawings, meaning, voc, yolo
from pipeline.importing.drawings import Picture
from pipeline.importing.record import (
    BAD_ROW,
    BROKEN,
    TWO_LABELS,
    Found,
    LeftOut,
    NotThisKindError,
    Options,
    Record,
)  # fmt: skip
from pipeline.importing.source import Source, missing, split_of

_CLASSES = {"Fractured": True, "Non_fractured": False}
_PARTS = ("hand", "leg", "hip", "shoulder")
_COLUMNS = ("hardware", "multiscan", "frontal", "lateral", "oblique")
_FRACTURED = "fractured"  # the only class that is drawn


def read(path: Path, options: Options) -> Found:
    """Read FracAtlas."""
    top = path / "FracAtlas" if (path / "FracAtlas").is_dir() else path
    if not all((top / "images" / name).is_dir() for name in _CLASSES) or not (top / "dataset.csv").is_file():
        looked = (
            "images/Fractured, images/Non_fractured and dataset.csv (without the table: `import folders`)"
        )
        raise NotThisKindError("fracatlas", path, looked, Source(path).top())
    source = Source(path, options.without)
    rows, lines = _rows(top)
    splits = _splits(top)
    records = []
    for file in source.pictures:
        label = _CLASSES.get(file.parent.name)
        row = rows.get(file.name, {})
        if label is None:
            continue
        if row and meaning.yes(row.get(_FRACTURED, "")) != str(int(label)):
            detail = f"in {file.parent.name}, and dataset.csv says fractured {row[_FRACTURED]!r}"
            lines.append(LeftOut(source.shown(file), TWO_LABELS, detail))
        else:
            records.append(Record(file, label, splits.get(file.name, ""), columns=_columns(row)))
    names = {file.name for file in source.pictures}
    lines += missing(sorted(rows.keys() - names), "dataset.csv")
    pictures, more = _drawn(source, top / "Annotations")
    drawn = drawings.found(pictures, [_FRACTURED], source, Options(), more, frozenset({_FRACTURED}))
    return drawings.on_labelled(records, drawn, lines, source)


def _rows(top: Path) -> tuple[dict[str, Mapping[str, str]], list[LeftOut]]:
    """Read the rows of dataset.csv by the picture's name."""
    ragged: list[str] = []
    table = tables.given(top / "dataset.csv", ragged).table
    if "image_id" not in table or _FRACTURED not in table:
        raise ValueError(f"dataset.csv must have columns image_id and fractured. Received: {list(table)}.")
    lines = [LeftOut("dataset.csv", BAD_ROW, fault) for fault in ragged]
    return {row["image_id"]: row for row in table.to_dict("records")}, lines


def _columns(row: Mapping[str, str]) -> dict[str, str]:
    """Keep what may make subgroups; what tells the label in other words is none."""
    if not row:
        return {}
    parts = [part for part in _PARTS if meaning.yes(row.get(part, "")) == "1"]
    part = parts[0] if len(parts) == 1 else "mixed" if parts else ""
    return {body_part.COLUMN: part} | {name: meaning.yes(row[name]) for name in _COLUMNS if name in row}


def _splits(top: Path) -> dict[str, str]:
    """Read the published split, which names the fractured ones alone."""
    found: dict[str, str] = {}
    for file in sorted((top / "Utilities" / "Fracture Split").glob("*.csv")):
        table: pd.DataFrame = tables.given(file, []).table
        if (split := split_of([file.stem])) and "image_id" in table:
            found |= dict.fromkeys(table["image_id"], split)
    return found


def _drawn(source: Source, folder: Path) -> tuple[list[Picture], list[LeftOut]]:
    """Read the drawings in the first form that is there: polygons before boxes, pixels before shares."""
    lines: list[LeftOut] = []
    for file in sorted((folder / "COCO JSON").glob("*.json")):
        try:
            pictures, _, more = coco.annotated(file, source)
        except ValueError as error:
            lines.append(LeftOut(source.shown(file), BROKEN, str(error)))
        else:
            return pictures, [*lines, *more]
    if files := [file for file in source.named(".xml") if file.is_relative_to(folder)]:
        pictures, more = voc.annotated(files, source, {})
        return pictures, [*lines, *more]
    stems = {file.stem: file for file in source.pictures}
    labels = [file for file in source.named(".txt") if file.is_relative_to(folder) and file.stem in stems]
    return [yolo.picture(stems[file.stem], file, {"0": _FRACTURED}, "", source) for file in labels], lines
