"""Which radiograph each annotation lies on: by its image's id and file name, in that radiograph's pixels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.dataset import joining
from pipeline.dataset.region import Region, corners
from pipeline.files.faults import Issue
from pipeline.validate import box_writing, coco_file
from pipeline.validate.coco_file import CocoFile, Drawn, Image

_TOLERANCE_SHARE = 0.02  # annotation tools round outward at the border
_MOST_WITHOUT = 0.5  # of the annotations may name no image, or several


class Target(NamedTuple):
    """A radiograph that annotations may name, as it was scanned."""

    path: str  # of the kept copy
    height_px: int
    width_px: int
    fractured: bool


class Placed(NamedTuple):
    """An annotation, the file and image that it is drawn on, and its region."""

    file: str
    image: Image
    drawn: Drawn
    region: Region


def place(
    fractures: Sequence[Drawn],
    coco: CocoFile,
    targets: Mapping[str, Target],
    files: Collection[str],
    path: Path,
) -> tuple[str, list[Placed], list[Issue]]:
    """Find the radiograph of each annotation.

    Parameters
    ----------
    fractures
        The annotations that are fractures.
    coco
        The file that they stand in.
    targets, files, path
        See `annotation_check.check`.

    Returns
    -------
    rule : str
        By which names and files were joined.
    placed : list of Placed
        Those that lie on a radiograph in use.
    issues : list of Issue
        The others.

    Raises
    ------
    ValueError
        Most annotations name no image, or most images no file; or it stays open whether boxes are in pixels.
    """
    named, nameless = _named(fractures, coco, path)
    rule, placed, unplaced = _on_files(named, coco, files, targets, path)
    scaled, noted = _in_pixels(placed, targets, path)
    return rule, scaled, [*nameless, *unplaced, *noted]


def malformed(file: str, drawn: Drawn, error: Exception) -> Issue:
    """Say of an annotation that it is no region inside its radiograph."""
    detail = f"annotation {coco_file.shortened(drawn.values.get('id'))}: {error}"
    return Issue.of(file, "annotation_malformed", detail)


def _named(
    fractures: Sequence[Drawn], coco: CocoFile, path: Path
) -> tuple[list[tuple[Image, Drawn]], list[Issue]]:
    """Find the image of each annotation by its id; an id of several files is nobody's."""
    named, issues = [], []
    for one in fractures:
        images = coco.images.get(one.image, []) if one.image else []
        if len(images) == 1:
            named.append((images[0], one))
            continue
        shown = coco_file.shortened(one.values.get("image_id"))
        if images:
            files = " and ".join(sorted(image.name for image in images)[:2])
            issues.append(Issue.of("", "annotation_ambiguous_image", f"image_id {shown} is that of {files}"))
        else:
            detail = f"image_id {shown} names no image of {path.name}"
            issues.append(Issue.of("", "annotation_without_image", detail))
    if len(issues) > _MOST_WITHOUT * len(fractures):
        known = next(iter(coco.images), "none")
        raise ValueError(
            f"{path}: each annotation must name one image by image_id. Received: {len(issues)} of "
            f"{len(fractures)} that do not, such as: {issues[0].detail}; `images` has id {known!r}. "
            "Export it anew."
        )
    return named, issues


def _on_files(
    named: Sequence[tuple[Image, Drawn]],
    coco: CocoFile,
    files: Collection[str],
    targets: Mapping[str, Target],
    path: Path,
) -> tuple[str, list[Placed], list[Issue]]:
    """Find the radiograph of each annotation, and read its region."""
    joined = joining.join({image.name for images in coco.images.values() for image in images}, files)
    drawn_on = {image.name for image, _ in named}
    fractured = [file for file in files if file not in targets or targets[file].fractured]
    joining.require(joined, drawn_on, fractured, f"{path}, `file_name`,", "annotated images")
    placed, issues = [], []
    for image, drawn in named:
        file = joined.path_of.get(image.name, image.name)
        if file not in targets:
            issues.append(Issue.of(file, "annotation_unknown_file", "no kept radiograph has this path"))
            continue
        sized = image if image.has_size else targets[file]
        try:
            region = coco_file.region(drawn, sized.height_px, sized.width_px)
            placed.append(Placed(file, image, drawn, region))
        except ValueError as error:
            issues.append(malformed(file, drawn, error))
    return joined.rule, placed, issues


def _in_pixels(
    placed: list[Placed], targets: Mapping[str, Target], path: Path
) -> tuple[list[Placed], list[Issue]]:
    """Turn shares of the radiograph into pixels, where all regions are drawn in shares."""
    box_writing.require_sizes(path, [_box(one, targets[one.file]) for one in placed])
    numbers = np.array([corners(one.region.bbox) for one in placed]).reshape(-1, 4, 2)
    is_share = (numbers >= -_TOLERANCE_SHARE) & (numbers <= 1 + _TOLERANCE_SHARE)
    if not len(placed) or not is_share.all():
        return placed, []
    if (numbers == numbers.round()).all():
        raise ValueError(
            f"{path}: boxes must be in pixels: left, top, width, height. Received: only zeros and ones, such "
            f"as {placed[0].region.bbox}, which may be pixels or shares of the radiograph. Write pixels."
        )
    scaled = [one._replace(region=_scaled(one.region, targets[one.file])) for one in placed]
    detail = f"all {len(placed)} regions lie within 0 to 1: taken for shares of the radiograph"
    return scaled, [Issue.of("", "annotation_normalised", detail)]


def _box(one: Placed, target: Target) -> box_writing.Box:
    values = one.drawn.values
    sides = (one.image.width_px or target.width_px, one.image.height_px or target.height_px)
    extent = one.region.bbox[2:] if one.region.polygons else None
    return box_writing.Box(one.file, values.get("bbox"), sides, values.get("area"), extent)


def _scaled(region: Region, target: Target) -> Region:
    scale = np.array([target.width_px, target.height_px], dtype=np.float64)
    left, top, width, height = np.multiply(region.bbox, np.tile(scale, 2)).tolist()
    return replace(
        region,
        polygons=tuple(polygon * scale for polygon in region.polygons),
        bbox=(left, top, width, height),
    )
