"""YOLO: a text file a radiograph, a line a shape, in shares of the radiograph's sides.

``data.yaml`` names the classes and the folders of the splits; ``images/`` and ``labels/`` are parallel trees,
or lie in ``train``, ``valid`` and ``test``, as Roboflow exports them; or text files lie beside the pictures.
https://docs.ultralytics.com/datasets/detect/ and https://docs.ultralytics.com/datasets/segment/
"""

from __future__ import annotations

import os
import re
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline.dataset.region import parse_region
from pipeline.files import text as texts
from pipeline.importing import drawings
from pipeline.importing.drawings import Picture, Shape
from pipeline.importing.record import BROKEN, MISSING, Found, LeftOut, NotThisKindError, Options
from pipeline.importing.source import Source

_NO_LABELS = re.compile(
    r"(classes|obj|requirements|README.*|train|val|valid|test|data)\.(txt|names)", re.IGNORECASE
)
_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def read(path: Path, options: Options) -> Found:
    """Read a folder of pictures and label files."""
    source = Source(path, options.without)
    label_files = {file for file in source.named(".txt") if not _NO_LABELS.fullmatch(file.name)}
    folded = {_folded(file): file for file in sorted(label_files, reverse=True)}
    paired = {file: label for file in source.pictures if (label := _label_of(file, folded)) is not None}
    if not paired:
        looked = "pictures in images/ with text files of the same names in labels/, or beside them"
        raise NotThisKindError("yolo", path, looked, source.top())
    classes, folders, lines = settings(source)
    pictures = [
        picture(file, label, classes, _split(file, folders, source), source) for file, label in paired.items()
    ]
    orphans = sorted(label_files - {*paired.values()})
    lines += [LeftOut(source.shown(file), MISSING, "no picture has this name") for file in orphans]
    return drawings.found(pictures, classes.values(), source, options, lines)


def settings(source: Source) -> tuple[dict[str, str], dict[Path, str], list[LeftOut]]:
    """Read the names of the classes by their numbers, the splits of folders, and what is broken."""
    classes: dict[str, str] = {}
    folders: dict[Path, str] = {}
    lines = []
    for file in source.named(".yaml", ".yml"):
        try:
            values = yaml.safe_load(texts.read(file).text)
        except (ValueError, yaml.YAMLError) as error:
            lines.append(LeftOut(source.shown(file), BROKEN, str(error)))
            continue
        if not isinstance(values, dict) or not values.get("names"):
            continue
        found = _classes(values["names"])
        if not found:
            received = reprlib.repr(values["names"])
            detail = f"`names` must list the classes, or name them by their numbers. Received: {received}"
            lines.append(LeftOut(source.shown(file), BROKEN, detail))
        elif any(classes.get(number, name) != name for number, name in found.items()):
            raise ValueError(
                f"{source.shown(file)} must number the classes as the other YAML files do. Received: "
                f"{found}, and {classes} before it. Import each export by itself."
            )
        classes |= found
        folders |= _folders(values, file, source)
    for file in source.named(".txt", ".names"):
        if not classes and file.name in ("classes.txt", "obj.names"):
            classes = _classes(source.lines(file))
    return classes, folders, lines


def shapes(file: Path, classes: Mapping[str, str], where: str) -> tuple[list[Shape], str]:
    """Read a label file.

    Parameters
    ----------
    classes
        Names by numbers; where there are none, a number is its own name.
    where
        The file, as messages name it.

    Returns
    -------
    shapes : list of Shape
        With regions in shares.
    unsure : str
        Why it is no whole label file; else empty.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")  # an empty file says that nothing is there
    except (OSError, ValueError) as error:
        return [], f"{where}: {error}"
    rows = [(line, row.split()) for line, row in enumerate(text.splitlines(), start=1) if row.strip()]
    return [_shape(row, classes, f"{where}, line {line}") for line, row in rows], ""


def picture(file: Path, label: Path, classes: Mapping[str, str], split: str, source: Source) -> Picture:
    """Read the label file of a picture; see `shapes`."""
    drawn, unsure = shapes(label, classes, source.shown(label))
    return Picture(file, drawn, split, in_shares=True, unsure=unsure)


def _shape(row: Sequence[str], classes: Mapping[str, str], where: str) -> Shape:
    number = re.sub(r"\.0+$", "", row[0])
    category = classes.get(number, "") if classes else number if number.isdigit() else ""
    if not category:
        return Shape("", None, f"no class has the number {row[0][:40]!r}", where)
    try:
        values = np.array(row[1:], np.float64)
        if len(values) == 4:
            column, line, width, height = values.tolist()
            region = parse_region({"bbox": [column - width / 2, line - height / 2, width, height]})
        elif len(values) >= 6 and len(values) % 2 == 0:
            region = parse_region({"segmentation": [values.tolist()]})
        else:
            raise ValueError(f"4 numbers make a box, 6 or more a polygon. Received: {len(values)}")
    except ValueError as error:
        return Shape(category, None, str(error), where)
    return Shape(category, region, "", where)


def _label_of(file: Path, label_files: Mapping[Path, Path]) -> Path | None:
    """Find the label file of a picture, in any letter case: in labels/ for images/, or beside it."""
    own = _folded(file)
    parts = own.parts
    places = [place for place in reversed(range(len(parts) - 1)) if parts[place] == "images"]
    others = [Path(*parts[:place], "labels", *parts[place + 1 :]) for place in places]
    return next((label_files[one] for one in (*others, own) if one in label_files), None)


def _folded(file: Path) -> Path:
    """Write a path without its suffix and in small letters."""
    return Path(file.with_suffix("").as_posix().casefold())


def _split(file: Path, folders: Mapping[Path, str], source: Source) -> str:
    """Return the split by `data.yaml`, else by the folders' names."""
    given = next((folders[place] for place in (file, *file.parents) if place in folders), "")
    return given or source.split_of(file)


def _classes(names: Any) -> dict[str, str]:
    """Return the names by their numbers; nothing of what are no plain names."""
    items = dict(
        names.items() if isinstance(names, dict) else enumerate(names if isinstance(names, list) else [])
    )
    plain = all(isinstance(name, str | int | float | None) for name in items.values())
    return {str(number): str(name) for number, name in items.items()} if plain else {}


def _folders(values: Mapping[str, Any], file: Path, source: Source) -> dict[Path, str]:
    """Find folders, and pictures of lists, that data.yaml gives to splits; it may stem from elsewhere."""
    bases = [file.parent, *(file.parent / name for name in _names(values.get("path")))]
    found: dict[Path, str] = {}
    for key, split in _SPLITS.items():
        for name in _names(values.get(key)):
            for place in _places(name, bases, source.root):
                rows = source.lines(place) if place.is_file() else [""]
                found |= {one: split for row in rows for one in _places(row, [*bases, place], source.root)}
    return found


def _names(given: Any) -> list[str]:
    """List the paths that a value of data.yaml names; whatever is no text names none."""
    return [
        name for name in (given if isinstance(given, list) else [given]) if name and isinstance(name, str)
    ]


def _places(name: str, bases: Sequence[Path], root: Path) -> list[Path]:
    """Find what a name means from some folders, as it is and without the dots before it, below the source."""
    plain = re.sub(r"^(\.\.?/)+", "", name)
    places = dict.fromkeys(Path(os.path.abspath(base / one)) for base in bases for one in (name, plain))  # noqa: PTH100
    return [place for place in places if place != root and place.is_relative_to(root) and place.exists()]


def by_stem(source: Source, classes: Mapping[str, str]) -> list[Picture]:
    """Read label files that lie apart, by the names that they share with pictures."""
    files = {file.stem: file for file in source.pictures}
    labels = [label for label in source.named(".txt") if label.stem in files]
    return [picture(files[label.stem], label, classes, "", source) for label in labels]
