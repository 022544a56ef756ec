"""COCO: JSON files anywhere below the folder, with polygons, masks or boxes in pixels.

A file's own name or folder may tell the split: ``instances_train2017.json``, ``valid/any.json``.
https://cocodataset.org/#format-data
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.dataset.region import corners
from pipeline.importing import drawings
from pipeline.importing.drawings import Picture, Shape
from pipeline.importing.record import BAD_ROW, BROKEN, Found, LeftOut, NotThisKindError, Options
from pipeline.importing.source import Source, missing, split_of_name
from pipeline.validate import box_writing, coco_file
from pipeline.validate.coco_file import CocoFile, Drawn, Image

_TOLERANCE = 0.02  # in shares of a side: tools round outward at the border


def read(path: Path, options: Options) -> Found:
    """Read a folder of COCO files and pictures, or one COCO file with the pictures below its folder."""
    source = Source(path.parent if path.is_file() else path, options.without)
    files = [path.absolute()] if path.is_file() else source.named(".json")
    pictures: list[Picture] = []
    names: list[str] = []
    lines: list[LeftOut] = []
    for file in files:
        try:
            drawn, found, more = annotated(file, source)
        except ValueError as error:
            lines.append(LeftOut(source.shown(file), BROKEN, str(error)))
            continue
        pictures, names, lines = [*pictures, *drawn], [*names, *found], [*lines, *more]
    if not pictures:
        why = f" (the first that is none: {lines[0].detail})" if lines else ""
        raise NotThisKindError(
            "coco", path, f"a COCO file whose images lie beside or below it{why}", source.top()
        )
    return drawings.found(pictures, dict.fromkeys(names), source, options, lines)


class Placed(NamedTuple):
    """An annotation, the image that it is drawn on, and its shape."""

    image: Image
    drawn: Drawn
    shape: Shape


def annotated(path: Path, source: Source) -> tuple[list[Picture], list[str], list[LeftOut]]:
    """Read a COCO file: its pictures with their shapes, the names of its categories, and what is left out.

    Raises
    ------
    ValueError
        It is no COCO, or its boxes are not left, top, width and height.
    """
    coco = coco_file.read(path)
    where, split = source.shown(path), split_of_name(path.name) or source.split_of(path)
    images = {key: same[0] for key, same in coco.images.items() if len(same) == 1}
    path_of = source.find({image.name for image in images.values() if image.name}, path)
    placed, lines = _placed(coco, images, where)
    box_writing.require_sizes(path, [_box(one) for one in placed])
    in_shares = _in_shares(placed)
    shapes: dict[str, list[Shape]] = defaultdict(list)
    for one in placed:
        shapes[one.image.name].append(one.shape)
    pictures = [
        Picture(file, shapes[image.name], split or source.split_of(file), _size(image), in_shares)
        for image in dict.fromkeys(images.values())
        if (file := path_of.get(image.name)) is not None
    ]
    lines += missing(sorted({image.name for image in images.values()} - path_of.keys()), where, source)
    return pictures, [name or key for key, name in coco.categories.items()], lines


def _placed(coco: CocoFile, images: Mapping[str, Image], where: str) -> tuple[list[Placed], list[LeftOut]]:
    """Find the image of each annotation by its id; an id of none or of several is nobody's."""
    placed, lines = [], [LeftOut(where, BAD_ROW, issue.detail) for issue in coco.issues]
    for one in coco.drawn:
        if one.image in images:
            image = images[one.image]
            placed.append(Placed(image, one, _shape(one, image, coco, where)))
        else:
            detail = f"annotation {coco_file.shortened(one.values.get('id'))} names no one image"
            lines.append(LeftOut(where, BAD_ROW, detail))
    for key, same in coco.images.items():
        if len(same) > 1:
            lines += [
                LeftOut(image.name, BAD_ROW, f"{where} gives several files the id {key!r}") for image in same
            ]
    return placed, lines


def _shape(one: Drawn, image: Image, coco: CocoFile, where: str) -> Shape:
    known = one.category in coco.categories or not coco.categories  # else the id is all that tells
    category = (coco.categories.get(one.category) or one.category) if known else ""
    where = f"{where}, annotation {coco_file.shortened(one.values.get('id'))}"
    fault = "" if category else f"no category has the id {one.category!r}"
    try:
        region = coco_file.region(one, image.height_px, image.width_px)
        return Shape(category, region, fault, where)
    except ValueError as error:
        return Shape(category, None, fault or str(error), where)


def _box(one: Placed) -> box_writing.Box:
    region, sides = one.shape.region, (one.image.width_px, one.image.height_px)
    extent = region.bbox[2:] if region is not None and region.polygons else None
    return box_writing.Box(
        one.image.name, one.drawn.values.get("bbox"), sides, one.drawn.values.get("area"), extent
    )


def _in_shares(placed: Sequence[Placed]) -> bool:
    """Whether all regions are drawn in shares of the radiograph: nobody marks single pixels of the corner."""
    boxes = [corners(one.shape.region.bbox) for one in placed if one.shape.region is not None]
    return bool(boxes) and all((box >= -_TOLERANCE).all() and (box <= 1 + _TOLERANCE).all() for box in boxes)


def _size(image: Image) -> tuple[int, int] | None:
    return (image.height_px, image.width_px) if image.has_size else None
