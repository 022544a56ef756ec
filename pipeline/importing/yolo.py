"""YOLO: a text file a radiograph, a line a shape, in shares of the radiograph's sides.

``data.yaml`` names the classes and the folders of the splits; ``images/`` and ``labels/`` are parallel trees,
or lie in ``train``, ``valid`` and ``test``, as Roboflow exports them; or text files lie beside the pictures.
https://docs.ultralytics.com/datasets/detect/ and https://docs.ultralytics.com/datasets/segment/
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path

import numpy as np

from pipeline.dataset.region import parse_region
from pipeline.importing import drawings, yolo_settings
from pipeline.importing.drawings import Picture, Shape
from pipeline.importing.record import AMBIGUOUS, MISSING, Found, LeftOut, NotThisKindError, Options
from pipeline.importing.source import Source
from pipeline.importing.yolo_settings import Named

_NO_LABELS = re.compile(
    r"(classes|obj|requirements|README.*|train|val|valid|validation|test|data)\.(txt|names)", re.IGNORECASE
)


def read(path: Path, options: Options) -> Found:
    """Read a folder of pictures and label files."""
    source = Source(path, options.without)
    label_files = {file for file in source.named(".txt") if not _NO_LABELS.fullmatch(file.name)}
    paired, doubtful = _paired(source.pictures, label_files)
    if not paired:
        looked = "pictures in images/ with text files of the same names in labels/, or beside them"
        raise NotThisKindError("yolo", path, looked, source.top())
    settings = yolo_settings.read(source)
    pictures = [
        picture(file, label, settings.classes_at(label), _split(file, settings.splits, source), source)
        for file, label in paired.items()
    ]
    lines = [*settings.left_out, *_lacking(settings.named, pictures, source)]
    for labels, files in doubtful:
        told = " and ".join(map(source.shown, [*labels, *files]))
        detail = f"names that differ in the case of letters alone do not tell what belongs together: {told}"
        lines += [LeftOut(source.shown(file), AMBIGUOUS, detail) for file in files]
    known = {*paired.values(), *settings.lists, *(label for labels, _ in doubtful for label in labels)}
    orphans = sorted(label_files - known)
    lines += [LeftOut(source.shown(file), MISSING, "no picture has this name") for file in orphans]
    return drawings.found(pictures, settings.names(), source, options, lines)


def _lacking(named: Iterable[Named], pictures: Iterable[Picture], source: Source) -> list[LeftOut]:
    """Say of each split that is named, and that no picture has, that this is so."""
    there = {one.split for one in pictures}
    return [
        LeftOut(
            source.shown(one.file),
            MISSING,
            f"`{one.key}` names {one.name!r}, and no labelled picture is there",
        )
        for one in named
        if one.split not in there
    ]


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


def _paired(
    pictures: Sequence[Path], label_files: Set[Path]
) -> tuple[dict[Path, Path], list[tuple[list[Path], list[Path]]]]:
    """Find the label file of each picture: by the exact name, else in any letter case where one is left.

    Returns
    -------
    label_of : dict
    doubtful : list of tuple
        Label files, and pictures, that are alike but for the case of letters.
    """
    label_of: dict[Path, Path] = {}
    doubtful: list[tuple[list[Path], list[Path]]] = []
    for key in (Path, _folders_folded, _folded):
        labels_of, pictures_of, doubtful = defaultdict(list), defaultdict(list), []
        for label in sorted(label_files - {*label_of.values()}):
            labels_of[key(label.with_suffix(""))].append(label)
        for file in pictures:
            places = () if file in label_of else _places(key(file.with_suffix("")))
            if (place := next((one for one in places if one in labels_of), None)) is not None:
                pictures_of[place].append(file)
        for place, files in pictures_of.items():
            if len(labels_of[place]) == len({file.stem for file in files}) == 1:
                label_of |= dict.fromkeys(files, labels_of[place][0])
            else:
                doubtful.append((labels_of[place], files))
    return {file: label_of[file] for file in pictures if file in label_of}, doubtful


def _places(file: Path) -> list[Path]:
    """List where the label file of a picture may lie: in labels/ for images/, or beside it."""
    parts = file.parts
    places = [place for place in reversed(range(len(parts) - 1)) if parts[place] == "images"]
    return [*(Path(*parts[:place], "labels", *parts[place + 1 :]) for place in places), file]


def _folders_folded(file: Path) -> Path:
    return Path(file.parent.as_posix().casefold(), file.name)


def _folded(file: Path) -> Path:
    return Path(file.as_posix().casefold())


def _split(file: Path, folders: Mapping[Path, str], source: Source) -> str:
    """Return the split by `data.yaml` or `obj.data`, else by the folders' names."""
    given = next((folders[place] for place in (file, *file.parents) if place in folders), "")
    return given or source.split_of(file)


def by_stem(source: Source, classes: Mapping[str, str]) -> list[Picture]:
    """Read label files that lie apart, by the names that they share with pictures."""
    files = {file.stem: file for file in source.pictures}
    labels = [label for label in source.named(".txt") if label.stem in files]
    return [picture(files[label.stem], label, classes, "", source) for label in labels]
