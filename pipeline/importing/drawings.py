"""From drawn shapes to records: which classes are fractures, which regions are sound, and so the label.

A radiograph is fractured where a shape of a fracture's class is drawn on it, even one that is not sound. It
is not fractured where its label file names it and every shape is of another class that is known. Whatever
else leaves that open leaves the radiograph out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.dataset.region import Region, distinct
from pipeline.files import engine, images
from pipeline.files.faults import ImageFault
from pipeline.importing import classes
from pipeline.importing.record import (
    BAD_ROW,
    BROKEN,
    OUTSIDE,
    REPEATED,
    TWO_LABELS,
    UNKNOWN_CLASS,
    UNREADABLE,
    Found,
    LeftOut,
    Options,
    Record,
)
from pipeline.importing.source import Source
from pipeline.validate import annotation_check

_TOLERANCE = 0.02  # in shares of a side: tools round outward at the border


class Shape(NamedTuple):
    """A drawn shape: its class (empty: unknown), its region (None: it has none), its fault, and its place."""

    category: str
    region: Region | None
    fault: str = ""
    where: str = ""


@dataclass(frozen=True)
class Picture:
    """A radiograph as its label file describes it.

    Attributes
    ----------
    file
        The radiograph.
    shapes
        What is drawn on it.
    split
        As `Record`.
    size
        (height_px, width_px) by the label file; None where it does not tell.
    in_shares
        Whether regions are in shares of the radiograph's sides.
    unsure
        Why nothing drawn does not mean that nothing is there; empty where it does.
    untagged
        Whether tags are the labels, and it has none: then only a fracture on it is one.
    """

    file: Path
    shapes: list[Shape] = field(default_factory=list)
    split: str = ""
    size: tuple[int, int] | None = None
    in_shares: bool = False
    unsure: str = ""
    untagged: bool = False


def found(
    pictures: Sequence[Picture],
    named: Iterable[str],
    source: Source,
    options: Options,
    left_out: Sequence[LeftOut] = (),
    fractures: frozenset[str] | None = None,
) -> Found:
    """Make a record of each radiograph.

    Parameters
    ----------
    named
        The classes that the source declares.
    left_out
        What the reader left out before.
    fractures
        The classes that are fractures, where the kind of source fixes them.

    Raises
    ------
    ValueError
        It stays open which classes are fractures.
    """
    if fractures is None:
        used = [shape.category for picture in pictures for shape in picture.shapes if shape.category]
        try:
            fractures = classes.choose([*named], used, options, source.root)
        except ValueError as error:
            broken = next((f" {one.file}: {one.detail}" for one in left_out if one.cause == BROKEN), "")
            raise ValueError(f"{error}{broken}") from None
    boxes = sum(len(picture.shapes) for picture in pictures)
    said = {*fractures, ""}
    pictures = [
        one for one in pictures if not one.untagged or said & {shape.category for shape in one.shapes}
    ]
    sized, unreadable = _with_sizes(pictures, fractures, source)
    records, more = [], [*left_out, *unreadable]
    for picture in sized:
        record, lines = _record(picture, fractures, source)
        records += record
        more += lines
    background = _background(source, pictures, more)
    remarks: tuple[str, ...] = ()
    if options.background:
        records += background
    elif background:
        remarks = (
            f"{len(background)} pictures that no label names are left out; where that means that nothing is "
            "fractured on them, --background takes them",
        )
    return Found(records, [*source.left_out, *more], source.pictures, remarks, boxes)


def _with_sizes(
    pictures: Sequence[Picture], fractures: frozenset[str], source: Source
) -> tuple[list[Picture], list[LeftOut]]:
    """Read the sizes of those radiographs whose label file tells none, where a fracture is drawn on them."""
    open_ = [
        picture.file
        for picture in pictures
        if picture.size is None
        and any(shape.category in fractures and shape.region is not None for shape in picture.shapes)
    ]
    wanted = list(dict.fromkeys(open_))
    sizes = dict(zip(wanted, engine.process(_size, wanted, workers=0, label="sizes"), strict=True))
    left_out = [
        LeftOut(source.shown(file), UNREADABLE, fault)
        for file, fault in sizes.items()
        if isinstance(fault, str)
    ]
    sized = []
    for picture in pictures:
        size = picture.size or sizes.get(picture.file)
        if not isinstance(size, str):
            sized.append(replace(picture, size=size))
    return sized, left_out


def _size(file: Path) -> tuple[int, int] | str:
    try:
        height_px, width_px = images.read(file).pixels.shape
    except ImageFault as fault:
        return f"{fault.reason}: {str(fault).removeprefix(f'{file}: ')}"
    return height_px, width_px


def _record(
    picture: Picture, fractures: frozenset[str], source: Source
) -> tuple[list[Record], list[LeftOut]]:
    """Make the record of one radiograph, or none, and a line for each shape that is not used."""
    regions, lines = [], []
    name = source.shown(picture.file)
    drawn = [shape for shape in picture.shapes if shape.category in fractures]
    for shape in drawn:
        region, line = _sound(shape, picture, name)
        regions += region
        lines += line
    once = distinct(regions)
    if repeated := len(regions) - len(once):
        lines.append(LeftOut(name, REPEATED, f"{repeated} of {len(regions)} fractures are drawn twice alike"))
    unknown = [shape for shape in picture.shapes if not shape.category]
    lines += [LeftOut(shape.where or name, UNKNOWN_CLASS, shape.fault) for shape in unknown]
    if not drawn and picture.unsure:
        return [], [*lines, LeftOut(name, BROKEN, picture.unsure)]
    if not drawn and unknown:
        return [], [
            *lines,
            LeftOut(name, UNKNOWN_CLASS, "only shapes of unknown classes: it may be fractured"),
        ]
    size = picture.size if regions else None
    return [Record(picture.file, bool(drawn), picture.split, regions=once, size=size)], lines


def _sound(shape: Shape, picture: Picture, name: str) -> tuple[list[Region], list[LeftOut]]:
    """Return a region in pixels, or why it is none."""
    where = shape.where or name
    if shape.region is None or picture.size is None:
        return [], [LeftOut(where, BAD_ROW, shape.fault)] if shape.fault else []
    try:
        region = _in_pixels(shape.region, picture.size) if picture.in_shares else shape.region
        annotation_check.check_inside(region, *picture.size)
    except ValueError as error:
        return [], [LeftOut(where, OUTSIDE, str(error))]
    return [region], []


def _in_pixels(region: Region, size: tuple[int, int]) -> Region:
    """Turn shares of the radiograph into pixels.

    Raises
    ------
    ValueError
        They are no shares.
    """
    left, top, width, height = region.bbox
    if min(left, top) < -_TOLERANCE or max(left + width, top + height) > 1 + _TOLERANCE:
        raise ValueError(f"coordinates must be shares of the radiograph, 0 to 1. Received: {region.bbox}")
    scale = np.array(size[::-1], np.float64)
    box = np.multiply(region.bbox, np.tile(scale, 2)).tolist()
    return Region(tuple(polygon * scale for polygon in region.polygons), (box[0], box[1], box[2], box[3]))


def _background(source: Source, pictures: Sequence[Picture], left_out: Sequence[LeftOut]) -> list[Record]:
    """Make records of the pictures that no label file names, as not fractured."""
    named = {picture.file for picture in pictures} | {source.root / one.file for one in left_out}
    return [
        Record(file, fractured=False, split=source.split_of(file))
        for file in source.pictures
        if file not in named
    ]


def on_labelled(
    records: Sequence[Record], drawn: Found, left_out: Sequence[LeftOut], source: Source
) -> Found:
    """Give radiographs that a table or folders label the fractures that are drawn on them.

    Parameters
    ----------
    records
        Labelled radiographs.
    drawn
        What is drawn, see `found`.
    left_out
        What the reader left out beside.
    """
    fractures = {record.file: record for record in drawn.records if record.fractured}
    kept, lines = [], [*left_out, *drawn.left_out]
    for record in records:
        other = fractures.get(record.file)
        if other is not None and not record.fractured:
            detail = "labelled as not fractured, and a fracture is drawn on it"
            lines.append(LeftOut(source.shown(record.file), TWO_LABELS, detail))
        else:
            kept.append(record if other is None else replace(record, regions=other.regions, size=other.size))
    used = {source.shown(record.file) for record in kept}  # without a drawing, where that is broken
    lines = [line for line in lines if line.file not in used]
    return Found(kept, lines, source.pictures, boxes=drawn.boxes)
