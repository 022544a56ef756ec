"""How the boxes of a COCO file are written, by the areas or the polygons beside them.

COCO writes left, top, width and height in pixels. Corners, and shares of a hundred, can fit the radiograph as
well: what stands beside a box tells that it means another place. Where nothing does, all boxes together tell
corners: these are larger than their left and top, as hardly a box of a fracture is (none of the 584 of our
share of FracAtlas), and some of them, read as sizes, would leave the radiograph.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

_TOLERANCE = 0.02  # areas and polygons are rounded
_TOLERANCE_PX = 1.5
_ONE = (1.0, 1.0)
_ENOUGH, _LEAVING = 5, 0.2  # different boxes, if only their places tell; share that leaves the radiograph
_MEND = {
    "corners (left, top, right, bottom)": "Write right - left and bottom - top in their place.",
    "percent of the radiograph": "Multiply by the radiograph's width and height, and divide by 100.",
    "corners in percent": "Write left, top, right - left and bottom - top, times width or height, by 100.",
    "corners in shares of the radiograph": "Write right - left and bottom - top in their place.",
}
_CORNERS, _PERCENT, _CORNERS_PERCENT, _CORNERS_SHARES = _MEND


class Box(NamedTuple):
    """A box as it is written, and what stands beside it.

    Attributes
    ----------
    file
        Of the radiograph.
    written
        The value of ``bbox``.
    sides
        Width and height of the radiograph in pixels.
    area
        The value of ``area``.
    extent
        Width and height of the polygons; None without any.
    """

    file: str
    written: Any
    sides: tuple[int, int]
    area: Any = None
    extent: tuple[float, ...] | None = None


def require_sizes(path: Path, boxes: Sequence[Box]) -> None:
    """Refuse a file whose boxes are other than left, top, width and height, where more say so than not.

    Raises
    ------
    ValueError
        Its boxes are corners or in percent; the message says which, and how to mend them.
    """
    if all(box.extent for box in boxes):  # polygons go first, boxes are not used
        return
    told = [(writing, box) for box in boxes if (writing := _writing(box)) is not None]
    told = told or _by_places(boxes)
    counts = Counter(writing for writing, _ in told)
    n_sound = counts.pop("", 0)
    if not counts or counts.total() <= n_sound:
        return
    writing, count = counts.most_common(1)[0]
    example = next(box for other, box in told if other == writing)
    beside = f"its area {example.area}" if _numbers([example.area], 1) else "no area that says otherwise"
    if example.extent:
        beside = f"its polygon {example.extent} wide and high"
    raise ValueError(
        f"{path}: boxes must be left, top, width, height in pixels. Received: {writing}, by {count} of "
        f"{len(told)} that tell, such as {example.written} with {beside}, on {example.file}. {_MEND[writing]}"
    )


def _by_places(boxes: Sequence[Box]) -> list[tuple[str, Box]]:
    """Tell corners from COCO's own by the places alone; nothing where too few different boxes are corners."""
    told = [(writing, box) for box in boxes if (writing := _by_place(box)) is not None]
    corners = {str(box.written): _leaves(box) for writing, box in told if writing}
    return told if len(corners) >= _ENOUGH and sum(corners.values()) >= _LEAVING * len(corners) else []


def _leaves(box: Box) -> bool:
    """Whether a box, read as COCO writes it, reaches beyond its radiograph."""
    numbers = _numbers(box.written, 4) or (0.0,) * 4
    left, top, width, height = numbers
    of_width, of_height = _sides(numbers, box)
    return left + width > of_width * (1 + _TOLERANCE) or top + height > of_height * (1 + _TOLERANCE)


def _by_place(box: Box) -> str | None:
    """Say which writing fits the place of a box; None where that makes no difference, or none fits."""
    numbers = _numbers(box.written, 4)
    if numbers is None or min(numbers) < 0 or min(numbers[2:]) <= 0:
        return None
    left, top, third, fourth = numbers
    width, height = sides = _sides(numbers, box)
    if third <= left or fourth <= top:
        return ""
    if left <= _TOLERANCE * width and top <= _TOLERANCE * height:
        return None
    fits = third <= width * (1 + _TOLERANCE) and fourth <= height * (1 + _TOLERANCE)
    return (_CORNERS_SHARES if sides == _ONE else _CORNERS) if fits else None


def _sides(numbers: Sequence[float], box: Box) -> tuple[float, float]:
    """Width and height that numbers are of: one where all are shares, else those of the radiograph."""
    return _ONE if max(numbers) <= 1 + _TOLERANCE else box.sides


def _writing(box: Box) -> str | None:
    """Name the writing that fits what stands beside a box: empty for COCO's own; None where nothing tells."""
    numbers = _numbers(box.written, 4)
    if numbers is None:
        return None
    left, top, third, fourth = numbers
    width_px, height_px = box.sides
    size, between = (third, fourth), (third - left, fourth - top)
    readings = {
        "": [size, (third * width_px, fourth * height_px)],
        _CORNERS: [between],
        _CORNERS_SHARES: [(between[0] * width_px, between[1] * height_px)],
        _PERCENT: [(third * width_px / 100, fourth * height_px / 100)],
        _CORNERS_PERCENT: [(between[0] * width_px / 100, between[1] * height_px / 100)],
    }
    fitting = (name for name, extents in readings.items() if any(_fits(extent, box) for extent in extents))
    return next(fitting, None)


def _fits(extent: tuple[float, float], box: Box) -> bool:
    """Whether a box of that width and height has the polygon's extent, or else the area."""
    if min(extent) <= 0:
        return False
    if box.extent is not None:
        near = {"rel_tol": _TOLERANCE, "abs_tol": _TOLERANCE_PX if max(box.extent) > 1 else 0.0}
        return all(math.isclose(one, other, **near) for one, other in zip(extent, box.extent, strict=True))
    area = _numbers([box.area], 1)
    if area is None or area[0] <= 0:
        return False
    inclusive = (extent[0] + 1) * (extent[1] + 1)  # of tools that count both border pixels
    return any(
        math.isclose(area[0], product, rel_tol=_TOLERANCE) for product in (math.prod(extent), inclusive)
    )


def _numbers(values: Any, count: int) -> list[float] | None:
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None
