"""FracAtlas as it is published: folders, drawings in COCO, VOC and YOLO, and a table.

``images/{Fractured,Non_fractured}``, ``dataset.csv``, ``Annotations/{COCO JSON,PASCAL VOC,YOLO}``, and for
the fractured ones a split in ``Utilities/Fracture Split/{train,valid,test}.csv``. It names no patients.
https://doi.org/10.6084/m9.figshare.22363012 and https://doi.org/10.1038/s41597-023-02432-4
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.dataset import body_part
from pipeline.importing import coco, drawings, meaning, rows, voc, yolo
from pipeline.importing.drawings import Picture
from pipeline.importing.record import BROKEN, TWO_LABELS, Found, LeftOut, NotThisKindError, Options, Record
from pipeline.importing.rows import Rows
from pipeline.importing.source import Source, missing, split_of, stem

_CLASSES = {"Fractured": True, "Non_fractured": False}
_PARTS = ("hand", "leg", "hip", "shoulder")
_COLUMNS = ("hardware", "multiscan", "frontal", "lateral", "oblique")
_FRACTURED = "fractured"  # the only class that is drawn


def read(path: Path, options: Options) -> Found:
    """Read FracAtlas."""
    source, top = Source(path, options.without), path / "FracAtlas"
    top = top if top.is_dir() else path
    table = top / "dataset.csv"
    if not table.is_file() or not all((top / "images" / name).is_dir() for name in _CLASSES):
        looked = "images/Fractured, images/Non_fractured and dataset.csv (without it: `import folders`)"
        raise NotThisKindError("fracatlas", path, looked, source.top())
    described = rows.read(table, "image_id", [_FRACTURED])
    records, lines = _records(source, described, _splits(top, source))
    pictures, more = _drawn(source, top / "Annotations")
    drawn = drawings.found(pictures, [_FRACTURED], source, Options(), more, frozenset({_FRACTURED}))
    return drawings.on_labelled(records, drawn, [*described.left_out, *lines], source)


def _records(
    source: Source, described: Rows, splits: Mapping[str, str]
) -> tuple[list[Record], list[LeftOut]]:
    """Label pictures by their folder, where the table says the same."""
    labels = {file: _CLASSES[file.parent.name] for file in source.pictures if file.parent.name in _CLASSES}
    found = source.find(described.of_name, among=[*labels])
    name_of = {file: name for name, file in found.items()}
    records, lines = [], missing(sorted(described.of_name.keys() - found.keys()), "dataset.csv")
    for file, label in labels.items():
        name = name_of.get(file, "")
        row = described.of_name.get(name, {})
        if clash := _clash(file, row, described.clash(name, source.shown(file)), source, label=label):
            lines += clash
        else:
            records.append(Record(file, label, splits.get(file.stem, ""), columns=_columns(row)))
    return records, lines


def _clash(
    file: Path, row: Mapping[str, str], differing: list[LeftOut], source: Source, *, label: bool
) -> list[LeftOut]:
    if row and meaning.yes(row[_FRACTURED]) != str(int(label)):
        detail = f"in {file.parent.name}, and dataset.csv says fractured {row[_FRACTURED]!r}"
        return [LeftOut(source.shown(file), TWO_LABELS, detail)]
    return differing


def _columns(row: Mapping[str, str]) -> dict[str, str]:
    """Keep what may make subgroups; what tells the label in other words is none."""
    if not row:
        return {}
    parts = [part for part in _PARTS if meaning.yes(row.get(part, "")) == "1"]
    part = parts[0] if len(parts) == 1 else "mixed" if parts else ""
    return {body_part.COLUMN: part} | {name: meaning.yes(row[name]) for name in _COLUMNS if name in row}


def _splits(top: Path, source: Source) -> dict[str, str]:
    """Read the published split, which names the fractured ones alone; a name a line, below a header."""
    files = sorted((top / "Utilities" / "Fracture Split").glob("*.csv"))
    names = (
        (row.split(",")[0].strip('"'), split_of([file.stem])) for file in files for row in source.lines(file)
    )
    return {stem(name): split for name, split in names if split}


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
    return yolo.by_stem(source, {"0": _FRACTURED}), lines
