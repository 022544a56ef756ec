"""Which of the user's annotations are sound: of a kept file, of the right size, inside the radiograph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.dataset.annotations import Annotations, Region, corners, load_coco, parse_region
from pipeline.dataset.manifest import KEPT, QUARANTINED
from pipeline.files.faults import Issue

_TOLERANCE_PX = 1.0  # annotation tools round outward at the border


class Target(NamedTuple):
    """A radiograph that annotations may name, as it was scanned."""

    path: str  # of the kept copy
    height_px: int
    width_px: int
    fractured: bool


def targets(files: pd.DataFrame) -> dict[str, Target]:
    """List what annotations may name: kept radiographs, and byte copies under the kept one's path.

    Parameters
    ----------
    files
        One row a file, as `grouping` gives them.
    """
    kept = files[files["status"] == KEPT].set_index("sha256")["path"]
    usable = files[files["status"] != QUARANTINED]
    return {
        row.path: Target(kept[row.sha256], int(row.height_px), int(row.width_px), row.fractured)
        for row in usable.itertuples()
    }


def check(path: Path, targets: Mapping[str, Target]) -> tuple[Annotations, list[Issue]]:
    """Take from the user's COCO file what is sound and belongs to a kept radiograph.

    Parameters
    ----------
    path
        A COCO file whose ``file_name`` are relative to ``data.root``.
    targets
        The readable files by path. Those of byte copies name the kept copy, and their
        annotations move to it when it has none of its own.

    Returns
    -------
    annotations : Annotations
        By the path of the kept copy, with the sizes of all kept radiographs.
    issues : list of Issue
        One for each annotation left out and each image that names no kept file.

    Raises
    ------
    ValueError
        The file is no COCO JSON.
    """
    values = load_coco(path)
    by_image: dict[Any, list[Any]] = {}
    for annotation in values["annotations"]:
        by_image.setdefault(annotation.get("image_id"), []).append(annotation)
    regions: dict[str, tuple[Region, ...]] = {}
    issues: list[Issue] = []
    # A kept file's own annotations come before those of its copies.
    for image in sorted(values["images"], key=lambda image: _is_copy(image, targets)):
        drawn = by_image.pop(image.get("id"), [])
        sound, faults = _check_image(image, drawn, targets.get(str(image.get("file_name"))))
        issues += faults
        if sound and (target := targets[image["file_name"]]).path not in regions:
            regions[target.path] = tuple(sound)
    issues += [
        Issue.of("", "annotation_without_image", f"image_id {key!r} names no image of {path.name}")
        for key in by_image
    ]
    sizes = {kept.path: (kept.height_px, kept.width_px) for kept in targets.values()}
    return Annotations(regions, sizes), issues


def _is_copy(image: Mapping[str, Any], targets: Mapping[str, Target]) -> bool:
    name = str(image.get("file_name"))
    return name in targets and targets[name].path != name


def _check_image(
    image: Mapping[str, Any], drawn: Sequence[Mapping[str, Any]], target: Target | None
) -> tuple[list[Region], list[Issue]]:
    """Sort the annotations of one image into sound regions and issues."""
    name = str(image.get("file_name"))
    if not drawn:
        return [], []
    if target is None:
        return [], [Issue.of(name, "annotation_unknown_file", "no kept radiograph has this path")]
    if (image.get("height"), image.get("width")) != (target.height_px, target.width_px):
        received = f"{image.get('height')} x {image.get('width')}"
        detail = f"drawn on {received}, the radiograph has {target.height_px} x {target.width_px}"
        return [], [Issue.of(name, "annotation_size", detail)]
    if not target.fractured:
        detail = "a fracture is drawn on a radiograph labelled not fractured"
        return [], [Issue.of(name, "annotation_on_not_fractured", detail)]
    sound, issues = [], []
    for annotation in drawn:
        try:
            region = parse_region(annotation)
            _check_inside(region, target)
            sound.append(region)
        except ValueError as error:
            detail = f"annotation {annotation.get('id')!r}: {error}"
            issues.append(Issue.of(name, "annotation_malformed", detail))
    return sound, issues


def _check_inside(region: Region, target: Target) -> None:
    outline = corners(region.bbox)
    limit = np.array([target.width_px, target.height_px], dtype=np.float64)
    if (outline < -_TOLERANCE_PX).any() or (outline > limit + _TOLERANCE_PX).any():
        raise ValueError(
            f"outside the {target.height_px} x {target.width_px} radiograph. Received: {region.bbox}"
        )
