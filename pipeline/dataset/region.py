"""One annotated fracture: its outlines, the pixels inside, and how COCO files write it.

Pixel coordinates are (column, row) with the origin at the radiograph's upper left corner.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LONGEST_RUN = 60  # bits: no picture has so many pixels


@dataclass(frozen=True)
class Region:
    """One annotated fracture.

    Attributes
    ----------
    polygons
        Outlines as float64 arrays of shape (n_points, 2), (column, row); empty when only a box is known.
    bbox
        Left, top, width, height in pixels.
    """

    polygons: tuple[NDArray[np.float64], ...]
    bbox: tuple[float, float, float, float]

    @property
    def outlines(self) -> tuple[NDArray[np.float64], ...]:
        """Return the polygons, or the box's corners where there are none."""
        return self.polygons or (corners(self.bbox),)


def mask(regions: Sequence[Region], height_px: int, width_px: int) -> NDArray[np.bool_]:
    """Rasterise regions; a region without a polygon fills its box.

    Returns
    -------
    ndarray of bool
        Shape (height_px, width_px), true where a pixel's centre lies inside any region.
    """
    inside = np.zeros((height_px, width_px), dtype=bool)
    for region in regions:
        for polygon in region.outlines:
            _fill(inside, polygon)
    return inside


def distinct(regions: Iterable[Region]) -> tuple[Region, ...]:
    """Keep each region once: some tools write all of them twice, where files are joined."""
    return tuple({(one.bbox, *(part.tobytes() for part in one.polygons)): one for one in regions}.values())


def corners(bbox: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """Outline of a box: float64, shape (4, 2), (column, row), clockwise from the upper left."""
    left, top, width, height = bbox
    right, bottom = left + width, top + height
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def parse_region(annotation: Mapping[str, Any]) -> Region:
    """Read one COCO annotation; run-length masks count as their box.

    Raises
    ------
    ValueError
        A polygon has fewer than three points, or the region has no finite, positive extent.
    """
    try:
        polygons = _polygons(annotation.get("segmentation"))
        box = () if polygons else _numbers(annotation.get("bbox") or ())
        box = box or _mask_box(annotation.get("segmentation"))
    except (TypeError, OverflowError, LookupError, AttributeError):
        received = {key: annotation.get(key) for key in ("bbox", "segmentation") if annotation.get(key)}
        raise ValueError(
            f"an annotation needs lists of numbers. Received: {reprlib.repr(received)}"
        ) from None
    if polygons:
        points = np.concatenate(polygons)
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        box = (float(left), float(top), float(right - left), float(bottom - top))
    if len(box) != 4:
        raise ValueError(f"an annotation needs a polygon or a box of four numbers. Received: {list(box)}")
    if not np.isfinite(box).all() or min(box[2:]) <= 0:
        raise ValueError(f"a region needs a finite, positive extent. Received: {box}")
    return Region(tuple(polygons), (box[0], box[1], box[2], box[3]))


def _polygons(segmentation: Any) -> list[NDArray[np.float64]]:
    """Read outlines: lists of numbers or of points, one or several; none of a run-length mask."""
    if not isinstance(segmentation, list):
        return []
    parts = [part for part in segmentation if part not in (None, [])]
    points = bool(parts) and all(isinstance(part, list) and len(part) == 2 for part in parts)
    if parts and (points or not isinstance(parts[0], list)):
        parts = [parts]  # one outline, in no list of its own
    return [_polygon(part) for part in parts]


def _mask_box(segmentation: Any) -> tuple[float, ...]:
    """Return the box around a run-length mask, compressed or not; nothing of what is no such mask."""
    if not isinstance(segmentation, dict) or not segmentation.get("counts"):
        return ()
    from pycocotools import mask as run_length

    height, width = (int(side) for side in segmentation["size"])
    counts = segmentation["counts"]
    runs = [int(run) for run in counts] if isinstance(counts, list) else _runs(counts)
    if min(height, width) < 1 or min(runs, default=-1) < 0 or sum(runs) > height * width:
        raise ValueError(f"a run-length mask must fit its size. Received: size {[height, width]}")
    encoded = run_length.frPyObjects({"size": [height, width], "counts": runs}, height, width)
    return tuple(map(float, run_length.toBbox(encoded)))


def _runs(packed: str) -> list[int]:
    """Unpack the runs of a compressed mask: five bits a letter, the fourth on less the one before last."""
    runs, value, shift = [0], 0, 0
    for letter in packed.encode():
        bits = letter - 48
        value |= (bits & 31) << shift
        shift += 5
        if shift > _LONGEST_RUN:
            raise TypeError
        if not bits & 32:
            value -= (bits & 16) << (shift - 4)
            runs.append(value + (runs[-2] if len(runs) > 3 else 0))
            value = shift = 0
    return runs[1:]


def _numbers(values: Any) -> tuple[float, ...]:
    """Read a list of numbers; a TypeError where it holds anything else."""
    if not isinstance(values, list | tuple):
        raise TypeError
    try:
        return tuple(map(float, values))
    except ValueError:
        raise TypeError from None


def _polygon(part: Any) -> NDArray[np.float64]:
    try:
        numbers = np.asarray(part, dtype=np.float64).ravel()
    except ValueError:
        raise TypeError from None
    if numbers.size < 6 or numbers.size % 2:
        raise ValueError(f"a polygon needs three points or more. Received: {numbers.size} numbers")
    return numbers.reshape(-1, 2)


def _fill(inside: NDArray[np.bool_], polygon: NDArray[np.float64]) -> None:
    """Set the pixels whose centres a polygon holds, by the even-odd rule, within its extent."""
    limit = np.array(inside.shape[::-1])
    left, top = np.clip(np.floor(polygon.min(axis=0)), 0, limit).astype(int)
    right, bottom = np.clip(np.ceil(polygon.max(axis=0)), 0, limit).astype(int)
    columns = np.arange(left, right) + 0.5
    odd = np.zeros((bottom - top, right - left), dtype=bool)
    for start, end in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        rows = np.arange(top, bottom) + 0.5
        crossed = np.flatnonzero((start[1] > rows) != (end[1] > rows))
        slope = (end[0] - start[0]) / (end[1] - start[1]) if crossed.size else 0.0
        edge = start[0] + (rows[crossed] - start[1]) * slope
        odd[crossed] ^= columns < edge[:, np.newaxis]
    inside[top:bottom, left:right] |= odd
