"""CVAT for images 1.1: ``annotations.xml`` with boxes, polygons, masks and tags, beside ``images/``.

https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/ and https://docs.cvat.ai/docs/other/xml_format/
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import cv2
import numpy as np

from pipeline.dataset.region import Region, corners, parse_region
from pipeline.importing import drawings, xml_files
from pipeline.importing.drawings import Picture, Shape
from pipeline.importing.record import BROKEN, Found, LeftOut, NotThisKindError, Options
from pipeline.importing.source import Source, missing, split_of

_SHAPES = {"box", "polygon", "mask", "tag", "polyline", "points", "ellipse", "cuboid", "skeleton"}


def read(path: Path, options: Options) -> Found:
    """Read an unpacked export, or its XML file with the pictures below its folder."""
    source = Source(path.parent if path.is_file() else path, options.without)
    files = [path.absolute()] if path.is_file() else source.named(".xml")
    pictures: list[Picture] = []
    names: dict[str, None] = {}
    lines: list[LeftOut] = []
    for file in files:
        try:
            root = _root(file)
        except ValueError as error:
            lines.append(LeftOut(source.shown(file), BROKEN, str(error)))
            continue
        names |= dict.fromkeys(name.text.strip() for name in root.iterfind("meta//label/name") if name.text)
        found, more = _annotated(root, file, source, {*names})
        pictures, lines = [*pictures, *found], [*lines, *more]
    if not pictures:
        why = f" (the first that is none: {lines[0].file}: {lines[0].detail})" if lines else ""
        looked = f"annotations.xml of `CVAT for images 1.1`, and the pictures that it names{why}"
        raise NotThisKindError("cvat", path, looked, source.top())
    return drawings.found(pictures, names, source, options, lines)


def _root(file: Path) -> Element:
    root = xml_files.read(file)
    if root.tag != "annotations":
        raise ValueError(f"the root of a CVAT file must be <annotations>. Received: <{root.tag}>")
    if root.find("image") is None:
        kind = "<track>, of `CVAT for video`" if root.find("track") is not None else "no <image>"
        raise ValueError(f"it must hold <image>, as `CVAT for images 1.1` does. Received: {kind}")
    return root


def _annotated(
    root: Element, file: Path, source: Source, names: set[str]
) -> tuple[list[Picture], list[LeftOut]]:
    images = _named(root, source)
    path_of = source.find({name for name, _ in images if name}, file)
    lines = missing(sorted({name for name, _ in images} - path_of.keys()), source.shown(file), source)
    by_tags = root.find("image/tag") is not None
    return [
        _picture(path_of[name], image, source, names, by_tags=by_tags)
        for name, image in images
        if name in path_of
    ], lines


def _named(root: Element, source: Source) -> list[tuple[str, Element]]:
    """List the images by their names; where pictures share one, the subset's folder stands before it."""
    images = [(image.get("name", ""), image) for image in root.iterfind("image")]
    if not any(len(source.called(name)) > 1 for name, _ in images):
        return images
    return [(f"{image.get('subset', '')}/{name}".lstrip("/"), image) for name, image in images]


def _picture(file: Path, image: Element, source: Source, names: set[str], *, by_tags: bool) -> Picture:
    where = source.shown(file)
    shapes = [_shape(one, where, names) for one in image if one.tag in _SHAPES]
    split = split_of([image.get("subset", "")]) or source.split_of(file)
    size = xml_files.size(image.get("height"), image.get("width"))
    return Picture(file, shapes, split, size, untagged=by_tags and image.find("tag") is None)


def _shape(one: Element, where: str, names: set[str]) -> Shape:
    label = one.get("label", "")
    if not label or (names and label not in names):
        return Shape("", None, f"{label!r} is none of the labels", where)
    try:
        return Shape(label, _region(one), "", where)
    except ValueError as error:
        return Shape(label, None, str(error), where)


def _region(one: Element) -> Region | None:
    """Read a shape in pixels; of a mask, the box around it; a tag has no place."""
    if one.tag == "tag":
        return None
    if one.tag == "box":
        region = xml_files.box({key: one.get(key) for key in ("xtl", "ytl", "xbr", "ybr")})
        return _turned(region, xml_files.number(one.get("rotation", "0"), "rotation"))
    if one.tag == "mask":
        box = [xml_files.number(one.get(key), key) for key in ("left", "top", "width", "height")]
        return parse_region({"bbox": box})
    if one.tag == "polygon":
        points = one.get("points", "").replace(";", ",").split(",")
        return parse_region({"segmentation": [[xml_files.number(point, "a point") for point in points]]})
    raise ValueError(f"a shape must be a box, polygon, mask or tag. Received: <{one.tag}>")


def _turned(region: Region, degrees: float) -> Region:
    """Turn a box clockwise round its centre, as CVAT writes turned boxes."""
    if degrees % 360 == 0:
        return region
    outline = corners(region.bbox)
    column, row = outline.mean(axis=0)
    turn = cv2.getRotationMatrix2D((float(column), float(row)), -degrees, 1)
    turned = np.hstack([outline, np.ones((4, 1))]) @ turn.T
    return parse_region({"segmentation": [turned.ravel().tolist()]})
