"""Which of the user's annotations are sound: fractures of a kept file, of its size, inside the radiograph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipeline.dataset.annotations import Annotations
from pipeline.dataset.manifest import KEPT, QUARANTINED
from pipeline.dataset.region import Region, corners
from pipeline.files.faults import Issue
from pipeline.validate import annotation_messages, categories, coco_file
from pipeline.validate import annotation_placement as placement
from pipeline.validate.annotation_placement import Placed, Target, malformed
from pipeline.validate.coco_file import CocoFile

_TOLERANCE_PX = 1.0  # annotation tools round outward at the border


class Checked(NamedTuple):
    """The sound annotations, what is wrong with the others, and ``annotations_given`` and ``_used``."""

    annotations: Annotations
    issues: list[Issue]
    figures: dict[str, int]


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


def read(path: Path, fracture_categories: Sequence[str | int]) -> tuple[CocoFile, frozenset[str]]:
    """Read the user's COCO file, and choose the categories that are fractures; a ValueError as in `check`."""
    coco = coco_file.read(path)
    used = [one.category for one in coco.drawn]
    return coco, categories.choose(coco.categories, used, fracture_categories, path)


def check(
    path: Path,
    targets: Mapping[str, Target],
    fracture_categories: Sequence[str | int] = (),
    files: Collection[str] = (),
) -> Checked:
    """Take from the user's COCO file what is sound and belongs to a kept radiograph.

    Parameters
    ----------
    path
        A COCO file whose ``file_name`` name files, see `joining`.
    targets
        The readable files by path. Those of byte copies name the kept copy, and their
        annotations move to it when it has none of its own.
    fracture_categories
        See `categories.choose`.
    files
        The paths of all files: annotations may name those that are not used, too.

    Returns
    -------
    Checked
        The annotations by the path of the kept copy, with the sizes of all kept radiographs; an issue for
        each annotation left out and each image that names no kept file.

    Raises
    ------
    ValueError
        The file is no COCO JSON, its categories leave open what a fracture is, or its images are not those of
        the folder.
    """
    coco, chosen = read(path, fracture_categories)
    annotation_messages.say_chosen(coco, chosen, by_setting=bool(fracture_categories))
    others = Counter(one.category for one in coco.drawn if one.category not in chosen)
    issues = [*coco.issues, *_other_categories(others, coco)]
    fractures = [one for one in coco.drawn if one.category in chosen]
    _require_names(coco, path)
    rule, placed, found = placement.place(fractures, coco, targets, {*targets, *files}, path)
    issues += found
    regions, found = _sound(placed, targets)
    issues += found
    sizes = {kept.path: (kept.height_px, kept.width_px) for kept in targets.values()}
    n_used = sum(map(len, regions.values()))
    annotation_messages.say_used(coco, rule, regions, n_used, targets, issues, others)
    annotation_messages.warn_of_points(regions, sizes)
    figures = {"annotations_given": coco.n_given, "annotations_used": n_used}
    return Checked(Annotations(regions, sizes), issues, figures)


def _require_names(coco: CocoFile, path: Path) -> None:
    """Refuse images of which most name no file.

    Raises
    ------
    ValueError
        More than half of the images have no ``file_name``.
    """
    images = [image for same in coco.images.values() for image in same]
    n_without = sum(not image.name for image in images)
    if 2 * n_without > len(images):
        raise ValueError(
            f"{path}: each of `images` must have a `file_name`. Received: {n_without} of {len(images)} "
            "without one. Export it anew, or name the files so."
        )


def _other_categories(others: Counter[str], coco: CocoFile) -> list[Issue]:
    """Count what is left out because it is no fracture."""
    return [
        Issue.of("", "annotation_other_category", f"{coco.categories.get(key) or key!r}: {n} annotations")
        for key, n in sorted(others.items())
    ]


def _sound(
    placed: Sequence[Placed], targets: Mapping[str, Target]
) -> tuple[dict[str, tuple[Region, ...]], list[Issue]]:
    """Sort the regions into sound ones, by the path of the kept copy, and issues."""
    sound: dict[str, list[Region]] = {}
    issues, sizeless = [], {one.file for one in placed if not one.image.has_size}
    for one in placed:
        if (issue := _fault(one, targets[one.file])) is not None:
            issues.append(issue)
        else:
            sound.setdefault(one.file, []).append(one.region)
    if sizeless:
        detail = f"{len(sizeless)} of {len({one.file for one in placed})} annotated images name no size"
        issues.append(Issue.of("", "annotation_no_size", detail))
    regions: dict[str, tuple[Region, ...]] = {}
    # A kept file's own annotations come before those of its copies.
    for file in sorted(sound, key=lambda file: (targets[file].path != file, file)):
        regions.setdefault(targets[file].path, tuple(sound[file]))
    return regions, issues


def _fault(one: Placed, target: Target) -> Issue | None:
    """Say what is wrong with a region on its radiograph, if anything."""
    drawn_on = (one.image.height_px, one.image.width_px)
    if one.image.has_size and drawn_on != (target.height_px, target.width_px):
        received = f"{drawn_on[0]} x {drawn_on[1]}"
        detail = f"drawn on {received}, the radiograph has {target.height_px} x {target.width_px}"
        return Issue.of(one.file, "annotation_size", detail)
    if not target.fractured:
        detail = "a fracture is drawn on a radiograph labelled not fractured"
        return Issue.of(one.file, "annotation_on_not_fractured", detail)
    try:
        check_inside(one.region, target.height_px, target.width_px)
    except ValueError as error:
        return malformed(one.file, one.drawn, error)
    return None


def check_inside(region: Region, height_px: int, width_px: int) -> None:
    """Refuse a region outside its radiograph.

    Raises
    ------
    ValueError
        It sticks out by more than a pixel, or lies within the first pixel.
    """
    outline = corners(region.bbox)
    limit = np.array([width_px, height_px], dtype=np.float64)
    if (outline <= 1).all():
        raise ValueError(f"within the first pixel, though others are in pixels. Received: {region.bbox}")
    if (outline < -_TOLERANCE_PX).any() or (outline > limit + _TOLERANCE_PX).any():
        raise ValueError(f"outside the {height_px} x {width_px} radiograph. Received: {region.bbox}")
