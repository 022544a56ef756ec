"""The phantoms' folder: files in the users' layout, polygons as COCO, the answer key of the faults."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config import Phantoms
from pipeline.files import digests
from pipeline.files.digests import DIGESTS
from pipeline.files.engine import process
from pipeline.files.outputs import sha256
from pipeline.phantoms.faults import MadeFile, make, plan
from pipeline.types import AnyArray

ANNOTATIONS = "annotations.coco.json"
FAULTS_TABLE = "faults.csv"
LABELS_TABLE = "labels.csv"
_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}  # desktops leave it where one looks
_INFO = {"description": "Procedural radiographs: drawings, not pictures of anybody"}
_LABELS_HEADER = ("path", "body_part", "laterality", "hardware")
_N_NAMED = 3


def write(folder: Path, settings: Phantoms, *, seed: int, workers: int) -> int:
    """Draw all phantoms into a folder, with ``annotations.coco.json``, ``faults.csv``, ``labels.csv``.

    ``SHA256SUMS`` tells later what was drawn from what was put or changed there.

    Parameters
    ----------
    folder
        Where the files go; it is made.
    settings
        Counts, sizes and shares.
    seed
        Same seed, same bytes, however many workers there are.
    workers
        Number of processes; 0 takes one a core.

    Returns
    -------
    int
        Number of image files written, planted copies among them.
    """
    orders = plan(settings, seed)
    drawing = partial(make, seed=seed, side_px=(settings.min_side_px, settings.max_side_px))
    made = []
    for each in process(drawing, orders, workers=workers, label="draw phantoms"):
        target = folder / each.order.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(each.data)
        made.append(each)
    text = json.dumps(_coco(made), indent=1)
    (folder / ANNOTATIONS).write_text(text + "\n", encoding="utf-8", newline="\n")
    faulty = ((each.order.path, each.order.fault, each.order.source) for each in made if each.order.fault)
    _write_table(folder / FAULTS_TABLE, ("path", "fault", "source"), faulty)
    _write_table(folder / LABELS_TABLE, _LABELS_HEADER, _labels(made))
    digests.write(folder, (_name(folder, path) for path in _files(folder)))
    return len(made)


def refuse_others(folder: Path) -> None:
    """Refuse a folder that holds what `write` did not put there: drawing anew replaces it whole.

    Parameters
    ----------
    folder
        Where phantoms are to stand; it may be absent. Nothing is changed.

    Raises
    ------
    ValueError
        It is a file or a link, or holds a file that is not as it was drawn.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        received = f"{folder}, a link or a file"
    elif others := _others(folder):
        received = f"files put or changed there ({len(others)}): {', '.join(others[:_N_NAMED])}"
    else:
        return
    raise ValueError(
        f"{folder} is replaced whole, so it must hold drawn phantoms alone. Received: {received}. "
        "Nothing was deleted. Move what is yours to Data/{train,val,test} or another folder, name it by "
        f"data.root, data.annotations and data.labels in params.yaml, and delete {folder}; or set "
        "paths.phantoms elsewhere."
    )


def _others(folder: Path) -> list[str]:
    """Names of the files that are not as they were drawn; all of them where no record of that is left."""
    drawn = digests.read(folder)
    return [_name(folder, path) for path in _files(folder) if not _is_drawn(path, _name(folder, path), drawn)]


def _is_drawn(path: Path, name: str, drawn: Mapping[str, str]) -> bool:
    if name == DIGESTS:
        return bool(drawn)
    return path.is_file() and not path.is_symlink() and drawn.get(name) == sha256(path)


def _files(folder: Path) -> list[Path]:
    """All but folders, links among them, in order."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir())
    return [path for path in paths if path.name not in _LITTER]


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _coco(made: list[MadeFile]) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    pictures = []
    for image_id, each in enumerate(made, start=1):
        phantom = each.phantom
        height_px, width_px = phantom.pixels.shape
        pictures.append(
            {
                "id": image_id,
                "file_name": each.order.path,
                "height": height_px,
                "width": width_px,
                "body_part": phantom.body_part,
                "fracture": phantom.kind,
                "hardware": phantom.hardware,
                "negative": phantom.exposure.negative,
            }
        )
        if phantom.polygon is not None:
            annotations.append(_region(phantom.polygon, len(annotations) + 1, image_id))
    return {
        "info": _INFO,
        "images": pictures,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "fracture"}],
    }


def _region(polygon: AnyArray, annotation_id: int, image_id: int) -> dict[str, Any]:
    corners = np.round(polygon.astype(np.float64), 2)
    low, high = corners.min(axis=0), corners.max(axis=0)
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "segmentation": [corners.ravel().tolist()],
        "bbox": np.round([*low, *(high - low)], 2).tolist(),
        "area": round(_area(corners), 2),
    }


def _area(corners: AnyArray) -> float:
    """Area of a polygon, by the shoelace formula."""
    columns, rows = corners.T
    return float(abs(columns @ np.roll(rows, -1) - rows @ np.roll(columns, -1)) / 2)


def _labels(made: list[MadeFile]) -> Iterator[tuple[str, ...]]:
    for each in made:
        phantom = each.phantom
        hardware = "yes" if phantom.hardware else "no"
        yield each.order.path, phantom.body_part, phantom.exposure.laterality, hardware


def _write_table(path: Path, header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
